import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { during } from "../../../support/baton.ts"
import { callsOf, errorOf, facts, remove, taken, vendors, withVendors } from "../../../support/deletion.ts"
import { failing, inTurn } from "../../../support/mparticle.ts"

describe("deleting a profile at mParticle", () => {
  it.effect("U-16 asks for the one profile, in the development environment off PROD", () =>
    Effect.gen(function* () {
      const { mparticle } = yield* vendors()
      yield* remove()
      const [call, ...more] = mparticle
      assert.lengthOf(more, 0)
      assert.deepInclude(call, { method: "POST", url: "https://events.example.com/userprofile/bulkdelete" })
      assert.deepStrictEqual(call?.body, [
        { environment_type: "development", action: "delete", identities: { customerid: "guardian-user-1" } }
      ])
      const basic = Buffer.from("events-key:events-s3cret").toString("base64")
      assert.strictEqual(call?.headers["authorization"], `Basic ${basic}`)
    }).pipe(withVendors())
  )

  it.effect("U-16 asks in production on PROD, at the pod's own host", () =>
    Effect.gen(function* () {
      const { mparticle } = yield* vendors()
      yield* remove()
      assert.strictEqual(mparticle[0]?.url, "https://s2s.eu1.mparticle.com/userprofile/bulkdelete")
      assert.nestedPropertyVal(mparticle[0]?.body, "0.environment_type", "production")
    }).pipe(withVendors({ settings: { stage: "PROD", eventsUrl: Option.none() } }))
  )

  it.effect("U-10 404 is a success: the profile is gone already", () =>
    Effect.gen(function* () {
      const fake = yield* vendors({ bulkDeletion: failing(404) })
      yield* remove()
      assert.deepStrictEqual(callsOf(fake), [1, 1])
      assert.lengthOf(fake.alerts, 0)
    }).pipe(withVendors())
  )

  it.effect("U-10 500, 503, 429, a broken connection and silence are tried again, and may pass later", () =>
    Effect.gen(function* () {
      for (const [reply, expected] of [
        [failing(500), { _tag: "MParticleApiError", message: "mParticle answered 500", retryable: true }],
        [failing(503), { _tag: "MParticleApiError", message: "mParticle answered 503", retryable: true }],
        [failing(429), { _tag: "MParticleApiError", message: "mParticle answered 429", retryable: true }],
        [() => "reset" as const, { _tag: "NetworkError", retryable: true }],
        [() => "silence" as const, { _tag: "CallTimeout", retryable: true }]
      ] as const) {
        yield* Effect.gen(function* () {
          const fake = yield* vendors({ bulkDeletion: reply })
          const began = yield* Clock.currentTimeMillis
          assert.deepInclude(facts(yield* errorOf()), expected)
          assert.deepStrictEqual(callsOf(fake), [4, 1])
          const waits = fake.mparticle.map(({ at }, index) => at - (fake.mparticle[index - 1]?.at ?? began))
          assert.isTrue(
            [0, 1_000, 2_000, 4_000].every((wait, index) => (waits[index] ?? -1) >= wait),
            String(waits)
          )
          assert.lengthOf(fake.alerts, 0)
        }).pipe(withVendors())
      }
    })
  )

  it.effect("U-10 tries until it works", () =>
    Effect.gen(function* () {
      const fake = yield* vendors({ bulkDeletion: inTurn(failing(503), () => "reset", taken) })
      yield* during("1 minutes")(remove())
      assert.deepStrictEqual(callsOf(fake), [3, 1])
    }).pipe(withVendors())
  )

  it.effect("U-10 400, 401 and 403 stay: one try, and somebody is told", () =>
    Effect.gen(function* () {
      for (const status of [400, 403]) {
        yield* Effect.gen(function* () {
          const fake = yield* vendors({ bulkDeletion: failing(status) })
          assert.deepInclude(facts(yield* errorOf()), {
            message: `mParticle answered ${status}`,
            retryable: false
          })
          assert.deepStrictEqual(callsOf(fake), [1, 1])
          assert.deepStrictEqual(fake.alerts, [
            {
              severity: "HIGH",
              subject: "mparticle-deletion-refused",
              message: `A person is not deleted, and trying again will not help: mParticle answered ${status}`,
              context: { code: "MPARTICLE_API_ERROR" }
            }
          ])
        }).pipe(withVendors())
      }
      yield* Effect.gen(function* () {
        const fake = yield* vendors({ bulkDeletion: failing(401) })
        assert.isFalse((yield* errorOf()).retryable)
        assert.deepStrictEqual(callsOf(fake), [2, 1], "once more with credentials that were read again")
      }).pipe(withVendors())
    })
  )

  it.effect("U-11 any other success than 202 is a failure", () =>
    Effect.gen(function* () {
      for (const status of [200, 201, 204, 302]) {
        yield* Effect.gen(function* () {
          const fake = yield* vendors({ bulkDeletion: () => new Response(null, { status }) })
          const expected = { message: `mParticle answered ${status}`, retryable: false }
          assert.deepInclude(facts(yield* errorOf()), expected)
          assert.deepStrictEqual(callsOf(fake), [1, 1])
        }).pipe(withVendors())
      }
    })
  )

  it.effect("U-10 what mParticle asks to wait is waited by others", () =>
    Effect.gen(function* () {
      const fake = yield* vendors({ bulkDeletion: failing(429, "slow down", { "retry-after": "120" }) })
      assert.strictEqual((yield* Effect.flip(remove()))._tag, "MParticleApiError")
      assert.strictEqual((yield* Effect.flip(remove()))._tag, "CircuitOpen")
      assert.deepStrictEqual(callsOf(fake), [1, 2], "Braze is asked for both")
      fake.bulkDeletion = taken
      yield* TestClock.adjust("121 seconds")
      yield* remove()
      assert.deepStrictEqual(callsOf(fake), [2, 3])
    }).pipe(withVendors())
  )
})
