import { assert, describe, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { contractVersion } from "../../../src/schemas/ContractVersion.ts"
import { handle, initiate, status } from "../../../src/handlers/Baton.ts"
import type { FlatInitiated, FlatStanding } from "../../../src/schemas/BatonFlat.ts"
import { RequestStore } from "../../../src/services/RequestStore.ts"
import * as Uuid from "../../../src/services/Uuid.ts"
import {
  during,
  flat,
  inMemory,
  initiateWith,
  recordOf,
  refused,
  succeeded,
  upstream,
  uuid
} from "../../support/baton.ts"
import { layer as dynamo } from "../../support/dynamo.ts"
import { MemoryStore } from "../../support/memoryStore.ts"
import { baton, failing, known } from "../../support/mparticle.ts"

const rer = (overrides: object = {}) =>
  Effect.map(Uuid.v4, (unique) => ({
    requestType: "RER",
    action: "initiate",
    subjectId: `person-${unique}`,
    dataProvider: "mparticlerer",
    ...overrides
  }))

const sar = (overrides: object = {}) => rer({ requestType: "SAR", dataProvider: "mparticlesar", ...overrides })

const question = (initiationReference: unknown, overrides: object = {}) => ({
  requestType: "RER",
  action: "status",
  dataProvider: "mparticlerer",
  initiationReference,
  ...overrides
})

layer(Layer.provide(baton(), dynamo))("the flat dialect", (it) => {
  it.effect("B-37 files an erasure: pending under the id that mParticle was given, after the exclusion", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const event = yield* rer()
      const answer = flat<FlatInitiated>(yield* handle(event))
      assert.match(answer.initiationReference, uuid)
      assert.deepStrictEqual(answer, {
        "x-contract-version": contractVersion,
        requestType: "RER",
        action: "initiate",
        dataProvider: "mparticlerer",
        status: "pending",
        initiationReference: answer.initiationReference,
        message: `mParticle request ${answer.initiationReference}, expected completion 2024-01-29T10:30:00.123Z`
      })
      assert.lengthOf([...fake.calls, ...fake.events, ...fake.lookups], 2)
      assert.deepInclude(fake.calls[0]?.body, {
        subject_request_id: answer.initiationReference,
        subject_request_type: "erasure",
        regulation: "gdpr",
        subject_identities: { controller_customer_id: { value: event.subjectId, encoding: "raw" } }
      })
      assert.lengthOf(fake.events, 1)
      const record = yield* recordOf(answer.initiationReference)
      assert.deepInclude(record, { type: "delete", regulation: "GDPR", status: "submitted" })
      assert.notProperty(record, "email")
    })
  )

  it.effect("B-38 files an access request with one call, and keeps the address that came with it", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const answer = flat<FlatInitiated>(yield* handle(yield* sar({ subjectEmail: "Who@Example.com" })))
      assert.deepInclude(answer, { requestType: "SAR", dataProvider: "mparticlesar", status: "pending" })
      assert.lengthOf([...fake.calls, ...fake.events, ...fake.lookups], 1)
      assert.deepInclude(fake.calls[0]?.body, { subject_request_type: "access" })
      assert.deepInclude(yield* recordOf(answer.initiationReference), { type: "export", email: "who@example.com" })
    })
  )

  it.effect("B-22 answers a repetition with the same reference, and calls nothing again", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const event = yield* rer()
      const first = flat<FlatInitiated>(yield* initiate(event))
      assert.deepStrictEqual(yield* initiate(event), first)
      assert.lengthOf(fake.calls, 1)
    })
  )

  it.effect("B-22 is the same request in either dialect", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const event = yield* rer()
      const first = flat<FlatInitiated>(yield* handle(event))
      const second = succeeded(yield* initiateWith({ identityId: event.subjectId }))
      assert.strictEqual(second.mparticleRequestId, first.initiationReference)
      assert.lengthOf(fake.calls, 1)
    })
  )

  it.effect("ST-08 ST-02 tells three states, by the reference, whoever filed it", () =>
    Effect.gen(function* () {
      yield* upstream
      const store = yield* RequestStore
      for (const [to, expected] of [
        ["submitted", "pending"],
        ["in_progress", "pending"],
        ["completed", "completed"],
        ["failed", "failed"]
      ] as const) {
        const { mparticleRequestId } = succeeded(yield* initiateWith())
        yield* store.transition(yield* recordOf(mparticleRequestId), to)
        const answer = flat<FlatStanding>(yield* status(question(mparticleRequestId)))
        assert.deepStrictEqual(answer, {
          "x-contract-version": contractVersion,
          requestType: "RER",
          action: "status",
          dataProvider: "mparticlerer",
          status: expected,
          message: `mParticle request ${mparticleRequestId}, expected completion 2024-01-29T10:30:00.123Z`
        })
      }
    })
  )

  it.effect("ST-04 an unknown reference is an error as in the other dialect", () =>
    Effect.gen(function* () {
      const { correlationId, error } = refused(yield* handle(question("1e0b2a4c-0000-4000-8000-000000000000")))
      assert.strictEqual(error.code, "REQUEST_NOT_FOUND")
      assert.strictEqual(error.details.requestId, "1e0b2a4c-0000-4000-8000-000000000000")
      assert.match(correlationId ?? "", uuid)
    })
  )

  it.effect("ST-04 a reference of the other family is none: an erasure's query gets no export's results", () =>
    Effect.gen(function* () {
      yield* upstream
      const sarQuestion = { requestType: "SAR", dataProvider: "mparticlesar" }
      const erasure = flat<FlatInitiated>(yield* handle(yield* rer())).initiationReference
      const access = flat<FlatInitiated>(yield* handle(yield* sar())).initiationReference
      for (const asked of [question(access), question(erasure, sarQuestion)]) {
        const { error } = refused(yield* handle(asked))
        assert.strictEqual(error.code, "REQUEST_NOT_FOUND")
        assert.deepStrictEqual(error.details, { retryable: false, requestId: String(asked.initiationReference) })
      }
      assert.strictEqual(flat<FlatStanding>(yield* handle(question(access, sarQuestion))).status, "pending")
    })
  )
})

