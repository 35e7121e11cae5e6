import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schedules from "../../../src/services/Resilience/Schedules.ts"

const most: Random.Random = { ...Random.fixed([0.999_999]), next: Effect.succeed(1 - Number.EPSILON) }

const delays = (schedule: Schedules.RetrySchedule, random: Random.Random) =>
  Effect.forEach(
    Array.from({ length: schedule.retries }, (_, retry) => retry),
    (retry) => Schedules.delay(schedule, retry)
  ).pipe(Effect.withRandom(random))

describe("Schedules", () => {
  it.effect("R-04 waits 1, 2, 4, 8, 10, 10 s before jitter, and never longer than the cap with it", () =>
    Effect.gen(function* () {
      const schedule = Schedules.make({ ...Schedules.mparticle, retries: 6 })
      const bare = yield* delays(schedule, { ...most, next: Effect.succeed(0) })
      assert.deepStrictEqual(bare, [1_000, 2_000, 4_000, 8_000, 10_000, 10_000])
      const jittered = (yield* delays(schedule, most)).map(Math.round)
      assert.deepStrictEqual(jittered, [1_100, 2_200, 4_400, 8_800, 10_000, 10_000])
    })
  )

  it.effect("draws the jitter from Random", () =>
    Effect.gen(function* () {
      const half: Random.Random = { ...most, next: Effect.succeed(0.5) }
      assert.deepStrictEqual(yield* delays(Schedules.aws, half), [50, 100, 200])
      assert.strictEqual(Schedules.delayOf(Schedules.mparticle, 1, 0.5), 2_100)
      assert.lengthOf(yield* delays(Schedules.never, most), 0)
    })
  )

  it("refuses numbers that make no sense where they are written", () => {
    const bad: ReadonlyArray<readonly [Partial<Schedules.RetrySchedule>, string]> = [
      [{ retries: -1 }, "retries must be a whole number from 0 to 100, not -1"],
      [{ retries: 1.5 }, "retries must be a whole number from 0 to 100, not 1.5"],
      [{ retries: Number.NaN }, "retries must be a whole number from 0 to 100, not NaN"],
      [{ baseMillis: -1 }, "baseMillis must be a number of at least 0, not -1"],
      [{ factor: 0.5 }, "factor must be a number of at least 1, not 0.5"],
      [{ capMillis: Number.POSITIVE_INFINITY }, "capMillis must be a number from 0 to 86400000, not Infinity"],
      [{ jitter: { min: 1.2, max: 1 } }, "jitter.max must be a number from 1.2 to 10, not 1"]
    ]
    for (const [options, message] of bad) {
      assert.throws(() => Schedules.make({ ...Schedules.mparticle, ...options }), RangeError, message)
    }
  })
})
