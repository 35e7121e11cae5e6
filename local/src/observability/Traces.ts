/** What the functions say of their work, by the request that it was done for: spans, and lines of their logs. */
import { isRecord } from "../isRecord.ts"
import { Newest } from "./Newest.ts"
import type { Span } from "./otlp.ts"

/** A span as `GET /_platform/traces/{correlationId}` shows it. */
export interface TracedSpan extends Omit<Span, "startNanos" | "endNanos"> {
  /** ISO 8601 with milliseconds. */
  readonly start: string
  readonly durationMs: number
}

/** One request's path through the system. */
export interface Trace {
  readonly correlationId: string
  readonly spans: ReadonlyArray<TracedSpan>
  readonly logs: ReadonlyArray<Readonly<Record<string, unknown>>>
}

interface LogLine {
  readonly correlationId: string
  readonly at: number
  readonly fields: Readonly<Record<string, unknown>>
}

const correlationAttribute = "correlation.id"

/** What a line carries that belongs to no request. */
const noCorrelation = "unknown"

const keyOf = (traceId: string, spanId: string): string => `${traceId} ${spanId}`

/** By their start; of two that start together, the one that lasts is around the other. */
const inOrder = (left: Span, right: Span): number => {
  const difference = left.startNanos - right.startNanos || right.endNanos - left.endNanos
  return difference < 0n ? -1 : difference > 0n ? 1 : 0
}

const shown = ({ startNanos, endNanos, ...span }: Span): TracedSpan => ({
  ...span,
  start: new Date(Number(startNanos / 1_000_000n)).toISOString(),
  durationMs: Number(endNanos - startNanos) / 1_000_000
})

const lineOf = (functionName: string, line: string): LogLine | undefined => {
  if (!line.startsWith("{")) return undefined
  try {
    const fields: unknown = JSON.parse(line)
    const correlationId = isRecord(fields) ? fields["correlationId"] : undefined
    if (!isRecord(fields) || typeof correlationId !== "string" || correlationId === noCorrelation) return undefined
    const at = Date.parse(String(fields["timestamp"]))
    return { correlationId, at: Number.isNaN(at) ? Date.now() : at, fields: { function: functionName, ...fields } }
  } catch {
    return undefined
  }
}

/** Keeps the newest spans and log lines in memory. Taking one in is cheap; looking a request up goes through them all. */
export class Traces {
  private readonly spans: Newest<Span>
  private readonly lines: Newest<LogLine>

  constructor(limit = 20_000) {
    this.spans = new Newest(limit)
    this.lines = new Newest(limit)
  }

  addSpans(spans: ReadonlyArray<Span>): void {
    for (const span of spans) this.spans.add(span)
  }

  /** Keeps a line of a function's log if it is a JSON object that names its request. */
  addLine(functionName: string, line: string): void {
    const kept = lineOf(functionName, line)
    if (kept !== undefined) this.lines.add(kept)
  }

  /** The request's spans with the spans around them, up to the invocation's own, and its log lines. */
  of(correlationId: string): Trace {
    const all = this.spans.all()
    const named = (span: Span): boolean => span.attributes[correlationAttribute] === correlationId
    const traceIds = new Set(all.filter(named).map(({ traceId }) => traceId))
    // A document that was sent twice has the same spans in it.
    const known = new Map(
      all.filter(({ traceId }) => traceIds.has(traceId)).map((span) => [keyOf(span.traceId, span.spanId), span])
    )
    const found = new Set<Span>()
    for (const span of [...known.values()].filter(named)) {
      let at: Span | undefined = span
      while (at !== undefined && !found.has(at)) {
        found.add(at)
        at = at.parentSpanId === undefined ? undefined : known.get(keyOf(at.traceId, at.parentSpanId))
      }
    }
    const lines = this.lines.all().filter((line) => line.correlationId === correlationId)
    return {
      correlationId,
      spans: [...found].toSorted(inOrder).map(shown),
      logs: lines.toSorted((left, right) => left.at - right.at).map(({ fields }) => fields)
    }
  }
}
