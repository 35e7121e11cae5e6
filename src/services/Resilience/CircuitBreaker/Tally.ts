/**
 * The failures that one process has seen while a breaker is closed. It changes in place: it is touched on every call,
 * is never shared, and is forgotten whenever the breaker changes.
 */
import type { ConsecutiveRule, RateRule, TripRule } from "./Settings.ts"

/** Counts results and says when they are too bad. */
export interface Tally {
  readonly success: () => void
  /** True when this failure is the one that opens the breaker. */
  readonly failure: () => boolean
  readonly reset: () => void
  /** Failures counted at present. */
  readonly failures: () => number
}

const consecutive = (rule: ConsecutiveRule): Tally => {
  let failures = 0
  return {
    success: () => {
      failures = 0
    },
    failure: () => {
      failures += 1
      return failures >= rule.failures
    },
    reset: () => {
      failures = 0
    },
    failures: () => failures
  }
}

const rate = (rule: RateRule): Tally => {
  const failed = new Uint8Array(rule.window)
  let next = 0
  let calls = 0
  let failures = 0
  const record = (isFailure: 0 | 1): void => {
    failures += isFailure - (failed[next] ?? 0)
    failed[next] = isFailure
    next = (next + 1) % rule.window
    calls = Math.min(calls + 1, rule.window)
  }
  return {
    success: () => record(0),
    failure: () => {
      record(1)
      return calls >= rule.minimumCalls && failures / calls >= rule.failureRate
    },
    reset: () => {
      failed.fill(0)
      next = 0
      calls = 0
      failures = 0
    },
    failures: () => failures
  }
}

/** An empty tally for a rule. */
export const make = (rule: TripRule): Tally => (rule._tag === "Consecutive" ? consecutive(rule) : rate(rule))
