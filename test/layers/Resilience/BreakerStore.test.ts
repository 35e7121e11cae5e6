import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import * as MemoryStore from "../../../src/layers/Resilience/CircuitBreaker/MemoryStore.ts"
import { CircuitOpen } from "../../../src/schemas/ResilienceError.ts"
import { type Measurement, Metrics } from "../../../src/services/Metrics.ts"
import { type BreakerStoreShape, BreakerStoreUnavailable } from "../../../src/services/Resilience/CircuitBreaker.ts"
import { breakerOf, call, calls, key, outage, reading } from "../../support/breaker.ts"

const cacheMillis = 5_000

/** A store in memory that counts what is asked of it and can be told to misbehave. */
const observed = Effect.gen(function* () {
  const memory = yield* MemoryStore.make(cacheMillis)
  const faults = { down: Effect.void as Effect.Effect<void, BreakerStoreUnavailable>, loseAnswer: false }
  const asked = { loads: 0, writes: 0 }
  const store: BreakerStoreShape = {
    cacheMillis,
    load: (key) =>
      Effect.suspend(() => {
        asked.loads += 1
        return Effect.zipRight(faults.down, memory.load(key))
      }),
    compareAndSet: (key, generation, next) =>
      Effect.gen(function* () {
        asked.writes += 1
        yield* faults.down
        const won = yield* memory.compareAndSet(key, generation, next)
        return won && !faults.loseAnswer
      })
  }
  return { asked, faults, memory, store }
})

const down = Effect.fail(new BreakerStoreUnavailable({ reason: "ThrottlingException" }))

/** Two processes over one store, the upstream of which is out. */
const twoOpen = Effect.gen(function* () {
  const shared = yield* observed
  const one = yield* breakerOf({}, shared.store)
  const two = yield* breakerOf({}, shared.store)
  yield* calls(one, 5, outage)
  return { ...shared, one, two }
})

