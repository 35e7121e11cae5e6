import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { breakerKey } from "../../../src/layers/MParticle/Events.ts"
import { breakerKey as dsrBreakerKey } from "../../../src/layers/MParticle/Guards.ts"
import type { Batch } from "../../../src/schemas/EventsApi.ts"
import {
  ConfigurationError,
  EventsPartlyFailed,
  MParticleApiError,
  NetworkError,
  type UpstreamError
} from "../../../src/schemas/MParticleError.ts"
import { CallTimeout, CircuitOpen } from "../../../src/schemas/ResilienceError.ts"
import { within } from "../../../src/services/Deadline.ts"
import { CircuitBreakers } from "../../../src/services/Resilience/CircuitBreaker.ts"
import { Metrics } from "../../../src/services/Metrics.ts"
import { during, measured } from "../../support/baton.ts"
import { FakeEventsApi, ofPeople, overFake, personOf, process } from "../../support/events.ts"

const answered = (status: number, retryAfterSeconds?: number): MParticleApiError =>
  new MParticleApiError({ status, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) })

const reset = new NetworkError({ upstream: "mParticle events" })
const silence = new CallTimeout({ upstream: "mParticle events", milliseconds: 5_000 })

/** Fails in turn with these, and accepts everything after them. */
const failingWith = (...errors: ReadonlyArray<UpstreamError>) => {
  const left = [...errors]
  return (): Effect.Effect<void, UpstreamError> => left.shift() ?? Effect.void
}

/** Fails for these people with their error. */
const failingFor =
  (errors: Readonly<Record<string, UpstreamError>>) =>
  (batch: Batch): Effect.Effect<void, UpstreamError> =>
    errors[personOf(batch) ?? ""] ?? Effect.void

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

