import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { type Answer, handle, initiate, status } from "../../src/handlers/Baton.ts"
import type { BatonFailure, InitiateSuccess, StatusSuccess } from "../../src/schemas/Baton.ts"
import { requestIdOf } from "../../src/layers/MParticle/hashing.ts"
import { CorrelationId, Email, IdentityId, RequestId } from "../../src/schemas/DataSubjectRequest.ts"
import { type Measurement, Metrics } from "../../src/services/Metrics.ts"
import { RequestStore } from "../../src/services/RequestStore.ts"
import * as Uuid from "../../src/services/Uuid.ts"
import { layer as dynamo } from "../support/dynamo.ts"
import { baton, freshUpstream, Upstream } from "../support/mparticle.ts"

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

const payload = (overrides: object = {}) =>
  Effect.map(Uuid.v4, (unique) => ({
    identityId: `person-${unique}`,
    email: "user@example.com",
    requestType: "delete",
    regulation: "GDPR",
    correlationId: `workflow-${unique}`,
    ...overrides
  }))

const initiateWith = (overrides: object = {}) =>
  Effect.flatMap(payload(overrides), (body) => handle({ action: "initiate", payload: body }))

const succeeded = (answer: Answer): InitiateSuccess | StatusSuccess => {
  assert.isTrue("success" in answer && answer.success, JSON.stringify(answer))
  return answer as InitiateSuccess | StatusSuccess
}

const refused = (answer: Answer): BatonFailure => {
  assert.isTrue("success" in answer && !answer.success, JSON.stringify(answer))
  return answer as BatonFailure
}

/** A fresh upstream: no calls, accepting. */
const upstream = Effect.map(Upstream, (fake) => Object.assign(fake, freshUpstream()))

