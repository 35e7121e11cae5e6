/**
 * A token bucket per upstream, kept as one number: the time at which the next call would be due if calls came evenly.
 * It refills by the clock when it is asked; no timer runs, and a caller that waits sleeps in its own fiber.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { RateLimited } from "../../schemas/ResilienceError.ts"
import * as Deadline from "../../services/Deadline.ts"
import type { RateLimiter } from "../../services/Resilience/RateLimiter.ts"
import { requireNumber } from "../../services/Resilience/requirement.ts"

/** A quota. Any minute has at most `perMinute + burst` calls. */
export interface RateLimiterOptions {
  readonly upstream: string
  readonly perMinute: number
  /** Calls that may go at once after a pause. */
  readonly burst: number
  /** Calls per day, counted from midnight UTC, of those that count for it; unlimited when left out. */
  readonly perDay?: number
  /** The longest that a call may wait in milliseconds; when left out, as long as the invocation has time. */
  readonly maxWaitMillis?: number
}

/** mParticle allows a workspace 1,000 calls a minute, whatever they are, and 80,000 new requests a day. */
export const mparticle: RateLimiterOptions = { upstream: "mparticle", perMinute: 800, burst: 100, perDay: 80_000 }

const dayMillis = 86_400_000

const requireOptions = (options: RateLimiterOptions): void => {
  requireNumber("perMinute", options.perMinute, { min: Number.MIN_VALUE })
  requireNumber("burst", options.burst, { min: 1, whole: true })
  requireNumber("perDay", options.perDay ?? 1, { min: 1, whole: true })
  requireNumber("maxWaitMillis", options.maxWaitMillis ?? 0, { min: 0 })
}

/** A full bucket. Dies of options that make no sense. */
export const make = (options: RateLimiterOptions): Effect.Effect<RateLimiter> =>
  Effect.map(Clock.currentTimeMillis, (start) => {
    requireOptions(options)
    const { burst, maxWaitMillis = Number.POSITIVE_INFINITY, perDay = Number.POSITIVE_INFINITY, upstream } = options
    const interval = 60_000 / options.perMinute
    let due = start
    let seen = start
    let day = 0
    let today = 0

    const advance = (now: number): void => {
      // A clock that is set back must not stop the calls until it has caught up.
      if (now < seen) due -= seen - now
      seen = now
      const current = Math.floor(now / dayMillis)
      if (current !== day) {
        day = current
        today = 0
      }
    }
    const giveBack = (taken: number, counted: number): Effect.Effect<void> =>
      Effect.sync(() => {
        due -= interval
        if (taken === day) today -= counted
      })
    const refuse = (waitMillis: number) =>
      Effect.fail(new RateLimited({ upstream, retryAfterMillis: Math.ceil(waitMillis) }))

    const taking = (daily: boolean): RateLimiter["take"] =>
      Effect.flatMap(Effect.zip(Clock.currentTimeMillis, Deadline.remainingMillis), ([now, remaining]) => {
        advance(now)
        if (daily && today >= perDay) return refuse((day + 1) * dayMillis - now)
        const next = Math.max(due, now) + interval
        const wait = next - burst * interval - now
        if (wait > 0 && (wait >= remaining || wait > maxWaitMillis)) return refuse(wait)
        const counted = daily ? 1 : 0
        due = next
        today += counted
        const taken = day
        return wait > 0
          ? Effect.onInterrupt(Effect.sleep(Math.ceil(wait)), () => giveBack(taken, counted))
          : Effect.void
      })
    return {
      take: taking(true),
      limit: (effect, { daily } = { daily: true }) => Effect.zipRight(taking(daily), effect)
    }
  })
