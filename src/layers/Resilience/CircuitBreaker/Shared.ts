/** The store of shared states as one breaker uses it: never slow, never failing. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import { type BreakerStoreShape, BreakerStoreUnavailable } from "../../../services/Resilience/CircuitBreaker.ts"
import type { CircuitState } from "../../../services/Resilience/CircuitBreaker/State.ts"
import * as Metrics from "../../../services/Metrics.ts"
import * as Timer from "../../../services/Resilience/Timer.ts"

/** The longest that a call waits for the store, in milliseconds. */
const limitMillis = 500

/** A store that answers in any case. */
export interface BoundedStore {
  readonly cacheMillis: number
  /** The state, or undefined if the store is down. */
  readonly load: Effect.Effect<CircuitState | undefined>
  /** Whether the change holds: it was written, or the store is down and this process goes on by itself. */
  readonly compareAndSet: (expectedGeneration: number, next: CircuitState) => Effect.Effect<boolean>
}

/**
 * Gives each operation an answer for when the store is down, be it by a defect, and a time limit. A store that nobody
 * else writes is in this process and needs none.
 */
export const bounded = (key: string, store: BreakerStoreShape): BoundedStore => {
  const inTime = <A>(effect: Effect.Effect<A, BreakerStoreUnavailable>) =>
    store.cacheMillis === Number.POSITIVE_INFINITY
      ? effect
      : Timer.limit({
          millis: limitMillis,
          onTimeout: () => new BreakerStoreUnavailable({ reason: "no answer" })
        })(Effect.interruptible(effect))
  const orElse = <A, B>(effect: Effect.Effect<A, BreakerStoreUnavailable>, otherwise: B): Effect.Effect<A | B> =>
    inTime(effect).pipe(
      Effect.catchAllCause((cause) =>
        Cause.isInterruptedOnly(cause)
          ? Effect.succeed(otherwise)
          : Effect.as(Metrics.count("CircuitStoreFailures", { Upstream: key }), otherwise)
      )
    )
  return {
    cacheMillis: store.cacheMillis,
    load: orElse(store.load(key), undefined),
    compareAndSet: (expectedGeneration, next) => orElse(store.compareAndSet(key, expectedGeneration, next), true)
  }
}
