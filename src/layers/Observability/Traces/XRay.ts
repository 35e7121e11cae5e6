/** Spans as X-Ray's segment documents, one datagram each, for the daemon that runs beside a Lambda function. */
import * as Effect from "effect/Effect"
import type * as Tracer from "effect/Tracer"
import { awsTraceId } from "../../../schemas/TraceHeader.ts"
import { factsOf } from "./SpanFacts.ts"

const seconds = (nanos: bigint): number => Number(nanos / 1000n) / 1_000_000

const namespaceOf = (span: Tracer.Span): object => {
  if (span.kind !== "client") return {}
  return { namespace: span.attributes.get("rpc.system") === "aws-api" ? "aws" : "remote" }
}

/** X-Ray takes letters, digits, blanks and these signs in a name. */
const nameOf = (span: Tracer.Span): string => span.name.replace(/[^\p{L}\p{N}\s_.:/%&#=+\\\-@]/gu, "_").slice(0, 200)

/** One span as a segment document; under a caller's segment it is a subsegment of it. */
export const segment = (span: Tracer.Span, functionName: string): object => {
  const { attributes, endNanos, failed, parentSpanId, startNanos } = factsOf(span)
  const { "correlation.id": correlationId, ...rest } = attributes
  return {
    name: parentSpanId === undefined ? functionName : nameOf(span),
    id: span.spanId,
    trace_id: awsTraceId(span.traceId),
    ...(parentSpanId === undefined ? {} : { parent_id: parentSpanId, type: "subsegment" }),
    start_time: seconds(startNanos),
    end_time: seconds(endNanos),
    ...namespaceOf(span),
    ...(failed ? { fault: true } : {}),
    // An annotation can be searched for.
    ...(correlationId === undefined ? {} : { annotations: { correlation_id: correlationId } }),
    metadata: { default: rest }
  }
}

/** The largest datagram that the daemon reads. */
const maxBytes = 64 * 1024
const header = `${JSON.stringify({ format: "json", version: 1 })}\n`

/** Hands the spans to the daemon; nothing waits for it, and nothing learns whether it is there. */
export const send = (
  daemon: { readonly host: string; readonly port: number },
  spans: ReadonlyArray<Tracer.Span>,
  functionName: string
): Effect.Effect<void> =>
  Effect.acquireUseRelease(
    // Loaded when it is needed: most starts never need it.
    Effect.map(
      Effect.promise(() => import("node:dgram")),
      ({ createSocket }) => createSocket(daemon.host.includes(":") ? "udp6" : "udp4").on("error", () => undefined)
    ),
    (socket) =>
      Effect.forEach(
        spans.map((span) => Buffer.from(header + JSON.stringify(segment(span, functionName)))),
        (datagram) =>
          datagram.length > maxBytes
            ? Effect.void
            : Effect.async<void>((resume) =>
                socket.send(datagram, daemon.port, daemon.host, () => resume(Effect.void))
              ),
        { concurrency: "unbounded", discard: true }
      ),
    (socket) => Effect.sync(() => socket.close())
  )
