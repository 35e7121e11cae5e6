/** Keeps calls to an upstream below its quota. */
import type * as Effect from "effect/Effect"
import type { RateLimited } from "../../schemas/ResilienceError.ts"

/** The quota of one upstream. */
export interface RateLimiter {
  /** Takes the right to one call: waits for it, or fails at once when that would take longer than there is time. */
  readonly take: Effect.Effect<void, RateLimited>
  /** Takes the right to a call and makes it. One that is not `daily` does not count for the day's quota, if there is one. */
  readonly limit: <A, E, R>(
    effect: Effect.Effect<A, E, R>,
    options?: { readonly daily: boolean }
  ) => Effect.Effect<A, E | RateLimited, R>
}
