/** Spans as functions send them, for the tests of the platform's traces. */
import type { Span } from "../../local/src/observability/otlp.ts"

export const traceId = "0af7651916cd43dd8448eb211c80319c"

/** A span's id from a small number. */
export const spanId = (number: number): string => number.toString(16).padStart(16, "0")

/** 2025-06-15T15:30:45.123Z and some milliseconds, in nanoseconds. */
export const nanos = (milliseconds: number): string => `${1_750_001_445_123 + milliseconds}000000`

/** A span on the wire. */
export const wireSpan = (number: number, fields: Record<string, unknown> = {}) => ({
  traceId,
  spanId: spanId(number),
  name: `work ${number}`,
  kind: 1,
  startTimeUnixNano: nanos(number),
  endTimeUnixNano: nanos(number + 10),
  attributes: [],
  status: { code: 0 },
  links: [],
  ...fields
})

/** The attribute that names the request. */
export const correlated = (correlationId: string): { readonly attributes: ReadonlyArray<object> } => ({
  attributes: [{ key: "correlation.id", value: { stringValue: correlationId } }]
})

/** A document with the spans of one function. */
export const wireDocument = (spans: ReadonlyArray<object>, functionName = "a-function") => ({
  resourceSpans: [
    {
      resource: { attributes: [{ key: "service.name", value: { stringValue: functionName } }] },
      scopeSpans: [{ scope: { name: "tests" }, spans }]
    }
  ]
})

/** A span as it is read from the wire. */
export const readSpan = (number: number, correlationId: string): Span => ({
  traceId,
  spanId: spanId(number),
  function: "a-function",
  name: `work ${number}`,
  kind: "internal",
  startNanos: BigInt(number),
  endNanos: BigInt(number),
  status: "unset",
  attributes: { "correlation.id": correlationId },
  links: []
})
