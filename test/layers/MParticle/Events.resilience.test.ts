import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { breakerKey } from "../../../src/layers/MParticle/Events.ts"
import { breakerKey as dsrBreakerKey } from "../../../src/layers/MParticle/Guards.ts"
import { ConfigurationError, EventsPartlyFailed } from "../../../src/schemas/MParticleError.ts"
import { CallTimeout, CircuitOpen } from "../../../src/schemas/ResilienceError.ts"
import { within } from "../../../src/services/Deadline.ts"
import { CircuitBreakers } from "../../../src/services/Resilience/CircuitBreaker.ts"
import { during } from "../../support/baton.ts"
import {
  answered,
  failingWith,
  FakeEventsApi,
  ofPeople,
  overFake,
  process,
  reset,
  silence
} from "../../support/events.ts"

describe("trying a batch again", () => {
  it.effect("B-16 R-01 after one, two and four seconds, with the same batch", () =>
    Effect.gen(function* () {
      const fake = yield* FakeEventsApi
      fake.reply = failingWith(answered(500), reset, silence)
      assert.strictEqual(yield* during("10 seconds")(process(ofPeople(1))), 1)
      assert.lengthOf(fake.uploads, 4)
      for (const { batch } of fake.uploads) assert.deepStrictEqual(batch, fake.uploads[0]?.batch)
      for (const [at, seconds] of [0, 1, 3, 7].entries()) {
        const millis = fake.uploads[at]?.at ?? 0
        assert.isTrue(millis >= seconds * 1_000 && millis <= seconds * 1_100 + at, `${seconds} s: ${millis}`)
      }
    }).pipe(overFake())
  )

  it.effect("R-01 ends after four attempts with mParticle's own error", () =>
    Effect.gen(function* () {
      const fake = yield* FakeEventsApi
      fake.reply = () => answered(503)
      assert.deepStrictEqual(yield* during("10 seconds")(Effect.flip(process(ofPeople(1)))), answered(503))
      assert.lengthOf(fake.uploads, 4)
    }).pipe(overFake())
  )

  it.effect("R-02 H-16 not what mParticle refuses, nor what is not set up", () =>
    Effect.gen(function* () {
      const missing = new ConfigurationError({ setting: "events-api-key", reason: "is missing" })
      for (const error of [answered(400), answered(401), answered(403), answered(413), missing]) {
        const fake = yield* FakeEventsApi
        fake.uploads.length = 0
        fake.reply = () => error
        assert.deepStrictEqual(yield* Effect.flip(process(ofPeople(1))), error)
        assert.lengthOf(fake.uploads, 1)
      }
    }).pipe(overFake())
  )

  it.effect("R-07 waits as long as mParticle asks, and goes through", () =>
    Effect.gen(function* () {
      const fake = yield* FakeEventsApi
      fake.reply = failingWith(answered(429, 7))
      assert.strictEqual(yield* during("8 seconds")(process(ofPeople(1))), 1)
      assert.deepStrictEqual(
        fake.uploads.map(({ at }) => at),
        [0, 7_000]
      )
    }).pipe(overFake())
  )

  it.effect("R-10 does not wait beyond the invocation's time", () =>
    Effect.gen(function* () {
      const fake = yield* FakeEventsApi
      fake.reply = () => answered(429, 60)
      assert.deepStrictEqual(yield* Effect.flip(within(25_000)(process(ofPeople(1)))), answered(429, 60))
      assert.lengthOf(fake.uploads, 1)
      assert.strictEqual(yield* Clock.currentTimeMillis, 0)
    }).pipe(overFake())
  )
})

describe("the breaker", () => {
  it.effect("CB-02 CB-14 opens after five failures, and only for events", () =>
    Effect.gen(function* () {
      const fake = yield* FakeEventsApi
      const breakers = yield* CircuitBreakers
      fake.reply = () => answered(500)
      yield* during("10 seconds")(Effect.exit(process(ofPeople(1))))
      yield* during("10 seconds")(Effect.exit(process(ofPeople(1))))
      assert.lengthOf(fake.uploads, 5)
      const error = yield* Effect.flip(process(ofPeople(3)))
      assert.instanceOf(error, CircuitOpen)
      assert.deepInclude(error, { upstream: breakerKey, code: "CIRCUIT_OPEN" })
      assert.lengthOf(fake.uploads, 5)
      assert.strictEqual((yield* Effect.flatMap(breakers.get(breakerKey), ({ state }) => state))._tag, "Open")
      assert.strictEqual((yield* Effect.flatMap(breakers.get(dsrBreakerKey), ({ state }) => state))._tag, "Closed")
      fake.reply = () => Effect.void
      yield* TestClock.adjust("61 seconds")
      assert.strictEqual(yield* process(ofPeople(1)), 1)
    }).pipe(overFake())
  )

  it.effect("CB-11 stays closed when mParticle refuses what it is sent", () =>
    Effect.gen(function* () {
      const fake = yield* FakeEventsApi
      fake.reply = () => answered(400)
      assert.deepStrictEqual(yield* Effect.flip(process(ofPeople(10))), answered(400))
      assert.lengthOf(fake.uploads, 10)
      fake.reply = () => Effect.void
      assert.strictEqual(yield* process(ofPeople(1)), 1)
    }).pipe(overFake())
  )
})

describe("the invocation's time", () => {
  it.effect("R-10 T-74 is kept: what could not be begun in it is not, and the caller is told before it ends", () =>
    Effect.gen(function* () {
      const fake = yield* FakeEventsApi
      fake.reply = () => Effect.sleep("1 second")
      const call = yield* Effect.fork(within(3_200)(Effect.flip(process(ofPeople(100)))))
      yield* TestClock.adjust("3 seconds")
      const error = yield* Fiber.join(call)
      assert.deepStrictEqual(
        error,
        new EventsPartlyFailed({
          accepted: 12,
          failed: 88,
          upstream: new CallTimeout({ upstream: "mParticle events", milliseconds: 2_700 })
        })
      )
      assert.isTrue(error.retryable)
      assert.lengthOf(fake.uploads, 12)
      assert.strictEqual(yield* Clock.currentTimeMillis, 3_000)
    }).pipe(overFake())
  )

  it.effect("CB-11 says nothing about mParticle: the breaker stays closed", () =>
    Effect.gen(function* () {
      const fake = yield* FakeEventsApi
      const error = yield* Effect.flip(within(900)(process(ofPeople(20))))
      assert.deepStrictEqual(error, new CallTimeout({ upstream: "mParticle events", milliseconds: 400 }))
      assert.lengthOf(fake.uploads, 0)
      assert.strictEqual(yield* process(ofPeople(1)), 1)
    }).pipe(overFake())
  )

  it.effect("R-11 an interruption ends the call at once", () =>
    Effect.gen(function* () {
      const fake = yield* FakeEventsApi
      fake.reply = () => answered(503)
      const call = yield* Effect.fork(process(ofPeople(1)))
      yield* TestClock.adjust("500 millis")
      yield* Fiber.interrupt(call)
      yield* TestClock.adjust("10 seconds")
      assert.lengthOf(fake.uploads, 1)
    }).pipe(overFake())
  )
})