describe("CircuitBreaker over a shared store", () => {
  it.effect("reads it at most once per cache lifetime and writes changes only", () =>
    Effect.gen(function* () {
      const { asked, store } = yield* observed
      const breaker = yield* breakerOf({}, store)
      yield* calls(breaker, 100)
      yield* calls(breaker, 4, outage)
      yield* TestClock.adjust("4999 millis")
      yield* calls(breaker, 100)
      assert.deepStrictEqual(asked, { loads: 1, writes: 0 })
      yield* TestClock.adjust("1 millis")
      yield* Effect.all([calls(breaker, 10), calls(breaker, 10)], { concurrency: "unbounded" })
      assert.deepStrictEqual(asked, { loads: 2, writes: 0 })
      yield* calls(breaker, 5, outage)
      yield* calls(breaker, 100)
      assert.deepStrictEqual(asked, { loads: 2, writes: 1 })
    })
  )

  it.effect("counts failures per process and shares the opening", () =>
    Effect.gen(function* () {
      const { one, two } = yield* twoOpen
      assert.instanceOf(yield* call(one), CircuitOpen)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* call(two), new CircuitOpen({ upstream: key, retryAfterMillis: 29_001 }))
    })
  )

  it.effect("elects one prober of two processes, and shares what it found", () =>
    Effect.gen(function* () {
      const { one, two } = yield* twoOpen
      yield* call(two)
      yield* TestClock.adjust("30001 millis")
      const gate = yield* Deferred.make<void>()
      let probes = 0
      const upstream = Effect.suspend(() => {
        probes += 1
        return Deferred.await(gate)
      })
      const fibers = yield* Effect.forEach([one, two, one, two], (breaker) =>
        Effect.fork(Effect.either(breaker.protect(upstream, reading)))
      )
      yield* TestClock.adjust("1 second")
      assert.strictEqual(probes, 1)
      yield* Deferred.succeed(gate, undefined)
      const results = yield* Effect.forEach(fibers, Fiber.join)
      assert.lengthOf(
        results.filter((result) => result._tag === "Right"),
        1
      )
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(yield* call(one), "ok")
      assert.strictEqual(yield* call(two), "ok")
      assert.deepStrictEqual([(yield* one.state)._tag, (yield* two.state)._tag], ["Closed", "Closed"])
    })
  )

  it.effect("two processes that open at the same time agree", () =>
    Effect.gen(function* () {
      const { store } = yield* observed
      const one = yield* breakerOf({}, store)
      const two = yield* breakerOf({}, store)
      yield* calls(one, 4, outage)
      yield* calls(two, 4, outage)
      yield* call(one, outage)
      yield* TestClock.adjust("1 second")
      yield* call(two, outage)
      assert.deepStrictEqual(yield* one.state, yield* two.state)
    })
  )

  it.effect("another process takes over the probe of one that died", () =>
    Effect.gen(function* () {
      const { memory, one, two } = yield* twoOpen
      yield* call(two)
      yield* TestClock.adjust("30001 millis")
      const open = yield* memory.load(key)
      yield* memory.compareAndSet(key, open.generation, {
        _tag: "HalfOpen",
        generation: open.generation + 1,
        since: 30_001,
        until: 90_001,
        prober: "died"
      })
      assert.deepStrictEqual(yield* call(one), new CircuitOpen({ upstream: key, retryAfterMillis: 60_001 }))
      assert.instanceOf(yield* call(two), CircuitOpen)
      yield* TestClock.adjust("60001 millis")
      assert.strictEqual(yield* call(two), "ok")
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(yield* call(one), "ok")
    })
  )

  it.effect("a prober whose answer from the store was lost finds itself elected", () =>
    Effect.gen(function* () {
      const { faults, one } = yield* twoOpen
      yield* TestClock.adjust("30001 millis")
      faults.loseAnswer = true
      assert.strictEqual(yield* call(one), "ok")
      assert.strictEqual((yield* one.state)._tag, "Closed")
    })
  )

  it.effect("fails open when the store is down, slow or broken: each process goes on by itself", () =>
    Effect.gen(function* () {
      const measured: Array<Measurement> = []
      const sink = { put: (measurement: Measurement) => void measured.push(measurement) }
      for (const fault of [down, Effect.die("bug"), Effect.never]) {
        const { asked, faults, store } = yield* observed
        faults.down = fault
        const breaker = yield* breakerOf({}, store)
        const inTime = <A, E>(effect: Effect.Effect<A, E>) =>
          Effect.gen(function* () {
            const fiber = yield* Effect.fork(Effect.provideService(effect, Metrics, sink))
            yield* TestClock.adjust("500 millis")
            yield* TestClock.adjust("500 millis")
            return yield* Fiber.join(fiber)
          })
        assert.strictEqual(yield* inTime(call(breaker)), "ok")
        yield* inTime(calls(breaker, 100))
        assert.strictEqual(asked.loads, 1, "a store that is down is not asked on every call either")
        yield* inTime(calls(breaker, 5, outage))
        assert.instanceOf(yield* inTime(call(breaker)), CircuitOpen)
        yield* TestClock.adjust("30001 millis")
        const gate = yield* Deferred.make<void>()
        const probe = yield* Effect.fork(breaker.protect(Deferred.await(gate), reading))
        yield* TestClock.adjust("1 second")
        assert.instanceOf(yield* inTime(call(breaker)), CircuitOpen)
        yield* Deferred.succeed(gate, undefined)
        yield* inTime(Fiber.join(probe))
        assert.strictEqual((yield* breaker.state)._tag, "Closed")
        assert.strictEqual(yield* inTime(call(breaker)), "ok")
      }
      assert.isTrue(measured.some(({ name }) => name === "CircuitStoreFailures"))
    })
  )

  it.effect("goes by the store again when it is back", () =>
    Effect.gen(function* () {
      const { faults, memory, store } = yield* observed
      const one = yield* breakerOf({}, store)
      faults.down = down
      yield* calls(one, 5, outage)
      assert.strictEqual((yield* memory.load(key))._tag, "Closed")
      faults.down = Effect.void
      assert.instanceOf(yield* call(one), CircuitOpen, "its own opening holds for its time")
      yield* TestClock.adjust("30001 millis")
      assert.strictEqual(yield* call(one), "ok")
      assert.deepInclude(yield* one.state, { _tag: "Closed", generation: 0 })
    })
  )

  it.effect("CB-07 gives the probe back when it is interrupted while it is being elected", () =>
    Effect.gen(function* () {
      const { faults, memory, one } = yield* twoOpen
      yield* TestClock.adjust("30001 millis")
      yield* call(one, outage)
      yield* TestClock.adjust("30001 millis")
      faults.down = Effect.sleep("100 millis")
      const fiber = yield* Effect.fork(one.protect(Effect.never, reading))
      yield* TestClock.adjust("150 millis")
      const interrupting = yield* Effect.fork(Fiber.interrupt(fiber))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(interrupting)
      faults.down = Effect.void
      assert.strictEqual((yield* one.state)._tag, "Open")
      assert.strictEqual((yield* memory.load(key))._tag, "Open")
      assert.strictEqual(yield* call(one), "ok")
    })
  )
})
