/** Reads spans from an OTLP document in its JSON encoding (OpenTelemetry protocol 1.x, `ExportTraceServiceRequest`). */
import { isRecord } from "../isRecord.ts"

export type SpanKind = "internal" | "server" | "client" | "producer" | "consumer"
export type SpanStatus = "unset" | "ok" | "error"

export interface SpanLink {
  readonly traceId: string
  readonly spanId: string
}

/** A span that has ended, as a function sent it. */
export interface Span {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  /** The resource's `service.name`. */
  readonly function: string
  readonly name: string
  readonly kind: SpanKind
  readonly startNanos: bigint
  readonly endNanos: bigint
  readonly status: SpanStatus
  readonly attributes: Readonly<Record<string, unknown>>
  readonly links: ReadonlyArray<SpanLink>
}

/** A body that is no such document; the message names the field and what was expected there. */
export class InvalidSpans extends Error {
  override readonly name = "InvalidSpans"
}

/** By number; 0 says nothing, which the protocol lets a reader take for internal. */
const kinds: ReadonlyArray<SpanKind> = ["internal", "internal", "server", "client", "producer", "consumer"]
const statuses: ReadonlyArray<SpanStatus> = ["unset", "ok", "error"]

const fail = (path: string, expected: string): never => {
  throw new InvalidSpans(`${path} must be ${expected}`)
}

const record = (value: unknown, path: string): Record<string, unknown> =>
  isRecord(value) ? value : fail(path, "an object")

/** Protobuf's JSON leaves out what is empty, and lets null stand for it. */
const list = <A>(value: unknown, path: string, read: (item: unknown, path: string) => A): ReadonlyArray<A> => {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) return fail(path, "an array")
  return value.map((item, at) => read(item, `${path}[${at}]`))
}

const text = (value: unknown, path: string): string => (typeof value === "string" ? value : fail(path, "a string"))

const id = (value: unknown, digits: number, path: string): string => {
  const hex = typeof value === "string" ? value.toLowerCase() : ""
  const valid = hex.length === digits && /^[0-9a-f]+$/.test(hex) && !/^0+$/.test(hex)
  return valid ? hex : fail(path, `${digits} hexadecimal digits, not all 0`)
}

const nanos = (value: unknown, path: string): bigint =>
  typeof value === "string" && /^\d{1,20}$/.test(value) ? BigInt(value) : fail(path, "nanoseconds as a decimal string")

const oneOf = <A>(named: ReadonlyArray<A>, value: unknown, path: string): A => {
  const found = typeof (value ?? 0) === "number" ? named[Number(value ?? 0)] : undefined
  return found ?? fail(path, `a number from 0 to ${named.length - 1}`)
}

const integer = (value: unknown, path: string): number | string => {
  if (!/^-?\d+$/.test(String(value))) return fail(path, "a whole number")
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : String(value)
}

const plain = (value: unknown, path: string): unknown => {
  const { stringValue, boolValue, intValue, doubleValue, arrayValue, kvlistValue, bytesValue } = record(value, path)
  if (stringValue !== undefined) return text(stringValue, `${path}.stringValue`)
  if (boolValue !== undefined)
    return typeof boolValue === "boolean" ? boolValue : fail(`${path}.boolValue`, "true or false")
  if (intValue !== undefined) return integer(intValue, `${path}.intValue`)
  // NaN and the infinities are texts in protobuf's JSON, and have to stay texts in ours.
  if (doubleValue !== undefined)
    return typeof doubleValue === "number" ? doubleValue : text(doubleValue, `${path}.doubleValue`)
  if (arrayValue !== undefined)
    return list(record(arrayValue, `${path}.arrayValue`)["values"], `${path}.arrayValue.values`, plain)
  if (kvlistValue !== undefined)
    return attributes(record(kvlistValue, `${path}.kvlistValue`)["values"], `${path}.kvlistValue.values`)
  return bytesValue === undefined ? null : text(bytesValue, `${path}.bytesValue`)
}

const attributes = (value: unknown, path: string): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    list(value, path, (item, at) => {
      const { key, value: given } = record(item, at)
      return [text(key, `${at}.key`), given === undefined ? null : plain(given, `${at}.value`)] as const
    })
  )

const link = (value: unknown, path: string): SpanLink => {
  const { traceId, spanId } = record(value, path)
  return { traceId: id(traceId, 32, `${path}.traceId`), spanId: id(spanId, 16, `${path}.spanId`) }
}

const span = (value: unknown, path: string, functionName: string): Span => {
  const fields = record(value, path)
  const at = (name: string): string => `${path}.${name}`
  const parent = fields["parentSpanId"] ?? ""
  const status = fields["status"] ?? {}
  return {
    traceId: id(fields["traceId"], 32, at("traceId")),
    spanId: id(fields["spanId"], 16, at("spanId")),
    ...(parent === "" ? {} : { parentSpanId: id(parent, 16, at("parentSpanId")) }),
    function: functionName,
    name: text(fields["name"], at("name")),
    kind: oneOf(kinds, fields["kind"], at("kind")),
    startNanos: nanos(fields["startTimeUnixNano"], at("startTimeUnixNano")),
    endNanos: nanos(fields["endTimeUnixNano"], at("endTimeUnixNano")),
    status: oneOf(statuses, record(status, at("status"))["code"], at("status.code")),
    attributes: attributes(fields["attributes"], at("attributes")),
    links: list(fields["links"], at("links"), link)
  }
}

const resourceSpans = (value: unknown, path: string): ReadonlyArray<Span> => {
  const { resource, scopeSpans } = record(value, path)
  const of = attributes(record(resource ?? {}, `${path}.resource`)["attributes"], `${path}.resource.attributes`)
  const functionName = text(of["service.name"] ?? "unknown_service", `${path}: service.name`)
  return list(scopeSpans, `${path}.scopeSpans`, (scope, at) =>
    list(record(scope, at)["spans"], `${at}.spans`, (one, spanAt) => span(one, spanAt, functionName))
  ).flat()
}

/** All spans of a document. Throws {@link InvalidSpans} for anything else: then none of it is taken. */
export const spansOf = (body: string): ReadonlyArray<Span> => {
  const document = ((): unknown => {
    try {
      return JSON.parse(body)
    } catch {
      throw new InvalidSpans("the body must be JSON")
    }
  })()
  return list(record(document, "the body")["resourceSpans"], "resourceSpans", resourceSpans).flat()
}
