import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as CircuitBreaker from "../../../src/layers/Resilience/CircuitBreaker.ts"
import { CircuitOpen } from "../../../src/schemas/ResilienceError.ts"
import { type Measurement, Metrics } from "../../../src/services/Metrics.ts"
import { CircuitBreakers } from "../../../src/services/Resilience/CircuitBreaker.ts"
import * as Retry from "../../../src/services/Resilience/Retry.ts"
import * as Schedules from "../../../src/services/Resilience/Schedules.ts"
import {
  badRequest,
  breakerOf,
  call,
  calls,
  key,
  outage,
  reading,
  tooMany,
  type UpstreamFailure
} from "../../support/breaker.ts"

const reset = "30001 millis"
const rejected = (retryAfterMillis: number) => new CircuitOpen({ upstream: key, retryAfterMillis })

describe("CircuitBreaker and Retry-After", () => {
  it.effect("opens at once for that long to other callers", () =>
    Effect.gen(function* () {
      const breaker = yield* breakerOf()
      yield* Effect.fork(call(breaker, tooMany(120_000)))
      yield* Effect.yieldNow()
      assert.deepStrictEqual(yield* call(breaker), rejected(120_001))
      yield* TestClock.adjust("2 minutes")
      assert.deepStrictEqual(yield* call(breaker), rejected(1))
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* call(breaker), "ok")
    })
  )

  it.effect("believes it up to the cap", () =>
    Effect.gen(function* () {
      const breaker = yield* breakerOf()
      yield* call(breaker, tooMany(86_400_000))
      assert.deepStrictEqual(yield* call(breaker), rejected(300_001))
    })
  )

  it.effect("lets those who received it through when they have waited it out, even while another probes", () =>
    Effect.gen(function* () {
      const breaker = yield* breakerOf()
      const gate = yield* Deferred.make<void>()
      const told = (millis: number) =>
        Effect.gen(function* () {
          let tries = 0
          const upstream = Effect.suspend(() => {
            tries += 1
            return tries === 1
              ? Effect.zipRight(Deferred.await(gate), Effect.fail(tooMany(millis)))
              : Effect.as(Effect.sleep("5 seconds"), "ok" as const)
          })
          return yield* Retry.retry(breaker.protect(upstream, reading), {
            schedule: Schedules.mparticle,
            while: (error) => error._tag === "TooMany",
            retryAfterMillis: (error) => (error._tag === "TooMany" ? error.retryAfterMillis : undefined)
          })
        })
      const fibers = yield* Effect.forEach([20_000, 20_000, 20_000], (millis) => Effect.fork(told(millis)))
      yield* Effect.yieldNow()
      yield* Deferred.succeed(gate, undefined)
      yield* TestClock.adjust("20 seconds")
      assert.strictEqual((yield* breaker.state)._tag, "HalfOpen")
      assert.instanceOf(yield* call(breaker), CircuitOpen, "others wait for the probe")
      yield* TestClock.adjust("5 seconds")
      const results = yield* Effect.forEach(fibers, Fiber.join)
      assert.deepStrictEqual(results, ["ok", "ok", "ok"])
      assert.strictEqual((yield* breaker.state)._tag, "Closed")
    })
  )

  it.effect("does not let them through before, nor a second time, nor once something else opened it", () =>
    Effect.gen(function* () {
      const breaker = yield* breakerOf()
      yield* call(breaker, tooMany(20_000))
      yield* TestClock.adjust("10 seconds")
      assert.instanceOf(yield* call(breaker), CircuitOpen)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* call(breaker, outage), outage, "this one waited, so it probes at the boundary")
      yield* TestClock.adjust("20 seconds")
      assert.instanceOf(yield* call(breaker), CircuitOpen, "its failure opened the breaker anew, for all")
    })
  )

  it.effect("a guest's new Retry-After opens it anew, its other results are left to the probe", () =>
    Effect.gen(function* () {
      const breaker = yield* breakerOf()
      const gate = yield* Deferred.make<void>()
      const told = (second: UpstreamFailure | undefined) =>
        Effect.gen(function* () {
          yield* breaker
            .protect(Effect.zipRight(Deferred.await(gate), Effect.fail(tooMany(1_000))), reading)
            .pipe(Effect.ignore)
          yield* Effect.sleep(second?._tag === "TooMany" ? "3 seconds" : "2 seconds")
          return yield* call(breaker, second)
        })
      const fibers = yield* Effect.forEach([outage, undefined, tooMany(60_000)], (error) => Effect.fork(told(error)))
      yield* Effect.yieldNow()
      yield* Deferred.succeed(gate, undefined)
      yield* TestClock.adjust("1001 millis")
      const probe = yield* Effect.fork(breaker.protect(Effect.never, reading))
      yield* TestClock.adjust("1999 millis")
      const results = yield* Effect.forEach(fibers, Fiber.join)
      assert.deepStrictEqual(results, [outage, "ok", tooMany(60_000)])
      assert.deepInclude(yield* breaker.state, { _tag: "Open", generation: 3, pause: 3, until: 63_000 })
      yield* Fiber.interrupt(probe)
    })
  )
})

describe("CircuitBreaker's changes", () => {
  it.effect("are a stream per breaker and of all, and a metric", () =>
    Effect.gen(function* () {
      const measured: Array<Measurement> = []
      const sink = { put: (measurement: Measurement) => void measured.push(measurement) }
      const breakers = yield* CircuitBreakers
      const breaker = yield* breakers.get(key)
      const own = yield* Effect.fork(Stream.runCollect(Stream.take(breaker.changes, 5)))
      const all = yield* Effect.fork(Stream.runCollect(Stream.take(breakers.changes, 6)))
      yield* TestClock.adjust("1 millis")
      yield* Effect.gen(function* () {
        yield* calls(yield* breakers.get("other"), 5, outage)
        yield* calls(breaker, 5, outage)
        yield* TestClock.adjust(reset)
        yield* call(breaker, badRequest)
        yield* call(breaker)
      }).pipe(Effect.provideService(Metrics, sink))
      const changes = Chunk.toReadonlyArray(yield* Fiber.join(own))
      assert.deepStrictEqual(
        changes.map(({ from, reason, to }) => [from._tag, to._tag, reason, to.generation - from.generation]),
        [
          ["Closed", "Open", "failures", 1],
          ["Open", "HalfOpen", "probe", 1],
          ["HalfOpen", "Open", "probeGivenBack", 1],
          ["Open", "HalfOpen", "probe", 1],
          ["HalfOpen", "Closed", "probeSucceeded", 1]
        ]
      )
      assert.strictEqual(Chunk.toReadonlyArray(yield* Fiber.join(all))[0]?.key, "other")
      assert.deepStrictEqual(
        measured.map(({ dimensions, value }) => [dimensions["Upstream"], value]),
        [
          ["other", 2],
          [key, 2],
          [key, 1],
          [key, 2],
          [key, 1],
          [key, 0]
        ]
      )
      assert.deepInclude(measured[0], { name: "CircuitState", unit: "None" })
    }).pipe(Effect.provide(CircuitBreaker.layerMemory({ settings: {} })))
  )

  it.effect("O-05 happen even when the metric sink throws", () =>
    Effect.gen(function* () {
      const breaker = yield* breakerOf()
      const throwing = {
        put: () => {
          throw new Error("sink")
        }
      }
      yield* Effect.provideService(calls(breaker, 5, outage), Metrics, throwing)
      assert.strictEqual((yield* breaker.state)._tag, "Open")
    })
  )
})
