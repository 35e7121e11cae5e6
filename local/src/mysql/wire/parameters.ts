/** The values with which a prepared statement is executed. */
import { ByteReader } from "./bytes.ts"

/** Of every parameter, the type that the client has sent it in. */
export type ParameterTypes = ReadonlyArray<number>

const nullType = 0x06

const readers: Readonly<Record<number, (reader: ByteReader) => string | number>> = {
  0x01: (reader) => reader.take(1).readInt8(),
  0x02: (reader) => reader.take(2).readInt16LE(),
  0x03: (reader) => reader.take(4).readInt32LE(),
  0x04: (reader) => reader.take(4).readFloatLE(),
  0x05: (reader) => reader.take(8).readDoubleLE(),
  0x08: (reader) => Number(reader.take(8).readBigInt64LE())
}

/** Texts of all kinds: VARCHAR, BLOB, STRING and the like. */
const texts = new Set([0x00, 0x0f, 0xf6, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe])

/** Command, statement id, flags and count. */
const valuesAt = 1 + 4 + 1 + 4

/** The parameters of an execution; undefined when one is of a type that nobody here sends. */
export const readParameters = (
  payload: Buffer,
  count: number,
  known: ParameterTypes
): { readonly types: ParameterTypes; readonly values: ReadonlyArray<string | number | null> } | undefined => {
  if (count === 0) return { types: known, values: [] }
  const reader = new ByteReader(payload)
  reader.take(valuesAt)
  const nulls = reader.take((count + 7) >> 3)
  // The client sends the types once and may leave them out afterwards.
  const types = reader.fixed(1) === 1 ? Array.from({ length: count }, () => reader.fixed(2) & 0xff) : known
  const values: Array<string | number | null> = []
  for (let index = 0; index < count; index += 1) {
    const type = types[index] ?? nullType
    const read = readers[type]
    if (type === nullType || ((nulls[index >> 3] ?? 0) & (1 << (index & 7))) !== 0) values.push(null)
    else if (read !== undefined) values.push(read(reader))
    else if (texts.has(type)) values.push(reader.lengthPrefixed().toString("utf8"))
    else return undefined
  }
  return { types, values }
}
