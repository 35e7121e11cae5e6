/** Trace context as it crosses the wire: AWS's `X-Amzn-Trace-Id` (also in `_X_AMZN_TRACE_ID` and `AWSTraceHeader`) and W3C's `traceparent`. */

/** The span that something is done for. Ids are lower-case hex: 32 digits for the trace, 16 for the span. */
export interface TraceContext {
  readonly traceId: string
  readonly spanId: string
  readonly sampled: boolean
}

/** What an AWS header says; it may name the trace alone, and may leave sampling open. */
export interface AwsTraceHeader {
  readonly traceId: string
  readonly spanId?: string
  readonly sampled?: boolean
}

const root = /^1-([0-9a-f]{8})-([0-9a-f]{24})$/
const parent = /^[0-9a-f]{16}$/

/** Reads an AWS header; undefined when it names no trace. Unknown parts are ignored. */
export const parseAws = (text: string): AwsTraceHeader | undefined => {
  const parts = new Map(
    text.split(";").map((part) => {
      const [name = "", value = ""] = part.trim().split("=")
      return [name, value]
    })
  )
  const trace = root.exec(parts.get("Root") ?? "")
  if (trace === null) return undefined
  const spanId = parts.get("Parent") ?? ""
  const sampled = parts.get("Sampled")
  return {
    traceId: `${trace[1]}${trace[2]}`,
    ...(parent.test(spanId) ? { spanId } : {}),
    ...(sampled === "1" || sampled === "0" ? { sampled: sampled === "1" } : {})
  }
}

/** The AWS spelling of a trace's id. */
export const awsTraceId = (traceId: string): string => `1-${traceId.slice(0, 8)}-${traceId.slice(8)}`

/** The AWS header for what is done on behalf of a span. */
export const formatAws = ({ sampled, spanId, traceId }: TraceContext): string =>
  `Root=${awsTraceId(traceId)};Parent=${spanId};Sampled=${sampled ? 1 : 0}`

/** The W3C header for what is done on behalf of a span. */
export const formatTraceparent = ({ sampled, spanId, traceId }: TraceContext): string =>
  `00-${traceId}-${spanId}-0${sampled ? 1 : 0}`
