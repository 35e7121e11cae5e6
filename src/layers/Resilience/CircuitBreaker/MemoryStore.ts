/** {@link BreakerStore} in memory. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { BreakerStore, type BreakerStoreShape } from "../../../services/Resilience/CircuitBreaker.ts"
import { type CircuitState, initial } from "../../../services/Resilience/CircuitBreaker/State.ts"

/** An empty store. Give it a cache lifetime when several sets of breakers share it; one alone never reads it. */
export const make = (cacheMillis = Number.POSITIVE_INFINITY): Effect.Effect<BreakerStoreShape> =>
  Effect.sync(() => {
    const states = new Map<string, CircuitState>()
    const current = (key: string): CircuitState => states.get(key) ?? initial
    return {
      cacheMillis,
      load: (key) => Effect.sync(() => current(key)),
      compareAndSet: (key, expectedGeneration, next) =>
        Effect.sync(() => {
          if (current(key).generation !== expectedGeneration) return false
          states.set(key, next)
          return true
        })
    }
  })

/** {@link BreakerStore} in memory. */
export const layer = (cacheMillis?: number): Layer.Layer<BreakerStore> => Layer.effect(BreakerStore, make(cacheMillis))
