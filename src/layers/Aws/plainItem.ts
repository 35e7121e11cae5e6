/** DynamoDB items as plain JSON: what another service wrote, in whatever types, so that it can be looked at and handed on. */
import type { AttributeValue } from "@aws-sdk/client-dynamodb"

/** A number that JSON would change stays the text that it is. */
const plainNumber = (text: string): number | string => {
  const value = Number(text)
  return Number.isSafeInteger(value) || (Number.isFinite(value) && String(value) === text) ? value : text
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64")

/** An attribute's value: sets are lists, and bytes are base64. */
export const plainValue = (value: AttributeValue): unknown => {
  if (value.S !== undefined) return value.S
  if (value.N !== undefined) return plainNumber(value.N)
  if (value.BOOL !== undefined) return value.BOOL
  if (value.L !== undefined) return value.L.map(plainValue)
  if (value.M !== undefined) return plainItem(value.M)
  if (value.SS !== undefined) return value.SS
  if (value.NS !== undefined) return value.NS.map(plainNumber)
  if (value.B !== undefined) return base64(value.B)
  if (value.BS !== undefined) return value.BS.map(base64)
  return null
}

/** An item. */
export const plainItem = (item: Readonly<Record<string, AttributeValue>>): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(item).map(([name, value]) => [name, plainValue(value)]))
