/** The rules of a breaker: pure functions from a state, a result and the time to what happens. */
import * as Cause from "effect/Cause"
import * as Option from "effect/Option"
import { CircuitOpen, RateLimited } from "../../../schemas/ResilienceError.ts"
import type { BreakerSettings } from "./Settings.ts"
import type { ChangeReason, CircuitState, Closed, HalfOpen, Open } from "./State.ts"

/** What a result says about the upstream. */
export type Outcome =
  | { readonly _tag: "Success" }
  | { readonly _tag: "Failure" }
  /** It asked to be left alone for so many milliseconds. */
  | { readonly _tag: "Pause"; readonly millis: number }
  /** Nothing: an error that is no outage, a defect, an interruption. */
  | { readonly _tag: "Neutral" }

/** What becomes of a call that meets a breaker that is not closed. */
export type Admission =
  | { readonly _tag: "Probe" }
  /** It waited out the pause that it was told of, so it may go beside the probe. */
  | { readonly _tag: "Guest" }
  | { readonly _tag: "Reject"; readonly retryAfterMillis: number }

/** The pause that a caller was told of by a Retry-After, and when that has passed. */
export interface Pass {
  readonly pause: number
  readonly until: number
}

/** A change of state with its reason. */
export interface Change {
  readonly to: CircuitState
  readonly reason: ChangeReason
}

/** Reads errors for a breaker; see `ProtectOptions`. */
export interface Classify<E> {
  readonly isFailure: (error: E) => boolean
  readonly retryAfterMillis?: (error: E) => number | undefined
}

/** What a call that succeeded says. */
export const succeeded: Outcome = { _tag: "Success" }

const failure: Outcome = { _tag: "Failure" }
const neutral: Outcome = { _tag: "Neutral" }
const probe: Admission = { _tag: "Probe" }
const guest: Admission = { _tag: "Guest" }

/** Timers may fire a little early; a caller that waited out its Retry-After is not sent back for that. */
const earlyMillis = 5

/** What a failed call says about the upstream. The errors of our own guards say nothing: the call never reached it. */
export const outcomeOf = <E>(cause: Cause.Cause<E>, classify: Classify<E>): Outcome => {
  const found = Cause.failureOption(cause)
  if (Option.isNone(found)) return neutral
  const error = found.value
  if (error instanceof RateLimited || error instanceof CircuitOpen) return neutral
  const millis = classify.retryAfterMillis?.(error)
  if (millis !== undefined && millis > 0) return { _tag: "Pause", millis }
  return classify.isFailure(error) ? failure : neutral
}

/** What becomes of a call that comes now. */
export const admit = (state: Open | HalfOpen, now: number, pass: Pass | undefined): Admission => {
  if (now > state.until) return probe
  const waited = pass !== undefined && pass.pause === state.pause && now >= pass.until - earlyMillis
  if (waited) return state._tag === "Open" ? probe : guest
  return { _tag: "Reject", retryAfterMillis: state.until - now + 1 }
}

const pauseOf = (state: Open | HalfOpen) => (state.pause === undefined ? {} : { pause: state.pause })

/** Elects a prober, or replaces one that is dead. */
export const probing = (state: Open | HalfOpen, now: number, leaseMillis: number, prober: string): HalfOpen => ({
  _tag: "HalfOpen",
  generation: state.generation + 1,
  since: now,
  until: now + leaseMillis,
  prober,
  ...pauseOf(state)
})

const opened = (state: CircuitState, now: number, millis: number): Open => ({
  _tag: "Open",
  generation: state.generation + 1,
  since: now,
  until: now + millis
})

const paused = (state: CircuitState, now: number, millis: number, settings: BreakerSettings): Change => {
  const to = opened(state, now, Math.min(millis, settings.maxPauseMillis))
  return { to: { ...to, pause: to.generation }, reason: "retryAfter" }
}

const givenBack = (state: HalfOpen, now: number): Open => ({
  ...opened(state, now - 1, 0),
  ...pauseOf(state)
})

/** How a closed breaker changes with a failure that its tally says is one too many, or with a Retry-After. */
export const afterCall = (
  state: Closed,
  outcome: Outcome,
  now: number,
  settings: BreakerSettings
): Change | undefined => {
  if (outcome._tag === "Pause") return paused(state, now, outcome.millis, settings)
  if (outcome._tag === "Failure") return { to: opened(state, now, settings.resetMillis), reason: "failures" }
  return undefined
}

/** How a half-open breaker changes with the result of its probe. */
export const afterProbe = (state: HalfOpen, outcome: Outcome, now: number, settings: BreakerSettings): Change => {
  switch (outcome._tag) {
    case "Success":
      return { to: { _tag: "Closed", generation: state.generation + 1 }, reason: "probeSucceeded" }
    case "Failure":
      return { to: opened(state, now, settings.resetMillis), reason: "probeFailed" }
    case "Pause":
      return paused(state, now, outcome.millis, settings)
    case "Neutral":
      return { to: givenBack(state, now), reason: "probeGivenBack" }
  }
}

/** How a half-open breaker changes with the result of a guest: only a new Retry-After counts, the rest is the probe's. */
export const afterGuest = (
  state: Open | HalfOpen,
  outcome: Outcome,
  now: number,
  settings: BreakerSettings
): Change | undefined => (outcome._tag === "Pause" ? paused(state, now, outcome.millis, settings) : undefined)

/**
 * How far the clock was set back since a state came about, given what was known of that: a wait begins again at the
 * time to which the clock was set, so that it does not last until the clock has caught up.
 */
export const setBack = (state: Open | HalfOpen, now: number, shift: number): number =>
  Math.min(shift, now - state.since)

/** Whether two states are one and the same, as when a store answers what is known already. */
export const same = (one: CircuitState, other: CircuitState): boolean =>
  one._tag === other._tag &&
  one.generation === other.generation &&
  (one._tag === "Closed" ||
    (other._tag !== "Closed" &&
      one.until === other.until &&
      one.pause === other.pause &&
      (one._tag === "Open" || (other._tag === "HalfOpen" && one.prober === other.prober))))