describe("the flat dialect", () => {
  it.effect("B-37 ignores unknown keys and nulls", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const event = yield* rer({ subjectEmail: null, callerAccount: "111111111111" })
      assert.strictEqual(flat<FlatInitiated>(yield* handle(event)).status, "pending")
      assert.notInclude(JSON.stringify(fake), "callerAccount")
    }).pipe(inMemory())
  )

  it.effect("B-08 refuses what is not valid, naming no value and calling nothing", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const memory = yield* MemoryStore
      const events = [
        [yield* rer({ dataProvider: "mparticlesar" }), ["dataProvider"]],
        [yield* sar({ dataProvider: "mparticlerer" }), ["dataProvider"]],
        [yield* rer({ dataProvider: undefined }), ["dataProvider"]],
        [yield* rer({ subjectId: "" }), ["subjectId"]],
        [yield* rer({ subjectId: undefined }), ["subjectId"]],
        [yield* rer({ subjectEmail: "hidden-value" }), ["subjectEmail"]],
        [yield* rer({ requestType: "hidden-value" }), ["requestType"]],
        [question("../hidden-value"), ["initiationReference"]],
        [question(undefined), ["initiationReference"]],
        [question("a", { dataProvider: "hidden-value" }), ["dataProvider"]]
      ] as const
      for (const [event, paths] of events) {
        const answer = refused(yield* handle(event))
        assert.strictEqual(answer.error.code, "VALIDATION_ERROR")
        const found = answer.error.details.issues?.map(({ path }) => path)
        assert.includeMembers(found ?? [], [...paths], JSON.stringify([event, answer]))
        assert.notInclude(JSON.stringify(answer), "hidden-value")
      }
      assert.lengthOf([...fake.calls, ...fake.lookups, ...fake.events], 0)
      assert.lengthOf(memory.operations, 0)
    }).pipe(inMemory())
  )

  it.effect("B-14 tells mParticle's refusal as in the other dialect", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      fake.reply = failing(400, "Invalid workspace configuration")
      const { error } = refused(yield* handle(yield* sar()))
      assert.strictEqual(error.code, "SUBMISSION_FAILED")
      assert.strictEqual(error.details.mparticleError, "Invalid workspace configuration")
    }).pipe(inMemory())
  )

  it.effect("B-17 is pending also while the request waits in the queue", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      fake.reply = failing(429, "slow down", { "retry-after": "3600" })
      const answer = flat<FlatInitiated>(yield* handle(yield* rer()))
      assert.strictEqual(answer.status, "pending")
      assert.strictEqual(answer.message, `mParticle request ${answer.initiationReference}`)
      assert.lengthOf(fake.queued, 1)
      assert.strictEqual(flat<FlatStanding>(yield* handle(question(answer.initiationReference))).status, "pending")
    }).pipe(inMemory())
  )

  it.effect("T-31 says of a cancelled request that it has failed", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      fake.reply = () => "reset"
      fake.lookup = known("cancelled")
      const { initiationReference } = flat<FlatInitiated>(yield* during("2 seconds")(handle(yield* rer())))
      assert.strictEqual(flat<FlatStanding>(yield* handle(question(initiationReference))).status, "failed")
    }).pipe(inMemory())
  )

  it.effect("B-11 goes by the envelope where there is one", () =>
    Effect.gen(function* () {
      const event = { ...(yield* rer()), payload: {} }
      const { error } = refused(yield* handle(event))
      assert.include(error.details.issues?.map(({ path }) => path) ?? [], "payload.identityId")
    }).pipe(inMemory())
  )
})
