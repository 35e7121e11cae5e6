/** Spans as an OTLP document in its JSON encoding (OpenTelemetry protocol 1.x, `ExportTraceServiceRequest`). */
import type * as Tracer from "effect/Tracer"
import { type AttributeValue, factsOf } from "./SpanFacts.ts"

const kinds: Readonly<Record<Tracer.SpanKind, number>> = { internal: 1, server: 2, client: 3, producer: 4, consumer: 5 }
const statusUnset = 0
const statusError = 2

const valueOf = (value: AttributeValue): object => {
  if (typeof value === "string") return { stringValue: value }
  if (typeof value === "boolean") return { boolValue: value }
  return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value }
}

const attributesOf = (attributes: Readonly<Record<string, AttributeValue>>): ReadonlyArray<object> =>
  Object.entries(attributes).map(([key, value]) => ({ key, value: valueOf(value) }))

const spanOf = (span: Tracer.Span): object => {
  const facts = factsOf(span)
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    ...(facts.parentSpanId === undefined ? {} : { parentSpanId: facts.parentSpanId }),
    name: span.name,
    kind: kinds[span.kind],
    startTimeUnixNano: String(facts.startNanos),
    endTimeUnixNano: String(facts.endNanos),
    attributes: attributesOf(facts.attributes),
    links: span.links.map(({ span: { spanId, traceId } }) => ({ traceId, spanId })),
    status: { code: facts.failed ? statusError : statusUnset }
  }
}

/** The document for the spans of one function. */
export const document = (spans: ReadonlyArray<Tracer.Span>, functionName: string): object => ({
  resourceSpans: [
    {
      resource: {
        attributes: attributesOf({
          "service.name": functionName,
          "cloud.provider": "aws",
          "cloud.platform": "aws_lambda",
          "faas.name": functionName
        })
      },
      scopeSpans: [{ scope: { name: "integration-services" }, spans: spans.map(spanOf) }]
    }
  ]
})
