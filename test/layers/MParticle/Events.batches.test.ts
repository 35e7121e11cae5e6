import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { ConfigurationError, EventsPartlyFailed, type UpstreamError } from "../../../src/schemas/MParticleError.ts"
import { within } from "../../../src/services/Deadline.ts"
import { Metrics } from "../../../src/services/Metrics.ts"
import { during, measured } from "../../support/baton.ts"
import {
  answered,
  failingFor,
  FakeEventsApi,
  ofPeople,
  overFake,
  personOf,
  process,
  reset
} from "../../support/events.ts"

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

  it.effect("CB-02 are not sent behind an open breaker, and the caller is told when it will let through", () =>
    Effect.gen(function* () {
      const fake = yield* FakeEventsApi
      fake.reply = (batch) => (personOf(batch) === "person-0" ? Effect.void : answered(500))
      const error = yield* during("10 seconds")(Effect.flip(process(ofPeople(50))))
      assert.deepInclude(error, { _tag: "EventsPartlyFailed", accepted: 1, failed: 49, retryable: true })
      // A minute, less what passed between the failure that opened it and the batch that met it.
      assert.oneOf("retryAfterSeconds" in error ? error.retryAfterSeconds : undefined, [60, 61])
      assert.lengthOf(fake.uploads, 6)
    }).pipe(overFake())
  )
})
