import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import * as TtlCache from "../../../src/layers/Resilience/TtlCache.ts"

const fiveMinutes = 300_000

/** A cache of `<key>-<n>`, n counting the lookups; they fail or wait as the test says. */
const counted = (options: Partial<TtlCache.TtlCacheOptions<string, string, string, never>> = {}) =>
  Effect.gen(function* () {
    const source = { lookups: 0, failing: false, gate: Effect.void as Effect.Effect<void> }
    const cache = yield* TtlCache.make({
      timeToLiveMillis: fiveMinutes,
      lookup: (key: string) =>
        Effect.suspend(() => {
          source.lookups += 1
          const value = `${key}-${source.lookups}`
          return Effect.zipRight(source.gate, source.failing ? Effect.fail(`no ${value}`) : Effect.succeed(value))
        }),
      ...options
    })
    return { cache, source }
  })

describe("TtlCache", () => {
  it.effect("K-01 asks once within the time to live, per key", () =>
    Effect.gen(function* () {
      const { cache, source } = yield* counted()
      assert.strictEqual(yield* cache.get("a"), "a-1")
      yield* TestClock.adjust("299999 millis")
      assert.strictEqual(yield* cache.get("a"), "a-1")
      assert.strictEqual(yield* cache.get("b"), "b-2")
      assert.strictEqual(source.lookups, 2)
    })
  )

  it.effect("K-02 asks again at exactly the time to live", () =>
    Effect.gen(function* () {
      const { cache } = yield* counted()
      yield* cache.get("a")
      yield* TestClock.adjust("300 seconds")
      assert.strictEqual(yield* cache.get("a"), "a-2")
    })
  )

  it.effect("forgets one key or all of them", () =>
    Effect.gen(function* () {
      const { cache } = yield* counted()
      yield* cache.get("a")
      yield* cache.get("b")
      yield* cache.invalidate("")
      assert.strictEqual(yield* cache.get("a"), "a-1", "an empty key is a key like any other")
      yield* cache.invalidate("a")
      assert.strictEqual(yield* cache.get("a"), "a-3")
      assert.strictEqual(yield* cache.get("b"), "b-2")
      yield* cache.invalidateAll
      assert.strictEqual(yield* cache.get("b"), "b-4")
    })
  )

  it.effect("K-04 shares one lookup among concurrent misses", () =>
    Effect.gen(function* () {
      const { cache, source } = yield* counted()
      source.gate = Effect.sleep("1 second")
      const fiber = yield* Effect.fork(Effect.replicateEffect(cache.get("a"), 20, { concurrency: "unbounded" }))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(new Set(yield* Fiber.join(fiber)), new Set(["a-1"]))
      assert.strictEqual(source.lookups, 1)
    })
  )

  it.effect("K-05 shares a failure, and does not keep it", () =>
    Effect.gen(function* () {
      const { cache, source } = yield* counted()
      source.failing = true
      source.gate = Effect.sleep("1 second")
      const fiber = yield* Effect.fork(
        Effect.replicateEffect(Effect.flip(cache.get("a")), 3, { concurrency: "unbounded" })
      )
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(fiber), ["no a-1", "no a-1", "no a-1"])
      source.failing = false
      source.gate = Effect.void
      assert.strictEqual(yield* cache.get("a"), "a-2")
    })
  )

  it.effect("serves the old value while asking fails, up to its maximum age, and asks again now and then", () =>
    Effect.gen(function* () {
      const { cache, source } = yield* counted()
      yield* cache.get("a")
      source.failing = true
      yield* TestClock.adjust("5 minutes")
      assert.strictEqual(yield* cache.get("a"), "a-1")
      assert.strictEqual(yield* cache.get("a"), "a-1")
      assert.strictEqual(source.lookups, 2, "an outage is not asked about on every call")
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(yield* cache.get("a"), "a-1")
      assert.strictEqual(source.lookups, 3)
      yield* TestClock.setTime(3_599_999)
      assert.strictEqual(yield* cache.get("a"), "a-1")
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* Effect.flip(cache.get("a")), "no a-5")
      source.failing = false
      assert.strictEqual(yield* cache.get("a"), "a-6")
    })
  )

  it.effect("serves a value no longer than its own maximum age", () =>
    Effect.gen(function* () {
      const { cache, source } = yield* counted({
        maximumAgeMillis: (value) => (value === "a-1" ? fiveMinutes : 400_000)
      })
      yield* cache.get("a")
      yield* cache.get("b")
      source.failing = true
      yield* TestClock.adjust("5 minutes")
      assert.strictEqual(yield* Effect.flip(cache.get("a")), "no a-3")
      assert.strictEqual(yield* cache.get("b"), "b-2")
    })
  )

  it.effect("does not serve an old value instead of a defect, nor after it was invalidated", () =>
    Effect.gen(function* () {
      const { cache, source } = yield* counted()
      yield* cache.get("a")
      yield* TestClock.adjust("5 minutes")
      source.gate = Effect.die("bug")
      assert.deepStrictEqual(yield* Effect.exit(cache.get("a")), Exit.die("bug"))
      source.gate = Effect.void
      source.failing = true
      yield* cache.invalidate("a")
      assert.strictEqual(yield* Effect.flip(cache.get("a")), "no a-3")
    })
  )

  it.effect("another caller takes over the lookup when the one that made it is interrupted", () =>
    Effect.gen(function* () {
      const { cache, source } = yield* counted()
      source.gate = Effect.sleep("1 second")
      const first = yield* Effect.fork(cache.get("a"))
      yield* Effect.yieldNow()
      const others = yield* Effect.fork(Effect.replicateEffect(cache.get("a"), 5, { concurrency: "unbounded" }))
      yield* TestClock.adjust("500 millis")
      assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(first)))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(new Set(yield* Fiber.join(others)), new Set(["a-2"]))
      assert.strictEqual(source.lookups, 2)
    })
  )

  it.effect("an interrupted waiter does not disturb the lookup", () =>
    Effect.gen(function* () {
      const { cache, source } = yield* counted()
      source.gate = Effect.sleep("1 second")
      const first = yield* Effect.fork(cache.get("a"))
      yield* Effect.yieldNow()
      const waiter = yield* Effect.fork(cache.get("a"))
      yield* TestClock.adjust("500 millis")
      assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(waiter)))
      yield* TestClock.adjust("500 millis")
      assert.strictEqual(yield* Fiber.join(first), "a-1")
    })
  )

  it.effect("does not keep what was looked up before an invalidation", () =>
    Effect.gen(function* () {
      const { cache, source } = yield* counted()
      const gate = yield* Deferred.make<void>()
      source.gate = Deferred.await(gate)
      const before = yield* Effect.fork(cache.get("a"))
      yield* Effect.yieldNow()
      yield* cache.invalidate("a")
      source.gate = Effect.void
      assert.strictEqual(yield* cache.get("a"), "a-2")
      yield* Deferred.succeed(gate, undefined)
      assert.strictEqual(yield* Fiber.join(before), "a-1")
      assert.strictEqual(yield* cache.get("a"), "a-2")
    })
  )

  it.effect("keeps a value as long as the value itself says", () =>
    Effect.gen(function* () {
      const { cache } = yield* counted({ timeToLiveMillis: (value, now) => (value === "a-1" ? 1_000 - now : 0) })
      yield* cache.get("a")
      yield* TestClock.adjust("999 millis")
      assert.strictEqual(yield* cache.get("a"), "a-1")
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* cache.get("a"), "a-2")
      assert.strictEqual(yield* cache.get("a"), "a-3")
    })
  )

  it.effect("keeps no more keys than it may", () =>
    Effect.gen(function* () {
      const { cache } = yield* counted({ capacity: 2 })
      yield* Effect.forEach(["a", "b", "c"], cache.get)
      assert.strictEqual(yield* cache.get("b"), "b-2")
      assert.strictEqual(yield* cache.get("a"), "a-4")
    })
  )

  it.effect("dies of numbers that make no sense", () =>
    Effect.gen(function* () {
      for (const wrong of [{ capacity: 0 }, { timeToLiveMillis: -1 }, { maximumAgeMillis: -1 }, { pauseMillis: -1 }]) {
        const exit = yield* Effect.exit(counted(wrong))
        assert.isTrue(Exit.isFailure(exit) && exit.cause._tag === "Die" && exit.cause.defect instanceof RangeError)
      }
    })
  )
})

