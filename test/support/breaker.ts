import * as Effect from "effect/Effect"
import * as CircuitBreaker from "../../src/layers/Resilience/CircuitBreaker.ts"
import * as MemoryStore from "../../src/layers/Resilience/CircuitBreaker/MemoryStore.ts"
import type { CircuitOpen } from "../../src/schemas/ResilienceError.ts"
import {
  type BreakerStoreShape,
  BreakerStore,
  type CircuitBreaker as Breaker,
  type ProtectOptions
} from "../../src/services/Resilience/CircuitBreaker.ts"
import * as Settings from "../../src/services/Resilience/CircuitBreaker/Settings.ts"

/** An error of a test's upstream. */
export type UpstreamFailure =
  | { readonly _tag: "Outage" }
  | { readonly _tag: "BadRequest" }
  | { readonly _tag: "TooMany"; readonly retryAfterMillis: number }

export const outage: UpstreamFailure = { _tag: "Outage" }
export const badRequest: UpstreamFailure = { _tag: "BadRequest" }
export const tooMany = (retryAfterMillis: number): UpstreamFailure => ({ _tag: "TooMany", retryAfterMillis })

export const reading: ProtectOptions<UpstreamFailure> = {
  isFailure: (error) => error._tag === "Outage",
  retryAfterMillis: (error) => (error._tag === "TooMany" ? error.retryAfterMillis : undefined)
}

export const key = "mparticle"

/** One breaker, over a store of its own unless one is given. */
export const breakerOf = (
  settings: Partial<Settings.BreakerSettings> = {},
  store?: BreakerStoreShape
): Effect.Effect<Breaker> =>
  Effect.gen(function* () {
    const breakers = yield* CircuitBreaker.make({ settings: { [key]: Settings.settings(settings) } }).pipe(
      Effect.provideService(BreakerStore, store ?? (yield* MemoryStore.make()))
    )
    return yield* breakers.get(key)
  })

/** A protected call that fails with an error, or succeeds with none; gives what the caller sees. */
export const call = (breaker: Breaker, error?: UpstreamFailure): Effect.Effect<"ok" | UpstreamFailure | CircuitOpen> =>
  breaker.protect(error === undefined ? Effect.succeed("ok" as const) : Effect.fail(error), reading).pipe(Effect.merge)

/** Several calls, one after the other. */
export const calls = (breaker: Breaker, count: number, error?: UpstreamFailure): Effect.Effect<void> =>
  Effect.replicateEffect(call(breaker, error), count, { discard: true })
