import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { contractVersion } from "../../../src/schemas/ContractVersion.ts"
import { handle } from "../../../src/handlers/Baton.ts"
import { ValidationError } from "../../../src/schemas/MParticleError.ts"
import { IdentityResolver } from "../../../src/services/IdentityResolver.ts"
import { inMemory, initiateWith, measured, refused, statusOf, upstream, uuid } from "../../support/baton.ts"
import { MemoryStore } from "../../support/memoryStore.ts"

describe("Baton refuses", () => {
  it.effect("B-08 B-10 what is not valid, naming the field and not the value, with nothing called", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const memory = yield* MemoryStore
      const cases: ReadonlyArray<readonly [object, string]> = [
        [{ email: undefined }, "payload.email"],
        [{ email: null }, "payload.email"],
        [{ email: "not-an-address" }, "payload.email"],
        [{ email: `${"a".repeat(243)}@example.com` }, "payload.email"],
        [{ requestType: "erase" }, "payload.requestType"],
        [{ regulation: "gdpr" }, "payload.regulation"],
        [{ identityId: " " }, "payload.identityId"],
        [{ identityId: 7 }, "payload.identityId"]
      ]
      for (const [overrides, path] of cases) {
        const { correlationId, error } = refused(yield* initiateWith({ correlationId: "c-8", ...overrides }))
        assert.strictEqual(error.code, "VALIDATION_ERROR")
        assert.isFalse(error.details.retryable)
        assert.deepStrictEqual(
          error.details.issues?.map((issue) => issue.path),
          [path]
        )
        assert.strictEqual(correlationId, "c-8")
        assert.notMatch(JSON.stringify(error), /not-an-address|aaaa|erase"|"gdpr"/)
      }
      assert.lengthOf([...fake.calls, ...fake.events, ...fake.queued], 0)
      assert.lengthOf(memory.operations, 0)
    }).pipe(inMemory())
  )

  it.effect("B-08 every mistake at once", () =>
    Effect.gen(function* () {
      const event = { action: "initiate", payload: { identityId: "", email: "x", requestType: "y" } }
      assert.deepStrictEqual(
        refused(yield* handle(event)).error.details.issues?.map(({ path }) => path),
        ["payload.identityId", "payload.email", "payload.requestType"]
      )
    }).pipe(inMemory())
  )

  it.effect("B-11 a payload that is none, under a correlation id that can be read or is made", () =>
    Effect.gen(function* () {
      for (const body of [undefined, null, [], "x", 7, {}, { correlationId: 7 }, { correlationId: " " }]) {
        const answer = refused(yield* handle({ action: "initiate", payload: body }))
        assert.strictEqual(answer.error.code, "VALIDATION_ERROR")
        assert.match(answer.correlationId ?? "", uuid)
      }
      const answer = refused(yield* handle({ action: "initiate", payload: { correlationId: "c-11" } }))
      assert.strictEqual(answer.correlationId, "c-11")
    }).pipe(inMemory())
  )

  it.effect("B-11 an event without a known action, as an answer and never as a failure", () =>
    Effect.gen(function* () {
      for (const event of [null, undefined, 7, "x", [], {}, { action: "delete", payload: {} }]) {
        const { error } = refused(yield* handle(event))
        assert.strictEqual(error.code, "VALIDATION_ERROR")
      }
      const { error } = refused(yield* handle({ action: "Initiate" }))
      assert.deepStrictEqual(error.details.issues, [{ path: "action", reason: 'expected "initiate" or "status"' }])
    }).pipe(inMemory())
  )

  it.effect("B-29 everything while it is switched off, before an event is even read", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const memory = yield* MemoryStore
      const flat = { requestType: "RER", action: "initiate", subjectId: "p", dataProvider: "mparticlerer" }
      for (const answer of [
        yield* initiateWith(),
        yield* initiateWith({ email: "nobody" }),
        yield* statusOf("a"),
        yield* handle(flat),
        yield* handle({ action: "initiate" }),
        yield* handle(null)
      ]) {
        assert.deepStrictEqual(refused(answer).error, {
          code: "INTEGRATION_DISABLED",
          message: "The Baton integration is switched off",
          details: { retryable: false }
        })
      }
      assert.lengthOf([...fake.calls, ...fake.lookups, ...fake.events], 0)
      assert.lengthOf(memory.operations, 0)
    }).pipe(inMemory({ settings: { batonEnabled: false } }))
  )

  it.effect("B-29 an initiate while it is switched off is counted, as decision 12 says; nothing else is", () =>
    Effect.gen(function* () {
      yield* upstream
      const { names } = yield* measured(initiateWith())
      assert.deepStrictEqual(names(), ["BatonRequestsReceived", "BatonRequestsFailed"])
      const others = yield* measured(Effect.zipRight(statusOf("a"), handle(null)))
      assert.deepStrictEqual(others.names(), [])
    }).pipe(inMemory({ settings: { batonEnabled: false } }))
  )

  const mismatch = Layer.succeed(IdentityResolver, {
    resolve: () => Effect.fail(new ValidationError({ issues: [], reason: "IDENTITY_MISMATCH" }))
  })

  it.effect("B-31 an e-mail address that belongs to somebody else", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const memory = yield* MemoryStore
      assert.deepStrictEqual(refused(yield* initiateWith({ correlationId: "c-31" })), {
        "x-contract-version": contractVersion,
        success: false,
        error: {
          code: "VALIDATION_ERROR",
          message: "The request is not valid",
          details: { retryable: false, issues: [], reason: "IDENTITY_MISMATCH" }
        },
        correlationId: "c-31"
      })
      assert.lengthOf([...fake.calls, ...fake.events], 0)
      assert.lengthOf(memory.operations, 0)
    }).pipe(inMemory({ identities: mismatch }))
  )
})