layer(Layer.provide(baton(), dynamo))("Baton initiate", (it) => {
  it.effect("B-01 submits a deletion once and answers its id", () =>
    Effect.gen(function* () {
      const { calls } = yield* upstream
      yield* TestClock.setTime(Date.UTC(2024, 0, 15, 10, 30))
      const answer = succeeded(yield* initiateWith({ correlationId: "baton-workflow-456" }))
      assert.match(answer.mparticleRequestId, uuid)
      assert.deepStrictEqual(answer, {
        success: true,
        mparticleRequestId: answer.mparticleRequestId,
        status: "submitted",
        correlationId: answer.correlationId,
        timestamp: "2024-01-15T10:30:00.000Z"
      })
      assert.strictEqual(answer.correlationId, "baton-workflow-456")
      assert.lengthOf(calls, 1)
      assert.deepInclude(calls[0]?.body, {
        regulation: "gdpr",
        subject_request_type: "erasure",
        api_version: "3.0",
        subject_request_id: answer.mparticleRequestId
      })
    })
  )

  it.effect("B-02 submits an export under CCPA", () =>
    Effect.gen(function* () {
      const { calls } = yield* upstream
      succeeded(yield* initiateWith({ requestType: "export", regulation: "CCPA" }))
      assert.lengthOf(calls, 1)
      assert.deepInclude(calls[0]?.body, { subject_request_type: "access", regulation: "ccpa" })
    })
  )

  it.effect("B-07 makes a correlation id where none was given, and GDPR the default", () =>
    Effect.gen(function* () {
      const { calls } = yield* upstream
      const answer = succeeded(yield* initiateWith({ correlationId: undefined, regulation: null }))
      assert.match(answer.correlationId, uuid)
      assert.deepInclude(calls[0]?.body, { regulation: "gdpr" })
      assert.strictEqual(calls[0]?.headers["x-correlation-id"], answer.correlationId)
    })
  )

  it.effect("B-08 B-10 refuses what is not valid, naming the field and not the value, with nothing called", () =>
    Effect.gen(function* () {
      const { calls } = yield* upstream
      const cases: ReadonlyArray<readonly [object, string]> = [
        [{ email: undefined }, "payload.email"],
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
      assert.lengthOf(calls, 0)
    })
  )

  it.effect("B-11 refuses a payload that is none, echoing the correlation id where one can be read", () =>
    Effect.gen(function* () {
      for (const event of [
        { action: "initiate" },
        { action: "initiate", payload: null },
        { action: "initiate", payload: [] },
        { action: "initiate", payload: "x" }
      ]) {
        const answer = refused(yield* handle(event))
        assert.strictEqual(answer.error.code, "VALIDATION_ERROR")
        assert.notProperty(answer, "correlationId")
      }
      const answer = refused(yield* handle({ action: "initiate", payload: { correlationId: "c-11" } }))
      assert.strictEqual(answer.correlationId, "c-11")
    })
  )

  it.effect("refuses an event without a known action as an answer, never as a failure", () =>
    Effect.gen(function* () {
      for (const event of [null, undefined, 7, "x", [], {}, { action: "delete", payload: {} }]) {
        const { error } = refused(yield* handle(event))
        assert.strictEqual(error.code, "VALIDATION_ERROR")
      }
      const { error } = refused(yield* handle({ action: "Initiate" }))
      assert.deepStrictEqual(error.details.issues, [{ path: "action", reason: 'expected "initiate" or "status"' }])
    })
  )

  it.effect("B-13 ignores unknown keys and does not forward them", () =>
    Effect.gen(function* () {
      const { calls } = yield* upstream
      succeeded(yield* initiateWith({ callerAccount: "111111111111" }))
      assert.notInclude(JSON.stringify(calls), "callerAccount")
    })
  )

  it.effect("B-14 tells mParticle's refusal without personal data, and the record has failed", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const store = yield* RequestStore
      fake.reply = () =>
        Response.json(
          { code: 400, message: "Invalid workspace configuration for p-14 <who@example.com>" },
          { status: 400 }
        )
      const { error } = refused(yield* initiateWith({ identityId: "p-14", correlationId: "c-14" }))
      assert.deepStrictEqual(error, {
        code: "SUBMISSION_FAILED",
        message: "Failed to submit DSR to mParticle",
        details: {
          retryable: false,
          requestId: error.details.requestId ?? "",
          mparticleError: "Invalid workspace configuration for [redacted] <[redacted]>"
        }
      })
      assert.lengthOf(fake.calls, 1)
      const record = Option.getOrThrow(yield* store.get(RequestId.make(error.details.requestId ?? "")))
      assert.deepInclude(record, { status: "failed", failureReason: "MPARTICLE_API_ERROR" })
    })
  )

  it.effect("tells an outage of mParticle as retryable, and the record stays to be sent", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const store = yield* RequestStore
      for (const [reply, mparticleError] of [
        [new Response("<html>", { status: 503, headers: { "retry-after": "7" } }), "mParticle answered 503"],
        [new Response("<html>", { status: 201 }), "mParticle gave no usable answer"],
        ["reset", "No answer from mParticle: the connection failed"]
      ] as const) {
        fake.reply = () => reply
        const { error } = refused(yield* initiateWith())
        assert.strictEqual(error.code, "SUBMISSION_FAILED")
        assert.isTrue(error.details.retryable)
        assert.strictEqual(error.details.mparticleError, mparticleError)
        const record = Option.getOrThrow(yield* store.get(RequestId.make(error.details.requestId ?? "")))
        assert.strictEqual(record.status, "received")
      }
    })
  )

  it.effect("passes on how long mParticle asks to wait", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      fake.reply = () => new Response("", { status: 429, headers: { "retry-after": "7" } })
      assert.strictEqual(refused(yield* initiateWith()).error.details.retryAfterSeconds, 7)
    })
  )

  it.effect("gives up on a silent mParticle after five seconds", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      fake.reply = () => "silence"
      const running = yield* Effect.fork(initiateWith())
      // The call starts after real answers of the database, which the test clock does not govern.
      yield* Effect.yieldNow().pipe(Effect.repeat({ until: () => fake.calls.length > 0 }))
      yield* TestClock.adjust("5 seconds")
      const { error } = refused(yield* Fiber.join(running))
      assert.strictEqual(error.details.mparticleError, "No answer from mParticle within 5000 ms")
    })
  )

  it.effect("B-22 answers a repetition with the same id and no second call", () =>
    Effect.gen(function* () {
      const { calls } = yield* upstream
      const body = yield* payload()
      const first = succeeded(yield* initiate({ action: "initiate", payload: body }))
      const second = succeeded(yield* initiate({ action: "initiate", payload: body }))
      assert.strictEqual(second.mparticleRequestId, first.mparticleRequestId)
      assert.lengthOf(calls, 1)
    })
  )

  it.effect("refuses a correlation id that was used for something else", () =>
    Effect.gen(function* () {
      const { mparticleRequestId } = succeeded(yield* initiateWith({ correlationId: "c-conflict" }))
      const { error } = refused(yield* initiateWith({ correlationId: "c-conflict" }))
      assert.deepInclude(error, { code: "IDEMPOTENCY_CONFLICT" })
      assert.strictEqual(error.details.requestId, mparticleRequestId)
    })
  )

  it.effect("B-40 sends the customer id alone, our callback, and the waiting period as configured", () =>
    Effect.gen(function* () {
      const { calls } = yield* upstream
      yield* TestClock.setTime(Date.UTC(2024, 0, 15))
      const { mparticleRequestId } = succeeded(yield* initiateWith({ identityId: "p-40" }))
      assert.deepStrictEqual(calls[0]?.body, {
        regulation: "gdpr",
        subject_request_id: mparticleRequestId,
        subject_request_type: "erasure",
        submitted_time: "2024-01-15T00:00:00.000Z",
        subject_identities: { controller_customer_id: { value: "p-40", encoding: "raw" } },
        api_version: "3.0",
        status_callback_urls: [`https://callback.example.com/data-subject-requests/${mparticleRequestId}/callback`],
        group_id: "p-40",
        extensions: { "opendsr.mparticle.com": { skip_waiting_period: true } }
      })
      assert.strictEqual(calls[0]?.url, "https://opendsr.example.com/v3/requests")
      assert.strictEqual(calls[0]?.headers["authorization"], `Basic ${Buffer.from("key:s3cret").toString("base64")}`)
    })
  )

  it.effect("counts what it receives and what fails", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const seen: Array<Measurement> = []
      const metrics = { put: (measurement: Measurement) => void seen.push(measurement) }
      fake.reply = () => new Response("", { status: 400 })
      yield* Effect.provideService(initiateWith(), Metrics, metrics)
      assert.deepStrictEqual(
        seen.map(({ name }) => name),
        ["BatonRequestsReceived", "BatonRequestsFailed"]
      )
    })
  )
})

