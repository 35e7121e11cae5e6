import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import {
  callsOf,
  deleted,
  deletionParameters,
  errorOf,
  facts,
  outcome,
  person,
  remove,
  throwing,
  unreadable,
  vendors,
  withVendors
} from "../../../support/deletion.ts"
import { written } from "../../../support/logs.ts"
import { failing, inTurn } from "../../../support/mparticle.ts"

describe("deleting a person at Braze", () => {
  it.effect("U-13 asks for the id that Braze calls external", () =>
    Effect.gen(function* () {
      const { braze } = yield* vendors()
      yield* remove()
      assert.lengthOf(braze, 1)
      assert.deepInclude(braze[0], { method: "POST", url: "https://braze.example.com/users/delete" })
      assert.deepStrictEqual(braze[0]?.body, { external_ids: ["braze-person-1"] })
      assert.strictEqual(braze[0]?.headers["authorization"], "Bearer braze-key")
    }).pipe(withVendors())
  )

  it.effect("U-13 nobody deleted, and 404, are successes: the person is gone already", () =>
    Effect.gen(function* () {
      for (const reply of [deleted(0), failing(404), () => Response.json({ message: "success" })]) {
        const fake = yield* vendors({ userDeletion: reply })
        yield* remove()
        assert.lengthOf(fake.alerts, 0)
      }
    }).pipe(withVendors())
  )

  it.effect("U-13 500, 503, a broken connection, silence and no usable answer are tried again", () =>
    Effect.gen(function* () {
      const html = () => new Response("<html>", { headers: { "content-type": "text/html" } })
      for (const [reply, expected] of [
        [failing(500), { _tag: "BrazeError", message: "Braze answered 500: no", retryable: true }],
        [failing(503, ""), { _tag: "BrazeError", message: "Braze answered 503", retryable: true }],
        [() => "reset" as const, { _tag: "NetworkError", retryable: true }],
        [() => "silence" as const, { _tag: "CallTimeout", retryable: true }],
        [
          html,
          {
            message: "Braze gave no usable answer: could not parse response: text/html is not JSON",
            retryable: true
          }
        ]
      ] as const) {
        yield* Effect.gen(function* () {
          const fake = yield* vendors({ userDeletion: reply })
          assert.deepInclude(facts(yield* errorOf()), expected)
          assert.deepStrictEqual(callsOf(fake), [1, 4])
          assert.lengthOf(fake.alerts, 0)
        }).pipe(withVendors())
      }
    })
  )

  it.effect("U-13 400, 403 and 429 stay: one try, and somebody is told", () =>
    Effect.gen(function* () {
      for (const status of [400, 403, 429]) {
        yield* Effect.gen(function* () {
          const fake = yield* vendors({ userDeletion: failing(status, "we know braze-person-1 well") })
          const message = `Braze answered ${status}: we know [redacted] well`
          assert.deepStrictEqual(facts(yield* errorOf()), { _tag: "BrazeError", message, retryable: false })
          assert.deepStrictEqual(callsOf(fake), [1, 1])
          assert.deepStrictEqual(fake.alerts, [
            {
              severity: "HIGH",
              subject: "braze-refused",
              message: `A person is not deleted, and trying again will not help: ${message}`,
              context: {}
            }
          ])
        }).pipe(withVendors())
      }
    })
  )

  it.effect("U-13 401 stays as well, after the key was read again", () =>
    Effect.gen(function* () {
      const fake = yield* vendors({ userDeletion: failing(401) })
      assert.isFalse((yield* errorOf()).retryable)
      assert.deepStrictEqual(callsOf(fake), [1, 2])
      fake.userDeletion = inTurn(failing(401), deleted())
      yield* remove()
      assert.strictEqual(fake.braze.at(-1)?.headers["authorization"], "Bearer rotated")
    }).pipe(withVendors({ parameters: deletionParameters({}, { "braze-api-key": "rotated" }) }))
  )

  it.effect("U-13 something thrown that is no error fails with its message, and the person comes again", () =>
    Effect.gen(function* () {
      yield* vendors({ userDeletion: throwing("String error") })
      const exit = yield* outcome()
      assert.isTrue(Exit.isFailure(exit) && Cause.squash(exit.cause) === "String error")
    }).pipe(withVendors())
  )

  it.effect("U-17 is not asked without an id there", () =>
    Effect.gen(function* () {
      const fake = yield* vendors()
      const { brazeId: _, ...nowhere } = person()
      for (const who of [nowhere, person({ brazeId: "" }), person({ brazeId: " \t" })]) {
        const { lines } = yield* written(remove(who))
        assert.deepStrictEqual(
          lines.map(({ level }) => level),
          ["INFO", "INFO"]
        )
      }
      assert.deepStrictEqual(callsOf(fake), [3, 0])
    }).pipe(withVendors())
  )

  it.effect("U-17 is not asked where it is not configured, and that is said", () =>
    Effect.gen(function* () {
      for (const world of [
        { settings: { brazeUrl: Option.none() } },
        { parameters: deletionParameters({ "braze-api-key": "" }) }
      ]) {
        yield* Effect.gen(function* () {
          const fake = yield* vendors()
          const { lines } = yield* written(remove())
          assert.deepStrictEqual(callsOf(fake), [1, 0])
          assert.lengthOf(fake.alerts, 0)
          assert.deepStrictEqual(
            lines.filter(({ level }) => level === "WARN").map(({ message }) => message),
            ["Braze is not configured: a person there was not deleted"]
          )
        }).pipe(withVendors(world))
      }
    })
  )

  it.effect("U-17 a key that cannot be read is a failure: the person may be there", () =>
    Effect.gen(function* () {
      const fake = yield* vendors()
      assert.deepInclude(facts(yield* errorOf()), { _tag: "ConfigurationError", retryable: false })
      assert.deepStrictEqual(callsOf(fake), [1, 0])
      assert.deepStrictEqual(
        fake.alerts.map(({ context, subject }) => ({ context, subject })),
        [{ subject: "braze-refused", context: { code: "CONFIGURATION_ERROR" } }]
      )
    }).pipe(withVendors({ parameters: unreadable("braze-api-key") }))
  )
})
