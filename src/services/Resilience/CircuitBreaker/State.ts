/**
 * What a breaker is, as plain data: it can be stored and shared. Every change makes a new generation, so that one
 * conditional write per change is enough and a result can be told from those of another time.
 */

/** Calls go through. */
export interface Closed {
  readonly _tag: "Closed"
  readonly generation: number
}

/** Calls are rejected until strictly after `until`; then one of them probes. Times are epoch milliseconds. */
export interface Open {
  readonly _tag: "Open"
  readonly generation: number
  readonly since: number
  readonly until: number
  /** Set when a Retry-After opened it: the generation in which it did, kept until something else happens. */
  readonly pause?: number
}

/** One caller probes, the others are rejected. Strictly after `until` the probe counts as dead and another may take over. */
export interface HalfOpen {
  readonly _tag: "HalfOpen"
  readonly generation: number
  readonly since: number
  readonly until: number
  readonly pause?: number
  /** Who probes: one id per election. */
  readonly prober: string
}

/** The shared part of a breaker. The count of failures is local to a process, see {@link CircuitSnapshot}. */
export type CircuitState = Closed | Open | HalfOpen

/** A breaker as this process knows it, with its own count of failures while it is closed. */
export type CircuitSnapshot = (Closed & { readonly failures: number }) | Open | HalfOpen

/** Why a breaker changed. */
export type ChangeReason =
  /** Too many failures. */
  | "failures"
  /** The upstream asked to be left alone for a while. */
  | "retryAfter"
  /** A caller was elected to probe. */
  | "probe"
  | "probeSucceeded"
  | "probeFailed"
  /** The probe was interrupted, or ended with something that says nothing about the upstream. */
  | "probeGivenBack"
  /** Another process changed the shared state. */
  | "shared"

/** One change of one breaker. */
export interface CircuitChange {
  readonly key: string
  readonly from: CircuitState
  readonly to: CircuitState
  readonly reason: ChangeReason
}

/** A breaker of which nothing is known yet. */
export const initial: Closed = { _tag: "Closed", generation: 0 }