layer(Layer.provide(baton(), dynamo))("Baton status", (it) => {
  const file = (overrides: object = {}) => Effect.map(initiateWith(overrides), succeeded)
  const statusOf = (mparticleRequestId: unknown, correlationId?: string) =>
    status({
      action: "status",
      payload: { mparticleRequestId, ...(correlationId === undefined ? {} : { correlationId }) }
    })

  it.effect("ST-01 a submitted request", () =>
    Effect.gen(function* () {
      const filed = yield* file()
      const answer = succeeded(yield* statusOf(filed.mparticleRequestId))
      assert.deepStrictEqual(answer, { ...filed, timestamp: answer.timestamp })
    })
  )

  it.effect("ST-02 ST-07 a completed deletion: when, but nothing to download, and never before it happened", () =>
    Effect.gen(function* () {
      const store = yield* RequestStore
      yield* TestClock.setTime(Date.UTC(2024, 0, 15, 11, 45))
      const filed = yield* file()
      const record = Option.getOrThrow(yield* store.get(filed.mparticleRequestId))
      yield* store.transition(record, "completed", { completedAt: "2024-01-15T11:45:00.000Z" })
      const answer = succeeded(yield* statusOf(filed.mparticleRequestId)) as StatusSuccess
      assert.strictEqual(answer.status, "completed")
      assert.strictEqual(answer.completedAt, "2024-01-15T11:45:00.000Z")
      assert.notProperty(answer, "downloadUrls")
      assert.isTrue(answer.timestamp >= (answer.completedAt ?? ""))
    })
  )

  it.effect("ST-04 an unknown id", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(refused(yield* statusOf("abc123def456", "c-4")), {
        success: false,
        error: {
          code: "REQUEST_NOT_FOUND",
          message: "mParticle request ID not found",
          details: { retryable: false, requestId: "abc123def456" }
        },
        correlationId: "c-4"
      })
    })
  )

  it.effect("ST-05 an id that is none", () =>
    Effect.gen(function* () {
      for (const id of ["", "../x", "x".repeat(200), 7, null, undefined]) {
        const { error } = refused(yield* statusOf(id))
        assert.strictEqual(error.code, "VALIDATION_ERROR")
        assert.deepStrictEqual(
          error.details.issues?.map(({ path }) => path),
          ["payload.mparticleRequestId"]
        )
      }
    })
  )

  it.effect("ST-08 a request in progress", () =>
    Effect.gen(function* () {
      const store = yield* RequestStore
      const filed = yield* file()
      yield* store.transition(Option.getOrThrow(yield* store.get(filed.mparticleRequestId)), "in_progress")
      assert.strictEqual(succeeded(yield* statusOf(filed.mparticleRequestId)).status, "in_progress")
    })
  )

  it.effect("ST-13 echoes the query's own correlation id", () =>
    Effect.gen(function* () {
      const filed = yield* file()
      assert.strictEqual(succeeded(yield* statusOf(filed.mparticleRequestId, "another")).correlationId, "another")
    })
  )
})