describe("several batches", () => {
  it.effect("H-08 are production's in production alone", () =>
    Effect.gen(function* () {
      for (const [stage, environment] of [
        ["CODE", "development"],
        ["PROD", "production"]
      ] as const) {
        yield* Effect.gen(function* () {
          const fake = yield* FakeEventsApi
          yield* process(ofPeople(2))
          assert.deepStrictEqual(
            fake.uploads.map(({ batch }) => batch.environment),
            [environment, environment]
          )
        }).pipe(overFake({ stage }))
      }
    })
  )

  it.effect("H-08 four at a time", () =>
    Effect.gen(function* () {
      const fake = yield* FakeEventsApi
      let running = 0
      let most = 0
      fake.reply = () =>
        Effect.acquireUseRelease(
          Effect.sync(() => {
            running += 1
            most = Math.max(most, running)
          }),
          () => Effect.sleep("1 second"),
          () => Effect.sync(() => void (running -= 1))
        )
      assert.strictEqual(yield* during("3 seconds")(process(ofPeople(10))), 10)
      assert.strictEqual(most, 4)
    }).pipe(overFake())
  )

  it.effect("T-74 are all or an error that says how many events are with mParticle and how many are not", () =>
    Effect.gen(function* () {
      const fake = yield* FakeEventsApi
      fake.reply = failingFor({ "person-1": answered(400) })
      const { seen, value } = yield* measured(Effect.flip(process([...ofPeople(3), ...ofPeople(3)])))
      assert.deepStrictEqual(value, new EventsPartlyFailed({ accepted: 4, failed: 2, upstream: answered(400) }))
      assert.deepInclude(value, { code: "MPARTICLE_API_ERROR", retryable: false })
      assert.strictEqual(value.message, "mParticle accepted 4 of 6 events")
      assert.deepStrictEqual(seen, [
        { name: "EventsProcessed", unit: "Count", value: 4, dimensions: { Success: "true" } },
        { name: "EventsProcessed", unit: "Count", value: 2, dimensions: { Success: "false" } }
      ])
    }).pipe(overFake())
  )

  it.effect("T-74 the error is as retryable as all of its causes, and says the longest wait", () =>
    Effect.gen(function* () {
      const fake = yield* FakeEventsApi
      const cases: ReadonlyArray<
        readonly [errors: Readonly<Record<string, UpstreamError>>, retryable: boolean, seconds: number | undefined]
      > = [
        [{ "person-1": reset }, true, undefined],
        [{ "person-1": answered(503), "person-2": answered(503, 90), "person-3": answered(503, 30) }, true, 90],
        [{ "person-0": answered(503, 90), "person-2": answered(400) }, false, undefined]
      ]
      for (const [errors, retryable, seconds] of cases) {
        // All are under way when the first one fails, so that the breaker has no part in it.
        fake.reply = (batch) => Effect.zipRight(Effect.sleep("1 second"), failingFor(errors)(batch))
        const error = yield* during("20 seconds")(within(20_000)(Effect.flip(process(ofPeople(4)))))
        assert.instanceOf(error, EventsPartlyFailed)
        assert.deepInclude(error, { retryable, retryAfterSeconds: seconds })
        yield* TestClock.adjust("10 minutes")
        fake.reply = () => Effect.void
        yield* process(ofPeople(1))
      }
    }).pipe(overFake())
  )

  it.effect("T-74 what failed for a moment is brought by the same call", () =>
    Effect.gen(function* () {
      const fake = yield* FakeEventsApi
      fake.reply = failingFor({ "person-2": answered(429, 60) })
      const error = yield* Effect.flip(within(25_000)(process(ofPeople(3))))
      assert.deepInclude(error, { _tag: "EventsPartlyFailed", accepted: 2, failed: 1, retryAfterSeconds: 60 })
      yield* TestClock.adjust("61 seconds")
      fake.reply = () => Effect.void
      assert.strictEqual(yield* process(ofPeople(3)), 3)
      const ids = (from: number, to: number) =>
        new Set(fake.uploads.slice(from, to).map(({ batch }) => batch.source_request_id))
      assert.deepStrictEqual(ids(0, 3), ids(3, 6))
    }).pipe(overFake())
  )

  it.effect("H-16 are not sent once mParticle has refused the credentials", () =>
    Effect.gen(function* () {
      const missing = new ConfigurationError({ setting: "events-api-key", reason: "is missing" })
      for (const error of [answered(401), answered(403), missing]) {
        const fake = yield* FakeEventsApi
        fake.uploads.length = 0
        fake.reply = () => Effect.zipRight(Effect.sleep("1 second"), Effect.fail(error))
        const { seen, value } = yield* measured(during("1 second")(Effect.flip(process(ofPeople(50)))))
        assert.deepStrictEqual(value, error)
        assert.lengthOf(fake.uploads, 4)
        assert.deepStrictEqual(seen, [
          { name: "EventsProcessed", unit: "Count", value: 50, dimensions: { Success: "false" } }
        ])
      }
    }).pipe(overFake())
  )

  it.effect("H-08 are counted in one measurement, and none when there is no event", () =>
    Effect.gen(function* () {
      const { seen } = yield* measured(Effect.zipRight(process([]), process(ofPeople(7))))
      assert.deepStrictEqual(seen, [
        { name: "EventsProcessed", unit: "Count", value: 7, dimensions: { Success: "true" } }
      ])
    }).pipe(overFake())
  )

  it.effect("O-05 are sent all the same when nothing can be measured", () =>
    Effect.gen(function* () {
      const broken = {
        put: () => {
          throw new Error("the sink is broken")
        }
      }
      assert.strictEqual(yield* Effect.provideService(process(ofPeople(2)), Metrics, broken), 2)
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
      yield* TestClock.adjust(Duration.millis(500))
      yield* Fiber.interrupt(call)
      yield* TestClock.adjust("10 seconds")
      assert.lengthOf(fake.uploads, 1)
    }).pipe(overFake())
  )
})
