/**
 * A cache of what is costly to ask for. Callers that miss together share one lookup; a failure is not kept, but what was
 * there before it may be served for a while. Nothing runs unless a caller waits for it.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import * as Cause from "effect/Cause"
import { requireNumber } from "../../services/Resilience/requirement.ts"

/** How a cache finds and keeps its values. */
export interface TtlCacheOptions<K, A, E, R> {
  readonly lookup: (key: K) => Effect.Effect<A, E, R>
  /** Milliseconds for which a value is good, from when it was found; its last millisecond is the one before. */
  readonly timeToLiveMillis: number | ((value: A, nowMillis: number) => number)
  /**
   * Milliseconds after which a value is not served any more, even if no new one can be had; default one hour. Of a value
   * with an age of its own that is no more than its time to live, none is served after it.
   */
  readonly maximumAgeMillis?: number | ((value: A) => number)
  /** Milliseconds for which an old value is served without asking again, after asking failed; default 5 s. */
  readonly pauseMillis?: number
  /** Keys kept, default 1,000; the ones found first go first. */
  readonly capacity?: number
}

/** Values by key. */
export interface TtlCache<in K, out A, out E> {
  readonly get: (key: K) => Effect.Effect<A, E>
  /** Forgets a value: the next caller asks for it. */
  readonly invalidate: (key: K) => Effect.Effect<void>
  readonly invalidateAll: Effect.Effect<void>
  /**
   * Uses a value; if it is refused, forgets it and tries once more with a new one, unless that is equal. However many
   * callers have the same value refused, it is asked for once.
   */
  readonly refreshingOnce: <B, E2, R2>(
    key: K,
    use: (value: A) => Effect.Effect<B, E2, R2>,
    isRefused: (error: E2) => boolean
  ) => Effect.Effect<B, E | E2, R2>
}

interface Entry<A> {
  readonly value: A
  /** Until then it is served without asking. */
  readonly askAgain: number
  /** Until then it is served when asking fails. */
  readonly unusable: number
}

/** A lookup under way. It ends with nothing when the caller who made it was interrupted: then another one must. */
type Flight<A, E> = Deferred.Deferred<Option.Option<A>, E>

/** An empty cache. Dies of options that make no sense. */
export const make = <K, A, E, R>(options: TtlCacheOptions<K, A, E, R>): Effect.Effect<TtlCache<K, A, E>, never, R> =>
  Effect.map(Effect.context<R>(), (context) => {
    const { capacity = 1_000, lookup, maximumAgeMillis = 3_600_000, pauseMillis = 5_000, timeToLiveMillis } = options
    requireNumber("capacity", capacity, { min: 1, whole: true })
    if (typeof maximumAgeMillis === "number") requireNumber("maximumAgeMillis", maximumAgeMillis, { min: 0 })
    requireNumber("pauseMillis", pauseMillis, { min: 0 })
    if (typeof timeToLiveMillis === "number") requireNumber("timeToLiveMillis", timeToLiveMillis, { min: 0 })
    const entries = new Map<K, Entry<A>>()
    const flights = new Map<K, Flight<A, E>>()

    const keep = (key: K, value: A, now: number): void => {
      const life = typeof timeToLiveMillis === "number" ? timeToLiveMillis : timeToLiveMillis(value, now)
      const age = typeof maximumAgeMillis === "number" ? maximumAgeMillis : maximumAgeMillis(value)
      entries.delete(key)
      entries.set(key, { value, askAgain: now + life, unusable: now + age })
      for (const oldest of entries.keys()) {
        if (entries.size <= capacity) return
        entries.delete(oldest)
      }
    }

    /** What callers get from a lookup that ended so, having stored what is to be stored. */
    const settle = (key: K, exit: Exit.Exit<A, E>, now: number): Exit.Exit<A, E> => {
      if (Exit.isSuccess(exit)) {
        keep(key, exit.value, now)
        return exit
      }
      const entry = entries.get(key)
      if (entry === undefined || now >= entry.unusable || !Cause.isFailure(exit.cause)) return exit
      entries.set(key, { ...entry, askAgain: Math.min(now + pauseMillis, entry.unusable) })
      return Exit.succeed(entry.value)
    }

    const land = (key: K, flight: Flight<A, E>, exit: Exit.Exit<A, E>): Effect.Effect<A, E> =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        // Whoever invalidated the key meanwhile took the flight away: then its value is for those who wait, not to keep.
        const current = flights.get(key) === flight
        const settled = current ? settle(key, exit, now) : exit
        if (current) flights.delete(key)
        const interrupted = Exit.isFailure(settled) && Cause.isInterrupted(settled.cause)
        Deferred.unsafeDone(flight, interrupted ? Exit.succeed(Option.none()) : Exit.map(settled, Option.some))
        return settled
      })

    const load = (key: K): Effect.Effect<A, E> =>
      Effect.uninterruptibleMask((restore) =>
        Effect.suspend(() => {
          const other = flights.get(key)
          if (other !== undefined) return restore(join(key, other))
          const flight: Flight<A, E> = Deferred.unsafeMake(FiberId.none)
          flights.set(key, flight)
          return Effect.flatMap(Effect.exit(restore(Effect.provide(lookup(key), context))), (exit) =>
            land(key, flight, exit)
          )
        })
      )

    const get = (key: K): Effect.Effect<A, E> =>
      Clock.clockWith((clock): Effect.Effect<A, E> => {
        const entry = entries.get(key)
        if (entry !== undefined && entry.askAgain > clock.unsafeCurrentTimeMillis()) return Effect.succeed(entry.value)
        const flight = flights.get(key)
        return flight === undefined ? load(key) : join(key, flight)
      })

    const join = (key: K, flight: Flight<A, E>): Effect.Effect<A, E> =>
      Effect.flatMap(Deferred.await(flight), (landed) =>
        Option.isSome(landed) ? Effect.succeed(landed.value) : get(key)
      )

    const forget = (key: K): void => {
      entries.delete(key)
      flights.delete(key)
    }

    return {
      get,
      invalidate: (key) => Effect.sync(() => forget(key)),
      invalidateAll: Effect.sync(() => {
        entries.clear()
        flights.clear()
      }),
      refreshingOnce: (key, use, isRefused) =>
        Effect.flatMap(get(key), (value) =>
          Effect.catchIf(use(value), isRefused, (refusal) =>
            Effect.suspend(() => {
              if (Equal.equals(entries.get(key)?.value, value)) forget(key)
              return Effect.flatMap(get(key), (fresh) =>
                Equal.equals(fresh, value) ? Effect.fail(refusal) : use(fresh)
              )
            })
          )
        )
    }
  })
