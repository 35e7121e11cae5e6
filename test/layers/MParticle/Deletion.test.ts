import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import { IdentityId } from "../../../src/schemas/DataSubjectRequest.ts"
import { Alerts } from "../../../src/services/Alerts.ts"
import { Deadline } from "../../../src/services/Deadline.ts"
import { during, measured } from "../../support/baton.ts"
import {
  callsOf,
  errorOf,
  facts,
  outcome,
  person,
  remove,
  taken,
  throwing,
  vendors,
  withVendors
} from "../../support/deletion.ts"
import { written } from "../../support/logs.ts"
import { failing } from "../../support/mparticle.ts"

describe("deleting a person at both", () => {
  it.effect("U-14 succeeds when both do, mParticle first", () =>
    Effect.gen(function* () {
      const fake = yield* vendors()
      fake.bulkDeletion = () => Effect.as(Effect.sleep("1 seconds"), taken())
      const { names, seen } = yield* measured(during("1 seconds")(remove()))
      assert.deepStrictEqual(callsOf(fake), [1, 1])
      assert.strictEqual((fake.braze[0]?.at ?? 0) - (fake.mparticle[0]?.at ?? 0), 1_000)
      assert.deepStrictEqual(
        seen.filter(({ name }) => name === "UserDeletions").map(({ dimensions }) => dimensions),
        [
          { Upstream: "mparticle-deletion", Success: "true" },
          { Upstream: "braze", Success: "true" }
        ]
      )
      assert.includeMembers([...names()], ["MParticleAPILatency", "BrazeAPILatency"])
    }).pipe(withVendors())
  )

  it.effect("U-14 fails with mParticle's error when it fails, and Braze is tried all the same", () =>
    Effect.gen(function* () {
      for (const reply of [failing(400), failing(500), () => "silence" as const]) {
        yield* Effect.gen(function* () {
          const fake = yield* vendors({ bulkDeletion: reply })
          assert.notStrictEqual((yield* errorOf())._tag, "BrazeError")
          assert.lengthOf(fake.braze, 1)
        }).pipe(withVendors())
      }
    })
  )

  it.effect("U-14 fails with Braze's error when that fails alone", () =>
    Effect.gen(function* () {
      yield* vendors({ userDeletion: failing(400) })
      const { seen } = yield* measured(outcome())
      assert.deepStrictEqual(
        seen.filter(({ name }) => name === "UserDeletions").map(({ dimensions }) => dimensions),
        [
          { Upstream: "mparticle-deletion", Success: "true" },
          { Upstream: "braze", Success: "false" }
        ]
      )
      assert.strictEqual((yield* errorOf())._tag, "BrazeError")
    }).pipe(withVendors())
  )

  it.effect("U-14 fails with mParticle's error when both fail, and Braze's is in the log", () =>
    Effect.gen(function* () {
      const fake = yield* vendors({ bulkDeletion: failing(400), userDeletion: failing(403) })
      const { exit, lines } = yield* written(outcome())
      const failure = yield* exit
      assert.isTrue(Exit.isFailure(failure) && Cause.squash(failure.cause) instanceof Error)
      assert.deepStrictEqual(
        lines.flatMap(({ error, message, operation }) => (error === undefined ? [] : [{ error, message, operation }])),
        [
          { error: "Braze answered 403: no", message: "Braze did not delete the person either", operation: undefined },
          { error: "mParticle answered 400", message: undefined, operation: "userDeletion_FAILURE" }
        ]
      )
      assert.deepStrictEqual(
        fake.alerts.map(({ subject }) => subject),
        ["mparticle-deletion-refused", "braze-refused"]
      )
    }).pipe(withVendors())
  )

  it.effect("U-14 not even a mistake in our own program keeps Braze from being tried", () =>
    Effect.gen(function* () {
      const fake = yield* vendors({ bulkDeletion: throwing(new TypeError("a bug")) })
      const exit = yield* outcome()
      assert.isTrue(Exit.isFailure(exit) && Cause.isDie(exit.cause))
      assert.lengthOf(fake.braze, 1)
    }).pipe(withVendors())
  )

  it.effect("U-14 is the same deletion when it comes twice", () =>
    Effect.gen(function* () {
      const fake = yield* vendors()
      yield* remove()
      Object.assign(fake, { bulkDeletion: failing(404), userDeletion: () => Response.json({ deleted: 0 }) })
      yield* remove()
      assert.deepStrictEqual(callsOf(fake), [2, 2])
    }).pipe(withVendors())
  )

  it.effect("CB-14 leaves an upstream alone that is out, and the other one is still called", () =>
    Effect.gen(function* () {
      const fake = yield* vendors({ bulkDeletion: failing(500) })
      yield* errorOf()
      const fifth = yield* during("2 seconds")(Effect.flip(remove()))
      assert.strictEqual(fifth._tag, "CircuitOpen", "the fifth failure in a row opens it")
      assert.strictEqual((yield* Effect.flip(remove()))._tag, "CircuitOpen")
      assert.deepStrictEqual(callsOf(fake), [5, 3])
    }).pipe(withVendors())
  )

  it.effect("R-10 keeps half of the time for Braze", () =>
    Effect.gen(function* () {
      const fake = yield* vendors({ bulkDeletion: () => "silence" })
      const began = yield* Clock.currentTimeMillis
      const error = yield* during("20 seconds")(Effect.flip(Effect.provideService(remove(), Deadline, began + 12_000)))
      assert.deepInclude(facts(error), {
        _tag: "CallTimeout",
        message: "No answer from mParticle deletion within 6000 ms"
      })
      assert.deepStrictEqual(
        fake.braze.map(({ at }) => at - began),
        [6_000]
      )
    }).pipe(withVendors())
  )

  it.effect("R-10 does not try for longer than a minute, however much time there is", () =>
    Effect.gen(function* () {
      const fake = yield* vendors({ bulkDeletion: failing(503, "later", { "retry-after": "61" }) })
      const began = yield* Clock.currentTimeMillis
      yield* Effect.flip(Effect.provideService(remove(), Deadline, began + 300_000))
      assert.deepStrictEqual(callsOf(fake), [1, 1])
      assert.strictEqual(yield* Clock.currentTimeMillis, began)
    }).pipe(withVendors())
  )

  it.effect("stops at once when it is interrupted", () =>
    Effect.gen(function* () {
      const fake = yield* vendors({ bulkDeletion: () => "silence" })
      const running = yield* Effect.fork(remove())
      yield* TestClock.adjust("1 seconds")
      assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(running)))
      assert.deepStrictEqual(callsOf(fake), [1, 0])
    }).pipe(withVendors())
  )

  it.effect("an alert that cannot be raised changes nothing", () =>
    Effect.gen(function* () {
      yield* vendors({ bulkDeletion: failing(400) })
      const { exit, lines } = yield* written(errorOf())
      assert.deepInclude(facts(yield* exit), { _tag: "MParticleApiError" })
      assert.include(
        lines.map(({ message }) => message),
        "an alert was not raised"
      )
    }).pipe(withVendors({ alerts: Layer.succeed(Alerts, { raise: () => Effect.die(new Error("no sink")) }) }))
  )

  it.effect("O-07 nothing that is written names the person, whatever the vendors say", () =>
    Effect.gen(function* () {
      const who = person({ userId: IdentityId.make("Person 7/8"), brazeId: "braze&id", email: "user@example.com" })
      const telling = "no Person 7/8, person%207%2F8, BRAZE&ID, braze%26id, user@example.com"
      for (const status of [400, 500]) {
        yield* vendors({ bulkDeletion: failing(status, telling), userDeletion: failing(status, telling) })
        const { text } = yield* written(outcome(who))
        assert.notMatch(text, /person( |%20)7|braze(&|%26)id|example/i)
        assert.include(text, "Braze answered")
      }
    }).pipe(withVendors())
  )
})
