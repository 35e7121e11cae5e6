/**
 * One breaker at work. Its state is a plain variable: on the closed path there is no Ref, no clock, no span and no
 * finalizer. The object in that variable is also the token by which a late result is told from a current one.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberRef from "effect/FiberRef"
import type * as Cause from "effect/Cause"
import { CircuitOpen } from "../../../schemas/ResilienceError.ts"
import type { BreakerStoreShape, CircuitBreaker, ProtectOptions } from "../../../services/Resilience/CircuitBreaker.ts"
import * as Rules from "../../../services/Resilience/CircuitBreaker/Rules.ts"
import type { BreakerSettings } from "../../../services/Resilience/CircuitBreaker/Settings.ts"
import {
  type CircuitChange,
  type CircuitState,
  type Closed,
  type HalfOpen,
  initial,
  type Open
} from "../../../services/Resilience/CircuitBreaker/State.ts"
import * as Tally from "../../../services/Resilience/CircuitBreaker/Tally.ts"
import * as Shared from "./Shared.ts"

/** What a circuit is made of. */
export interface CircuitParts {
  readonly key: string
  readonly settings: BreakerSettings
  readonly store: BreakerStoreShape
  /** Makes an id for a prober that no other election has. */
  readonly newProber: () => string
  readonly announce: (change: CircuitChange) => Effect.Effect<void>
}

