/** The metric `Fatal`, of runs and of verifications. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Metrics from "../../services/Metrics.ts"

/** Whatever ends a run or a verification, but for clients that were not archived and for somebody who stops it. */
const isFatal = (cause: Cause.Cause<{ readonly _tag: string }>): boolean =>
  !Cause.isInterruptedOnly(cause) &&
  Option.match(Cause.failureOption(cause), {
    onNone: () => true,
    onSome: (error) => error._tag !== "DexPartialFailure"
  })

/** Counts a run or a verification that is rejected with what keeps all clients from being archived, or from being looked at. */
export const countFatal = <A, E extends { readonly _tag: string }, R>(
  work: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.tapErrorCause(work, (cause) => (isFatal(cause) ? Metrics.count("Fatal") : Effect.void))
