/** The numbers of a breaker, each with one default, and the named settings of the upstreams. */
import { requireNumber } from "../requirement.ts"

/** Opens after this many failures with no success between them. */
export interface ConsecutiveRule {
  readonly _tag: "Consecutive"
  readonly failures: number
}

/** Opens when this share of the last `window` results are failures, once there are `minimumCalls` of them. */
export interface RateRule {
  readonly _tag: "Rate"
  readonly failureRate: number
  readonly window: number
  readonly minimumCalls: number
}

/** When a closed breaker opens. A success never opens it. */
export type TripRule = ConsecutiveRule | RateRule

/** How one breaker behaves. */
export interface BreakerSettings {
  readonly trip: TripRule
  /** Milliseconds one call may take: give it to `callTimeout`. A probe that takes longer counts as dead. */
  readonly timeoutMillis: number
  /** Milliseconds for which an open breaker rejects; the first call strictly later probes. */
  readonly resetMillis: number
  /** The longest that a Retry-After may open it, in milliseconds. */
  readonly maxPauseMillis: number
}

const requireTrip = (trip: TripRule): void => {
  if (trip._tag === "Consecutive") {
    requireNumber("trip.failures", trip.failures, { min: 1, whole: true })
    return
  }
  requireNumber("trip.window", trip.window, { min: 1, max: 10_000, whole: true })
  requireNumber("trip.minimumCalls", trip.minimumCalls, { min: 1, max: trip.window, whole: true })
  requireNumber("trip.failureRate", trip.failureRate, { min: Number.MIN_VALUE, max: 1 })
}

/** Completes settings with the defaults, and throws a `RangeError` for numbers that make no sense. */
export const settings = (options: Partial<BreakerSettings> = {}): BreakerSettings => {
  const complete: BreakerSettings = {
    trip: { _tag: "Consecutive", failures: 5 },
    timeoutMillis: 60_000,
    resetMillis: 30_000,
    maxPauseMillis: 300_000,
    ...options
  }
  requireTrip(complete.trip)
  requireNumber("timeoutMillis", complete.timeoutMillis, { min: 1 })
  requireNumber("resetMillis", complete.resetMillis, { min: 1 })
  requireNumber("maxPauseMillis", complete.maxPauseMillis, { min: 1 })
  return complete
}

/** 5 consecutive failures, 60 s per call, 30 s open (seed [A], CircuitBreaker). */
export const defaults: BreakerSettings = settings()

/** mParticle: 5 consecutive failures, 10 s per call, 60 s open (seed [A], MParticleService). */
export const mparticle: BreakerSettings = settings({ timeoutMillis: 10_000, resetMillis: 60_000 })

/**
 * The id minter's databases and clusters: 2 s open. One call's own tries can open a breaker, and whoever called comes again
 * after 2, 4 and 8 s (a state machine) or when the message is visible again (a queue): by then a probe must be let through.
 */
export const idMinter: BreakerSettings = settings({ resetMillis: 2_000 })