/** A closed breaker. */
export const make = (parts: CircuitParts): Omit<CircuitBreaker, "changes"> => {
  const { announce, key, newProber, settings } = parts
  const store = Shared.bounded(key, parts.store)
  const alone = store.cacheMillis === Number.POSITIVE_INFINITY
  const tally = Tally.make(settings.trip)
  const held = FiberRef.unsafeMake<Rules.Pass | undefined>(undefined)
  let view: CircuitState = initial
  /** What to take off the clock's time since the view came about, because the clock was set back; see Rules.setBack. */
  let shift = 0
  let readAt = Number.NEGATIVE_INFINITY

  const show = (to: CircuitState, reason: CircuitChange["reason"]): Effect.Effect<void> => {
    const from = view
    view = to
    shift = 0
    tally.reset()
    return announce({ key, from, to, reason })
  }

  /** Takes over what the store holds, unless something happened here since it was asked. */
  const adopt = (seen: CircuitState, stored: CircuitState | undefined): Effect.Effect<void> =>
    Effect.suspend(() =>
      stored === undefined || view !== seen || Rules.same(seen, stored) ? Effect.void : show(stored, "shared")
    )

  const reload = (seen: CircuitState): Effect.Effect<void> =>
    Effect.flatMap(store.load, (stored) => adopt(seen, stored))

  /** Changes the state here at once, then in the store; if another process was first, its change counts. */
  const change = (from: CircuitState, next: Rules.Change | undefined): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (next === undefined || view !== from) return Effect.void
      const { reason, to } = next
      return Effect.uninterruptible(
        Effect.zipRight(
          show(to, reason),
          Effect.flatMap(store.compareAndSet(from.generation, to), (won) => (won ? Effect.void : reload(to)))
        )
      )
    })

  /** Notes for the caller that got a Retry-After which pause it was, so that it is let through afterwards. */
  const givePass = (outcome: Rules.Outcome, now: number): Effect.Effect<void> =>
    Effect.suspend(() =>
      outcome._tag === "Pause" && view._tag !== "Closed" && view.pause !== undefined
        ? FiberRef.set(held, {
            pause: view.pause,
            until: now + Math.min(outcome.millis, settings.maxPauseMillis)
          })
        : Effect.void
    )

  const settle = (
    from: CircuitState,
    outcome: Rules.Outcome,
    rule: (now: number) => Rules.Change | undefined
  ): Effect.Effect<void> =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => Effect.zipRight(change(from, rule(now)), givePass(outcome, now)))

  const runClosed = <A, E, R>(
    seen: Closed,
    effect: Effect.Effect<A, E, R>,
    options: ProtectOptions<E>
  ): Effect.Effect<A, E, R> =>
    Effect.matchCauseEffect(effect, {
      onFailure: (cause): Effect.Effect<never, E> => {
        const outcome = Rules.outcomeOf(cause, options)
        const counts = outcome._tag === "Pause" || (outcome._tag === "Failure" && view === seen && tally.failure())
        return counts
          ? Effect.zipRight(
              settle(seen, outcome, (now) => Rules.afterCall(seen, outcome, now, settings)),
              Effect.failCause(cause)
            )
          : Effect.failCause(cause)
      },
      onSuccess: (value) => {
        if (view === seen) tally.success()
        return Effect.succeed(value)
      }
    })

  const outcomeOf = <A, E>(exit: Exit.Exit<A, E>, options: ProtectOptions<E>): Rules.Outcome =>
    Exit.match(exit, {
      onSuccess: () => Rules.succeeded,
      onFailure: (cause: Cause.Cause<E>) => Rules.outcomeOf(cause, options)
    })

  /** Runs the probe; it holds the breaker until it ends in whatever way, or its lease runs out. */
  const runProbe = <A, E, R>(claim: HalfOpen, effect: Effect.Effect<A, E, R>, options: ProtectOptions<E>) =>
    Effect.onExit(effect, (exit) => {
      const outcome = outcomeOf(exit, options)
      return settle(claim, outcome, (now) => Rules.afterProbe(claim, outcome, now, settings))
    })

  const runGuest = <A, E, R>(seen: Open | HalfOpen, effect: Effect.Effect<A, E, R>, options: ProtectOptions<E>) =>
    Effect.onExit(effect, (exit) => {
      const outcome = outcomeOf(exit, options)
      return settle(seen, outcome, (now) => Rules.afterGuest(seen, outcome, now, settings))
    })

  const reject = (retryAfterMillis: number) => Effect.fail(new CircuitOpen({ upstream: key, retryAfterMillis }))

  /** A call that was not elected after all: by what the winner made of the breaker. */
  const runLoser = <A, E, R>(
    effect: Effect.Effect<A, E, R>,
    options: ProtectOptions<E>,
    now: number
  ): Effect.Effect<A, E | CircuitOpen, R> =>
    view._tag === "Closed" ? runClosed(view, effect, options) : reject(Math.max(1, view.until - now + 1))

  const elect = <A, E, R>(
    from: Open | HalfOpen,
    now: number,
    effect: Effect.Effect<A, E, R>,
    options: ProtectOptions<E>
  ): Effect.Effect<A, E | CircuitOpen, R> =>
    Effect.uninterruptibleMask((restore) => {
      const claim = Rules.probing(from, now, settings.timeoutMillis, newProber())
      return Effect.zipRight(
        change(from, { to: claim, reason: "probe" }),
        Effect.suspend(() =>
          view === claim ? runProbe(claim, restore(effect), options) : restore(runLoser(effect, options, now))
        )
      )
    })

  const runOpen = <A, E, R>(
    from: Open | HalfOpen,
    now: number,
    effect: Effect.Effect<A, E, R>,
    options: ProtectOptions<E>
  ): Effect.Effect<A, E | CircuitOpen, R> =>
    Effect.flatMap(FiberRef.get(held), (pass) => {
      shift = Rules.setBack(from, now, shift)
      const admission = Rules.admit(from, now - shift, pass)
      if (admission._tag === "Reject") return reject(admission.retryAfterMillis)
      const call = admission._tag === "Guest" ? runGuest(from, effect, options) : elect(from, now, effect, options)
      return pass === undefined ? call : Effect.zipRight(FiberRef.set(held, undefined), call)
    })

  const admitted = <A, E, R>(now: number, effect: Effect.Effect<A, E, R>, options: ProtectOptions<E>) =>
    view._tag === "Closed" ? runClosed(view, effect, options) : runOpen(view, now, effect, options)

  /** Whether what was read of the store is too old. While the breaker is open there is nothing to learn from it. */
  const isOld = (now: number): boolean =>
    !alone && (now - readAt >= store.cacheMillis || now < readAt) && (view._tag !== "Open" || now - shift > view.until)

  /** Reads the store when it must, inline. Callers that come meanwhile go by what is known. */
  const guarded = <A, E, R>(effect: Effect.Effect<A, E, R>, options: ProtectOptions<E>) =>
    Clock.clockWith((clock): Effect.Effect<A, E | CircuitOpen, R> => {
      const now = clock.unsafeCurrentTimeMillis()
      if (!isOld(now)) return admitted(now, effect, options)
      readAt = now
      return Effect.flatMap(reload(view), () => admitted(clock.unsafeCurrentTimeMillis(), effect, options))
    })

  return {
    key,
    settings,
    protect: (effect, options) =>
      Effect.suspend(() =>
        alone && view._tag === "Closed" ? runClosed(view, effect, options) : guarded(effect, options)
      ),
    state: Effect.sync(() =>
      view._tag === "Closed"
        ? { ...view, failures: tally.failures() }
        : { ...view, since: view.since + shift, until: view.until + shift }
    )
  }
}