describe("TtlCache.refreshingOnce", () => {
  const isRefused = (error: string) => error === "401"

  it.effect("asks for a new value once when the upstream refuses the cached one, for however many callers", () =>
    Effect.gen(function* () {
      const { cache, source } = yield* counted()
      yield* cache.get("key")
      source.gate = Effect.sleep("1 second")
      const uses: Array<string> = []
      const use = (value: string) =>
        Effect.zipRight(
          Effect.sleep("1 second"),
          Effect.suspend(() => {
            uses.push(value)
            return value === "key-1" ? Effect.fail("401") : Effect.succeed(`used ${value}`)
          })
        )
      const fiber = yield* Effect.fork(
        Effect.replicateEffect(cache.refreshingOnce("key", use, isRefused), 100, { concurrency: "unbounded" })
      )
      yield* TestClock.adjust("3 seconds")
      assert.deepStrictEqual(new Set(yield* Fiber.join(fiber)), new Set(["used key-2"]))
      assert.strictEqual(source.lookups, 2)
      assert.lengthOf(uses, 200)
    })
  )

  it.effect("tries no third time, and not even a second with an equal value", () =>
    Effect.gen(function* () {
      const { cache, source } = yield* counted()
      let uses = 0
      const refused = () =>
        Effect.suspend(() => {
          uses += 1
          return Effect.fail("401")
        })
      assert.strictEqual(yield* Effect.flip(cache.refreshingOnce("key", refused, isRefused)), "401")
      assert.deepStrictEqual([uses, source.lookups], [2, 2])
      const same = yield* TtlCache.make({
        timeToLiveMillis: fiveMinutes,
        lookup: (_: "key") => Effect.sync(() => Redacted.make("secret"))
      })
      assert.strictEqual(yield* Effect.flip(same.refreshingOnce("key", refused, isRefused)), "401")
      assert.strictEqual(uses, 3)
    })
  )

  it.effect("leaves other errors alone", () =>
    Effect.gen(function* () {
      const { cache, source } = yield* counted()
      assert.strictEqual(yield* Effect.flip(cache.refreshingOnce("key", () => Effect.fail("503"), isRefused)), "503")
      assert.strictEqual(source.lookups, 1)
    })
  )
})
