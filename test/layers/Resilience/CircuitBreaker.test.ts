import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import * as CircuitBreaker from "../../../src/layers/Resilience/CircuitBreaker.ts"
import { CallTimeout, CircuitOpen, RateLimited } from "../../../src/schemas/ResilienceError.ts"
import { callTimeout } from "../../../src/services/Resilience/callTimeout.ts"
import { CircuitBreakers } from "../../../src/services/Resilience/CircuitBreaker.ts"
import * as Settings from "../../../src/services/Resilience/CircuitBreaker/Settings.ts"
import { badRequest, breakerOf, call, calls, key, outage, reading } from "../../support/breaker.ts"

const reset = "30001 millis"
const rejected = (retryAfterMillis: number) => new CircuitOpen({ upstream: key, retryAfterMillis })

/** An open breaker whose time to probe has come. */
const dueBreaker = Effect.gen(function* () {
  const breaker = yield* breakerOf()
  yield* calls(breaker, 5, outage)
  yield* TestClock.adjust(reset)
  return breaker
})

describe("CircuitBreaker", () => {
  it.effect("CB-01 a success between failures starts the count over", () =>
    Effect.gen(function* () {
      const breaker = yield* breakerOf()
      yield* calls(breaker, 4, outage)
      yield* call(breaker)
      yield* calls(breaker, 4, outage)
      assert.deepStrictEqual(yield* breaker.state, { _tag: "Closed", generation: 0, failures: 4 })
    })
  )

  it.effect("CB-02 rejects the sixth call without making it, and says when to come back", () =>
    Effect.gen(function* () {
      const breaker = yield* breakerOf()
      yield* calls(breaker, 5, outage)
      let made = false
      const error = yield* Effect.flip(
        breaker.protect(
          Effect.sync(() => {
            made = true
          }),
          { isFailure: () => true }
        )
      )
      assert.deepStrictEqual(error, rejected(30_001))
      assert.isFalse(made)
      yield* TestClock.adjust("29999 millis")
      assert.deepStrictEqual(yield* call(breaker), rejected(2))
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(yield* call(breaker), rejected(1), "at the boundary itself it is still open")
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* call(breaker), "ok")
    })
  )

  it.effect("CB-04 a probe that succeeds closes it, and the count starts at 0", () =>
    Effect.gen(function* () {
      const breaker = yield* dueBreaker
      assert.strictEqual(yield* call(breaker), "ok")
      assert.deepStrictEqual(yield* breaker.state, { _tag: "Closed", generation: 3, failures: 0 })
      yield* calls(breaker, 4, outage)
      assert.strictEqual((yield* breaker.state)._tag, "Closed")
    })
  )

  it.effect("CB-05 a probe that fails opens it again for a whole window", () =>
    Effect.gen(function* () {
      const breaker = yield* dueBreaker
      assert.strictEqual(yield* call(breaker, outage), outage)
      assert.deepStrictEqual(yield* call(breaker), rejected(30_001))
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual(yield* call(breaker), rejected(1))
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* call(breaker), "ok")
    })
  )

  it.effect("admits one probe of 1,000 concurrent callers", () =>
    Effect.gen(function* () {
      const breaker = yield* dueBreaker
      const gate = yield* Deferred.make<void>()
      let probes = 0
      const probe = Effect.zipRight(
        Effect.sync(() => {
          probes += 1
        }),
        Deferred.await(gate)
      )
      const fiber = yield* Effect.fork(
        Effect.forEach(
          Array.from({ length: 1_000 }),
          () => Effect.either(breaker.protect(probe, { isFailure: () => true })),
          { concurrency: "unbounded" }
        )
      )
      yield* TestClock.adjust("1 seconds")
      yield* Deferred.succeed(gate, undefined)
      const results = yield* Fiber.join(fiber)
      assert.strictEqual(probes, 1)
      assert.lengthOf(
        results.filter((result) => result._tag === "Left" && result.left._tag === "CircuitOpen"),
        999
      )
      assert.strictEqual((yield* breaker.state)._tag, "Closed")
    })
  )

  it.effect("CB-07 a probe that is interrupted gives the probe to the next caller", () =>
    Effect.gen(function* () {
      const breaker = yield* dueBreaker
      const fiber = yield* Effect.fork(breaker.protect(Effect.never, reading))
      yield* Effect.yieldNow()
      assert.strictEqual((yield* breaker.state)._tag, "HalfOpen")
      assert.instanceOf(yield* call(breaker), CircuitOpen)
      assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(fiber)))
      assert.strictEqual(yield* call(breaker), "ok")
      assert.strictEqual((yield* breaker.state)._tag, "Closed")
    })
  )

  it.effect("a probe that says nothing about the upstream gives the probe back too", () =>
    Effect.gen(function* () {
      const breaker = yield* dueBreaker
      assert.strictEqual(yield* call(breaker, badRequest), badRequest)
      assert.deepInclude(yield* breaker.state, { _tag: "Open" })
      assert.deepStrictEqual(yield* Effect.exit(breaker.protect(Effect.die("bug"), reading)), Exit.die("bug"))
      const limited = new RateLimited({ upstream: key, retryAfterMillis: 5 })
      assert.strictEqual(yield* Effect.flip(breaker.protect(Effect.fail(limited), { isFailure: () => true })), limited)
      assert.strictEqual(yield* call(breaker), "ok")
      assert.strictEqual((yield* breaker.state)._tag, "Closed")
    })
  )

  it.effect("a probe whose lease lapsed loses it to the next caller, and its result counts no more", () =>
    Effect.gen(function* () {
      const breaker = yield* breakerOf({ timeoutMillis: 10_000 })
      yield* calls(breaker, 5, outage)
      yield* TestClock.adjust(reset)
      const gate = yield* Deferred.make<void>()
      const dead = yield* Effect.fork(breaker.protect(Deferred.await(gate), reading))
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(yield* call(breaker), rejected(1))
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* call(breaker, outage), outage)
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(dead)
      assert.strictEqual((yield* breaker.state)._tag, "Open")
    })
  )

  it.effect("CB-08 a slow success from before it opened does not close it, nor does a late failure prolong it", () =>
    Effect.gen(function* () {
      const breaker = yield* breakerOf()
      const gate = yield* Deferred.make<void>()
      const success = yield* Effect.fork(breaker.protect(Deferred.await(gate), reading))
      const failure = yield* Effect.fork(
        Effect.either(breaker.protect(Effect.zipRight(Deferred.await(gate), Effect.fail(outage)), reading))
      )
      yield* Effect.yieldNow()
      yield* calls(breaker, 5, outage)
      const before = yield* breaker.state
      yield* TestClock.adjust("10 seconds")
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(success)
      yield* Fiber.join(failure)
      assert.deepStrictEqual(yield* breaker.state, before)
      assert.strictEqual(before._tag, "Open")
    })
  )

  it.effect("CB-08 a result from before it opened does not count after it has closed again", () =>
    Effect.gen(function* () {
      const breaker = yield* breakerOf()
      const gate = yield* Deferred.make<void>()
      const late = yield* Effect.fork(breaker.protect(Deferred.await(gate), reading))
      yield* Effect.yieldNow()
      yield* calls(breaker, 5, outage)
      yield* TestClock.adjust(reset)
      yield* call(breaker)
      yield* calls(breaker, 3, outage)
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(late)
      assert.deepInclude(yield* breaker.state, { _tag: "Closed", failures: 3 })
    })
  )

  it.effect("CB-10 counts a timeout as a failure", () =>
    Effect.gen(function* () {
      const breaker = yield* breakerOf({ trip: { _tag: "Consecutive", failures: 1 } })
      const slow = callTimeout(Effect.never, { upstream: key, milliseconds: breaker.settings.timeoutMillis })
      const fiber = yield* Effect.fork(
        Effect.flip(breaker.protect(slow, { isFailure: (error) => error instanceof CallTimeout }))
      )
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "CallTimeout")
      assert.strictEqual((yield* breaker.state)._tag, "Open")
    })
  )

  it.effect("CB-11 errors that are no outage count as nothing, nor do defects and interruptions", () =>
    Effect.gen(function* () {
      const breaker = yield* breakerOf()
      yield* calls(breaker, 4, outage)
      yield* calls(breaker, 10, badRequest)
      yield* Effect.replicateEffect(Effect.exit(breaker.protect(Effect.die("bug"), reading)), 10)
      for (let count = 0; count < 10; count += 1) {
        const fiber = yield* Effect.fork(breaker.protect(Effect.never, reading))
        yield* Effect.yieldNow()
        yield* Fiber.interrupt(fiber)
      }
      assert.deepInclude(yield* breaker.state, { _tag: "Closed", failures: 4 })
      yield* call(breaker, outage)
      assert.strictEqual((yield* breaker.state)._tag, "Open")
    })
  )

  it.effect("CB-13 has the defaults for a key that is not named, and the key's own settings otherwise", () =>
    Effect.gen(function* () {
      const breakers = yield* CircuitBreakers
      assert.strictEqual((yield* breakers.get("other")).settings, Settings.defaults)
      assert.strictEqual((yield* breakers.get("mparticle-dsr")).settings, Settings.mparticle)
      assert.strictEqual(yield* breakers.get("other"), yield* breakers.get("other"))
    }).pipe(Effect.provide(CircuitBreaker.layerMemory({ settings: { "mparticle-dsr": Settings.mparticle } })))
  )

  it.effect("CB-14 keeps two upstreams apart", () =>
    Effect.gen(function* () {
      const breakers = yield* CircuitBreakers
      const dsr = yield* breakers.get("mparticle-dsr")
      const events = yield* breakers.get("mparticle-events")
      yield* calls(dsr, 5, outage)
      assert.strictEqual((yield* dsr.state)._tag, "Open")
      assert.strictEqual(yield* call(events), "ok")
    }).pipe(Effect.provide(CircuitBreaker.layerMemory({ settings: {} })))
  )

  it.effect("opens on a rate of failures over the last calls", () =>
    Effect.gen(function* () {
      const breaker = yield* breakerOf({
        trip: { _tag: "Rate", failureRate: 0.5, window: 10, minimumCalls: 6 }
      })
      for (let pair = 0; pair < 2; pair += 1) {
        yield* call(breaker)
        yield* call(breaker, outage)
      }
      yield* call(breaker)
      assert.strictEqual((yield* breaker.state)._tag, "Closed")
      yield* call(breaker, outage)
      assert.strictEqual((yield* breaker.state)._tag, "Open")
    })
  )

  it.effect("is not held open by a clock that is set back", () =>
    Effect.gen(function* () {
      const breaker = yield* breakerOf()
      yield* TestClock.setTime(100_000_000)
      yield* calls(breaker, 5, outage)
      yield* TestClock.setTime(1_000_000)
      assert.deepStrictEqual(yield* call(breaker), rejected(30_001))
      yield* TestClock.adjust(reset)
      assert.strictEqual(yield* call(breaker), "ok")
    })
  )
})
