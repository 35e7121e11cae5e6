/** A time limit for one attempt of one call. */
import type * as Effect from "effect/Effect"
import * as Function from "effect/Function"
import { CallTimeout } from "../../schemas/ResilienceError.ts"
import * as Timer from "./Timer.ts"

/** What a limit is for, and how long it is. */
export interface CallLimit {
  /** The upstream's name, as the error says it. */
  readonly upstream: string
  readonly milliseconds: number
}

/** Fails with `CallTimeout` when a call takes longer, and interrupts it. Nothing is left behind either way. */
export const callTimeout: {
  (limit: CallLimit): <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | CallTimeout, R>
  <A, E, R>(effect: Effect.Effect<A, E, R>, limit: CallLimit): Effect.Effect<A, E | CallTimeout, R>
} = Function.dual(
  2,
  <A, E, R>(
    effect: Effect.Effect<A, E, R>,
    { milliseconds, upstream }: CallLimit
  ): Effect.Effect<A, E | CallTimeout, R> =>
    Timer.limit({ millis: milliseconds, onTimeout: () => new CallTimeout({ upstream, milliseconds }) })(effect)
)
