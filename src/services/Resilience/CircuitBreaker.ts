/**
 * Circuit breakers, one per upstream: after repeated failures an upstream is left alone for a while, then one call
 * probes it. What counts is availability:
 *
 * - a typed error that `isFailure` accepts counts as a failure; any other typed error counts as nothing, neither a
 *   failure nor a success, and a probe that ends with one is given back;
 * - so do a defect (our own bug), an interruption (the caller's wish) and the errors of our own guards;
 * - an error with a Retry-After opens the breaker for that long to other callers. The fiber that received it is let
 *   through once it has waited;
 * - a result counts only if the breaker has not changed since its call began.
 *
 * The state may be shared between processes through a {@link BreakerStore}. Failures are counted locally, only changes
 * are written, and a store that is down costs coordination, never a call: each process then goes on by itself.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import type { CircuitOpen } from "../../schemas/ResilienceError.ts"
import type { BreakerSettings } from "./CircuitBreaker/Settings.ts"
import type { CircuitChange, CircuitSnapshot, CircuitState } from "./CircuitBreaker/State.ts"

/** How the errors of one protected call are read. Both functions are pure and do not throw. */
export interface ProtectOptions<E> {
  /** Whether this error says that the upstream is unavailable. */
  readonly isFailure: (error: E) => boolean
  /** The milliseconds for which the upstream asks to be left alone, if it does. */
  readonly retryAfterMillis?: (error: E) => number | undefined
}

/** The breaker of one upstream. */
export interface CircuitBreaker {
  readonly key: string
  readonly settings: BreakerSettings
  /** Runs a call, or rejects it at once with `CircuitOpen`. */
  readonly protect: <A, E, R>(
    effect: Effect.Effect<A, E, R>,
    options: ProtectOptions<E>
  ) => Effect.Effect<A, E | CircuitOpen, R>
  /** The state as this process knows it. */
  readonly state: Effect.Effect<CircuitSnapshot>
  /** Its changes from now on. */
  readonly changes: Stream.Stream<CircuitChange>
}

/** The breakers of this process. */
export interface CircuitBreakersShape {
  /** The breaker with this key, the same one each time. Keys are from a small fixed set: they are metric dimensions. */
  readonly get: (key: string) => Effect.Effect<CircuitBreaker>
  /** The changes of all of them from now on. */
  readonly changes: Stream.Stream<CircuitChange>
}

/** The breakers of this process, by key. */
export class CircuitBreakers extends Context.Tag("integration-services/services/Resilience/CircuitBreakers")<
  CircuitBreakers,
  CircuitBreakersShape
>() {}

/** The store of shared states could not be asked. */
export class BreakerStoreUnavailable extends Schema.TaggedError<BreakerStoreUnavailable>()("BreakerStoreUnavailable", {
  reason: Schema.String
}) {
  override get message(): string {
    return `The store of circuit states could not be used (${this.reason})`
  }
}

/** Where states are shared. One record per key; a key without a record is closed, in generation 0. */
export interface BreakerStoreShape {
  /** Milliseconds for which a state that was read is good; infinite for a store of this process alone. */
  readonly cacheMillis: number
  /** The latest state: a read that may lag behind a write would take an election back. */
  readonly load: (key: string) => Effect.Effect<CircuitState, BreakerStoreUnavailable>
  /** Replaces the state of this generation by the next; false, and nothing written, if it is in another by now. */
  readonly compareAndSet: (
    key: string,
    expectedGeneration: number,
    next: CircuitState
  ) => Effect.Effect<boolean, BreakerStoreUnavailable>
}

/** Where the breakers of this process keep what they share. */
export class BreakerStore extends Context.Tag("integration-services/services/Resilience/BreakerStore")<
  BreakerStore,
  BreakerStoreShape
>() {}
