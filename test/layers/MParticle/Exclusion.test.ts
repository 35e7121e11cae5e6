import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { handle } from "../../../src/handlers/Baton.ts"
import { during, inMemory, initiateWith, payload, recordOf, succeeded, upstream } from "../../support/baton.ts"
import { written } from "../../support/logs.ts"
import { accepted, failing, inTurn } from "../../support/mparticle.ts"

const notExcluded = /^the person was not excluded from audiences/

describe("keeping a person out of audiences", () => {
  it.effect("B-05 says that the erasure was asked for, and when", () =>
    Effect.gen(function* () {
      const { calls, events } = yield* upstream
      yield* TestClock.setTime(Date.UTC(2024, 0, 15))
      const { mparticleRequestId } = succeeded(yield* initiateWith({ identityId: "p-5" }))
      const [event, ...more] = events
      assert.lengthOf(more, 0)
      assert.deepStrictEqual(event?.body, {
        user_identities: { customer_id: "p-5" },
        user_attributes: {
          dsr_erasure_requested: true,
          dsr_erasure_status: "requested",
          dsr_erasure_date: "2024-01-15T00:00:00.000Z"
        },
        environment: "development",
        source_request_id: mparticleRequestId
      })
      assert.deepInclude(calls[0]?.body, { submitted_time: "2024-01-15T00:00:00.000Z" })
      assert.strictEqual(event?.url, "https://events.example.com/v2/events")
      assert.strictEqual(
        event?.headers["authorization"],
        `Basic ${Buffer.from("events-key:events-s3cret").toString("base64")}`
      )
    }).pipe(inMemory())
  )

  it.effect("B-05 is production in PROD alone, at the pod's own host", () =>
    Effect.gen(function* () {
      const { events } = yield* upstream
      succeeded(yield* initiateWith())
      assert.deepInclude(events[0]?.body, { environment: "production" })
      assert.strictEqual(events[0]?.url, "https://s2s.eu1.mparticle.com/v2/events")
    }).pipe(inMemory({ settings: { stage: "PROD", eventsUrl: Option.none() } }))
  )

  it.effect("B-02 is for erasures, not for exports", () =>
    Effect.gen(function* () {
      const { events } = yield* upstream
      succeeded(yield* initiateWith({ requestType: "export" }))
      assert.lengthOf(events, 0)
    }).pipe(inMemory())
  )

  it.effect("B-04 does not stop the erasure when it fails: a warning, and the request goes on", () =>
    Effect.gen(function* () {
      for (const event of [
        failing(500),
        failing(403),
        failing(429),
        () => "reset" as const,
        () => "silence" as const
      ]) {
        const fake = yield* upstream
        fake.event = event
        const { exit, lines } = yield* written(during("2 seconds")(initiateWith()))
        assert.strictEqual(succeeded(yield* exit).status, "submitted")
        assert.lengthOf(fake.calls, 1)
        assert.lengthOf(fake.events, 1)
        const warnings = lines.filter(({ level }) => level === "WARN")
        assert.lengthOf(warnings, 1)
        assert.match(String(warnings[0]?.["message"]), notExcluded)
      }
    }).pipe(inMemory())
  )

  it.effect("B-04 goes on without the pod's name and without credentials, and reads rotated ones again", () =>
    Effect.gen(function* () {
      for (const missing of ["pod", "events-api-secret"]) {
        yield* Effect.gen(function* () {
          const fake = yield* upstream
          assert.strictEqual(succeeded(yield* initiateWith()).status, "submitted")
          assert.lengthOf(fake.events, 0)
        }).pipe(inMemory({ parameters: { [missing]: "" }, settings: { eventsUrl: Option.none() } }))
      }
      yield* Effect.gen(function* () {
        const fake = yield* upstream
        fake.event = inTurn(failing(401), () => new Response(null, { status: 202 }))
        const { lines } = yield* written(initiateWith())
        assert.lengthOf(
          lines.filter(({ level }) => level === "WARN"),
          0
        )
        assert.lengthOf(fake.events, 2)
      }).pipe(inMemory())
    })
  )

  it.effect("T-62 tries a 403 once more with credentials that were rotated, and not with the same ones", () =>
    Effect.gen(function* () {
      const refusedOnce = Effect.gen(function* () {
        const fake = yield* upstream
        fake.event = inTurn(failing(403), () => new Response(null, { status: 202 }))
        yield* initiateWith()
        return fake.events.length
      })
      assert.strictEqual(yield* refusedOnce.pipe(inMemory({ rotated: { "events-api-secret": "another" } })), 2)
      assert.strictEqual(yield* refusedOnce.pipe(inMemory()), 1)
    })
  )

  it.effect("B-04 does not count against mParticle's DSR API: its breaker stays closed", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      fake.event = failing(500)
      for (let person = 0; person < 8; person += 1) {
        assert.strictEqual(succeeded(yield* initiateWith()).status, "submitted")
      }
    }).pipe(inMemory())
  )

  it.effect("B-04 costs two seconds at most", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      fake.event = () => "silence"
      const wanted = { action: "initiate", payload: yield* payload() }
      const began = yield* Clock.currentTimeMillis
      const answer = succeeded(yield* during("2 seconds")(handle(wanted)))
      assert.strictEqual((fake.calls[0]?.at ?? 0) - began, 2_000)
      assert.strictEqual((yield* recordOf(answer.mparticleRequestId)).status, "submitted")
    }).pipe(inMemory())
  )

  it.effect("B-16 is asked for once, however often the request itself is tried", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      fake.reply = inTurn(failing(500), failing(500), accepted)
      yield* during("4 seconds")(initiateWith())
      assert.lengthOf(fake.calls, 3)
      assert.lengthOf(fake.events, 1)
    }).pipe(inMemory())
  )
})
