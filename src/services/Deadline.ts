/** The moment by which the work at hand must have answered. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/** Epoch milliseconds by which the current invocation must have answered; infinite outside an invocation. */
export class Deadline extends Context.Reference<Deadline>()("integration-services/services/Deadline", {
  defaultValue: () => Number.POSITIVE_INFINITY
}) {}

/** Milliseconds left until the deadline, never negative. */
export const remainingMillis: Effect.Effect<number> = Effect.gen(function* () {
  const deadline = yield* Deadline
  return Math.max(0, deadline - (yield* Clock.currentTimeMillis))
})

/** Runs an effect under a deadline of its own, although the one at hand may be over: for what is kept or given back then. */
export const afresh =
  (millis: number) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => Effect.provideService(effect, Deadline, now + millis))

/** Runs an effect under a deadline this many milliseconds from now, unless an earlier one is in force already. */
export const within =
  (millis: number) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.gen(function* () {
      const outer = yield* Deadline
      const now = yield* Clock.currentTimeMillis
      return yield* Effect.provideService(effect, Deadline, Math.min(outer, now + millis))
    })
