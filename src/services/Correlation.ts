/** The correlation id of the work at hand: it belongs to the fiber, so concurrent requests never share it. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/** The correlation id in force; `"unknown"` outside any request. */
export class Correlation extends Context.Reference<Correlation>()("integration-services/services/Correlation", {
  defaultValue: () => "unknown"
}) {}

/** Writes the correlation id on the span at hand as well: for the span of an invocation that serves one request. */
export const annotateInvocation = (id: string): Effect.Effect<void> => Effect.annotateCurrentSpan("correlation.id", id)

/** Runs an invocation that nobody has given an id for: its own is what everything is found by. */
export const withInvocation =
  ({ requestId }: { readonly requestId: string }) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    withCorrelation(requestId)(Effect.zipRight(annotateInvocation(requestId), effect))

/** Runs an effect under a correlation id: its log lines, spans and outgoing calls carry it. */
export const withCorrelation =
  (id: string) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    effect.pipe(
      Effect.annotateLogs("correlationId", id),
      Effect.annotateSpans("correlation.id", id),
      Effect.provideService(Correlation, id)
    )
