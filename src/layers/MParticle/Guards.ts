/** What stands around every call to mParticle's DSR API: retry, breaker and rate limit, in this order from outside. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { DatabaseError, UpstreamError } from "../../schemas/MParticleError.ts"
import { CircuitOpen } from "../../schemas/ResilienceError.ts"
import { CircuitBreakers } from "../../services/Resilience/CircuitBreaker.ts"
import * as Retry from "../../services/Resilience/Retry.ts"
import * as Schedules from "../../services/Resilience/Schedules.ts"

/** Another process took the request over while this one was waiting between attempts. */
export interface LeaseLost {
  readonly _tag: "LeaseLost"
}

/** What an attempt can fail with: mParticle's side, and ours. */
export type AttemptError = UpstreamError | DatabaseError | LeaseLost

/** Key of the breaker around the DSR API. */
export const breakerKey = "mparticle-dsr"

/** Whether mParticle itself was out: only that may open the breaker. A refusal of one request is none. */
export const isOutage = (error: AttemptError): boolean => {
  switch (error._tag) {
    case "NetworkError":
    case "CallTimeout":
      return true
    case "MParticleApiError":
      return error.status === undefined || error.status >= 500
    case "CircuitOpen":
    case "RateLimited":
    case "ConfigurationError":
    case "DatabaseError":
    case "LeaseLost":
      return false
  }
}

/** Whether the same call may succeed a little later, in the same process. */
export const isTransient = (error: AttemptError): boolean => {
  switch (error._tag) {
    case "NetworkError":
    case "CallTimeout":
    case "RateLimited":
      return true
    case "MParticleApiError":
      return error.retryable
    case "CircuitOpen":
    case "ConfigurationError":
    case "DatabaseError":
    case "LeaseLost":
      return false
  }
}

/** Whether mParticle may have carried the call out although we got no answer. */
export const isAmbiguous = (error: UpstreamError): boolean =>
  error._tag === "NetworkError" ||
  error._tag === "CallTimeout" ||
  (error._tag === "MParticleApiError" && error.status === undefined)

/** How long mParticle asked to wait. */
export const retryAfterMillis = (error: AttemptError): number | undefined =>
  error._tag === "MParticleApiError" && error.retryAfterSeconds !== undefined
    ? error.retryAfterSeconds * 1000
    : undefined

/** What lets a call through, or not. */
export interface Guards {
  /** Makes an attempt, and the retries where they are wanted, behind the breaker. */
  readonly call: <A, E extends AttemptError>(
    attempt: Effect.Effect<A, E>,
    options: { readonly retries: boolean }
  ) => Effect.Effect<A, E | CircuitOpen>
  /** Fails while the breaker would refuse a call, so that nothing need be prepared for it. */
  readonly admitted: Effect.Effect<void, CircuitOpen>
}

/** The guards of one environment. */
export const make: Effect.Effect<Guards, never, CircuitBreakers> = Effect.gen(function* () {
  const breakers = yield* CircuitBreakers
  const breaker = yield* breakers.get(breakerKey)
  const budget = yield* Retry.makeBudget()
  return {
    call: (attempt, { retries }) =>
      Retry.retry(breaker.protect(attempt, { isFailure: isOutage, retryAfterMillis }), {
        schedule: retries ? Schedules.mparticle : Schedules.never,
        while: (error: AttemptError) => isTransient(error),
        retryAfterMillis,
        budget
      }),
    admitted: Effect.gen(function* () {
      const state = yield* breaker.state
      const now = yield* Clock.currentTimeMillis
      if (state._tag === "Open" && state.until >= now) {
        return yield* new CircuitOpen({ upstream: breaker.key, retryAfterMillis: state.until - now + 1 })
      }
    })
  }
})
