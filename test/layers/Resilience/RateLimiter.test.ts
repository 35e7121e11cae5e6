import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import * as RateLimiter from "../../../src/layers/Resilience/RateLimiter.ts"
import { RateLimited } from "../../../src/schemas/ResilienceError.ts"
import * as Deadline from "../../../src/services/Deadline.ts"
import { movableClock } from "../../support/movableClock.ts"

const options: RateLimiter.RateLimiterOptions = { upstream: "mparticle", perMinute: 60, burst: 3 }
const limited = (retryAfterMillis: number) => new RateLimited({ upstream: "mparticle", retryAfterMillis })

/** Takes as often as asked, concurrently, and gives the time of each. */
const times = (limiter: { readonly take: Effect.Effect<void, RateLimited> }, count: number) =>
  Effect.replicateEffect(Effect.zipRight(limiter.take, Clock.currentTimeMillis), count, { concurrency: "unbounded" })

describe("RateLimiter", () => {
  it.effect("lets a burst through at once and the rest evenly, in order", () =>
    Effect.gen(function* () {
      const limiter = yield* RateLimiter.make(options)
      const fiber = yield* Effect.fork(times(limiter, 6))
      yield* TestClock.adjust("3 seconds")
      assert.deepStrictEqual(yield* Fiber.join(fiber), [0, 0, 0, 1_000, 2_000, 3_000])
      yield* TestClock.adjust("1 hour")
      const later = yield* Effect.fork(times(limiter, 4))
      yield* TestClock.adjust("1 seconds")
      const start = 3_603_000
      assert.deepStrictEqual(yield* Fiber.join(later), [start, start, start, start + 1_000], "it fills up to the burst")
    })
  )

  it.effect("fails at once when there is no time to wait, and says how long it would take", () =>
    Effect.gen(function* () {
      const limiter = yield* RateLimiter.make(options)
      yield* times(limiter, 3)
      assert.deepStrictEqual(yield* Effect.flip(Deadline.within(1_000)(limiter.take)), limited(1_000))
      const fiber = yield* Effect.fork(Deadline.within(1_001)(limiter.take))
      yield* TestClock.adjust("1 seconds")
      yield* Fiber.join(fiber)
      const impatient = yield* RateLimiter.make({ ...options, burst: 1, maxWaitMillis: 0 })
      yield* impatient.take
      assert.deepStrictEqual(yield* Effect.flip(impatient.take), limited(1_000))
    })
  )

  it.effect("gives back what an interrupted caller took", () =>
    Effect.gen(function* () {
      const limiter = yield* RateLimiter.make({ ...options, perDay: 4 })
      yield* times(limiter, 3)
      const fiber = yield* Effect.fork(limiter.take)
      yield* TestClock.adjust("500 millis")
      assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(fiber)))
      const next = yield* Effect.fork(times(limiter, 1))
      yield* TestClock.adjust("500 millis")
      assert.deepStrictEqual(yield* Fiber.join(next), [1_000])
    })
  )

  it.effect("counts a day from midnight UTC", () =>
    Effect.gen(function* () {
      const noon = 43_200_000
      yield* TestClock.setTime(noon)
      const limiter = yield* RateLimiter.make({ ...options, perMinute: 60_000, perDay: 5 })
      const fiber = yield* Effect.fork(times(limiter, 5))
      yield* TestClock.adjust("1 seconds")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(yield* Effect.flip(limiter.take), limited(noon - 1_000))
      yield* TestClock.setTime(2 * noon)
      assert.strictEqual(yield* limiter.limit(Effect.succeed(42)), 42)
    })
  )

  it.effect("T-70 a call that is not daily does not count for the day, and is limited by the minute all the same", () =>
    Effect.gen(function* () {
      const limiter = yield* RateLimiter.make({ ...options, perDay: 2, maxWaitMillis: 0 })
      const lookup = limiter.limit(Clock.currentTimeMillis, { daily: false })
      yield* lookup
      yield* limiter.take
      yield* limiter.limit(Effect.void)
      assert.deepStrictEqual(yield* Effect.flip(lookup), limited(1_000))
      yield* TestClock.adjust("1 seconds")
      assert.deepStrictEqual(yield* Effect.flip(limiter.take), limited(86_400_000 - 1_000))
      assert.strictEqual(yield* lookup, 1_000)
    })
  )

  it.effect("is not stopped by a clock that is set back", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(100_000_000)
      const limiter = yield* RateLimiter.make({ ...options, burst: 1 })
      yield* limiter.take
      yield* TestClock.setTime(50_000_000)
      const fiber = yield* Effect.fork(times(limiter, 1))
      yield* TestClock.adjust("1 seconds")
      assert.deepStrictEqual(yield* Fiber.join(fiber), [50_001_000])
    })
  )

  it.effect("L-01 keeps 1,000 requests a minute for three minutes below 1,000 in any minute", () => {
    const clock = movableClock(0)
    return Effect.gen(function* () {
      const limiter = yield* RateLimiter.make({ ...RateLimiter.mparticle, maxWaitMillis: 0 })
      const sent: Array<number> = []
      let refused = 0
      for (clock.now = 0; clock.now < 180_000; clock.now += 60) {
        const result = yield* Effect.either(limiter.take)
        if (result._tag === "Right") sent.push(clock.now)
        else refused += 1
      }
      const inMinuteFrom = (start: number) => sent.filter((at) => at >= start && at < start + 60_000).length
      const busiest = Math.max(...sent.map(inMinuteFrom))
      assert.isTrue(busiest > 800 && busiest <= 900, `${busiest} in the busiest minute`)
      assert.isTrue(sent.length > 2_400 && refused === 3_000 - sent.length)
    }).pipe(Effect.withClock(clock))
  })

  it.effect("dies of numbers that make no sense", () =>
    Effect.gen(function* () {
      const bad = [{ perMinute: 0 }, { burst: 0 }, { burst: 1.5 }, { perDay: 0 }, { maxWaitMillis: -1 }]
      for (const wrong of bad) {
        const exit = yield* Effect.exit(RateLimiter.make({ ...options, ...wrong }))
        assert.isTrue(Exit.isFailure(exit) && exit.cause._tag === "Die" && exit.cause.defect instanceof RangeError)
      }
    })
  )
})