layer(Layer.provide(baton({ settings: { batonEnabled: false } }), dynamo))("Baton switched off", (it) => {
  it.effect("B-29 refuses both actions and calls nothing", () =>
    Effect.gen(function* () {
      const { calls } = yield* upstream
      const query = { action: "status", payload: { mparticleRequestId: "a" } }
      for (const answer of [yield* initiateWith(), yield* handle(query)]) {
        assert.deepInclude(refused(answer).error, {
          code: "INTEGRATION_DISABLED",
          message: "The Baton integration is switched off"
        })
      }
      assert.lengthOf(calls, 0)
    })
  )
})

layer(Layer.provide(baton({ parameters: { "mparticle-api-secret": "", "dynamodb-table-name": "" } }), dynamo))(
  "Baton without its parameters",
  (it) => {
    it.effect("K-07 names the parameter and calls nothing", () =>
      Effect.gen(function* () {
        const { calls } = yield* upstream
        const { error } = refused(yield* initiateWith())
        assert.strictEqual(error.code, "CONFIGURATION_ERROR")
        assert.strictEqual(error.message, "dynamodb-table-name is missing")
        assert.lengthOf(calls, 0)
      })
    )
  }
)

layer(Layer.provide(baton({ parameters: { "mparticle-api-secret": "" } }), dynamo))(
  "Baton without its credentials",
  (it) => {
    it.effect("keeps the request on record: a missing credential of ours does not end it", () =>
      Effect.gen(function* () {
        const store = yield* RequestStore
        const { calls } = yield* upstream
        const body = yield* payload()
        const { error } = refused(yield* handle({ action: "initiate", payload: body }))
        assert.deepInclude(error, { code: "CONFIGURATION_ERROR", message: "mparticle-api-secret is missing" })
        assert.lengthOf(calls, 0)
        const id = requestIdOf("CODE", {
          identityId: IdentityId.make(body.identityId),
          correlationId: CorrelationId.make(body.correlationId),
          email: Email.make(body.email),
          type: "delete",
          regulation: "GDPR"
        })
        assert.strictEqual(Option.getOrThrow(yield* store.get(id)).status, "received")
      })
    )
  }
)

layer(Layer.provide(baton({ parameters: { "dynamodb-table-name": "no-such-table" } }), dynamo))(
  "Baton without its store",
  (it) => {
    it.effect("B-32 answers DATABASE_ERROR, retryable, and calls nothing", () =>
      Effect.gen(function* () {
        const { calls } = yield* upstream
        const { error } = refused(yield* initiateWith())
        assert.strictEqual(error.code, "DATABASE_ERROR")
        assert.isTrue(error.details.retryable)
        assert.lengthOf(calls, 0)
      })
    )
  }
)
