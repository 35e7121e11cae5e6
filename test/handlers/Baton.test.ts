import { assert, describe, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import { contractVersion } from "../../src/schemas/ContractVersion.ts"
import { handle, initiate, warmUp } from "../../src/handlers/Baton.ts"
import { Metrics } from "../../src/services/Metrics.ts"
import { Parameters, ParametersUnavailable } from "../../src/services/Parameters.ts"
import {
  during,
  inMemory,
  initiateWith,
  measured,
  payload,
  recordOf,
  refused,
  statusOf,
  succeeded,
  upstream,
  uuid
} from "../support/baton.ts"
import { layer as dynamo } from "../support/dynamo.ts"
import { written } from "../support/logs.ts"
import { baton, failing } from "../support/mparticle.ts"

layer(Layer.provide(baton(), dynamo))("Baton initiate", (it) => {
  it.effect("B-01 submits a deletion once and answers its id", () =>
    Effect.gen(function* () {
      const { calls } = yield* upstream
      yield* TestClock.setTime(Date.UTC(2024, 0, 15, 10, 30))
      const answer = succeeded(yield* initiateWith({ correlationId: "baton-workflow-456" }))
      assert.match(answer.mparticleRequestId, uuid)
      assert.deepStrictEqual(answer, {
        "x-contract-version": contractVersion,
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

  it.effect("B-02 submits an export under CCPA, and excludes nobody", () =>
    Effect.gen(function* () {
      const { calls, events } = yield* upstream
      succeeded(yield* initiateWith({ requestType: "export", regulation: "CCPA" }))
      assert.lengthOf(calls, 1)
      assert.deepInclude(calls[0]?.body, { subject_request_type: "access", regulation: "ccpa" })
      assert.lengthOf(events, 0)
    })
  )

  it.effect("B-07 makes a correlation id where none was given, and GDPR the default", () =>
    Effect.gen(function* () {
      for (const none of [undefined, null]) {
        const { calls } = yield* upstream
        const answer = succeeded(yield* initiateWith({ correlationId: none, regulation: none }))
        assert.match(answer.correlationId, uuid)
        assert.deepInclude(calls[0]?.body, { regulation: "gdpr" })
        assert.strictEqual(calls[0]?.headers["x-correlation-id"], answer.correlationId)
        assert.strictEqual((yield* recordOf(answer.mparticleRequestId)).correlationId, answer.correlationId)
      }
    })
  )

  it.effect("B-13 ignores unknown keys and does not forward them", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const answer = succeeded(yield* initiateWith({ callerAccount: "111111111111" }))
      assert.notInclude(JSON.stringify([fake, yield* recordOf(answer.mparticleRequestId)]), "callerAccount")
    })
  )

  it.effect("B-14 tells mParticle's refusal without personal data, now and whenever it is asked again", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      fake.reply = failing(400, "Invalid workspace configuration for p-14 <who@example.com>")
      const wanted = { action: "initiate", payload: yield* payload({ identityId: "p-14", correlationId: "c-14" }) }
      const first = refused(yield* handle(wanted))
      assert.deepStrictEqual(first, {
        "x-contract-version": contractVersion,
        success: false,
        error: {
          code: "SUBMISSION_FAILED",
          message: "Failed to submit DSR to mParticle",
          details: {
            retryable: false,
            requestId: first.error.details.requestId ?? "",
            mparticleError: "Invalid workspace configuration for [redacted] <[redacted]>"
          }
        },
        correlationId: "c-14"
      })
      assert.deepInclude(yield* recordOf(first.error.details.requestId), {
        status: "failed",
        failureReason: "MPARTICLE_API_ERROR",
        failureStatus: 400
      })
      assert.deepStrictEqual(yield* handle(wanted), first)
      assert.lengthOf(fake.calls, 1)
      assert.lengthOf(fake.queued, 0)
    })
  )

  it.effect("B-22 answers a repetition with the same id and no second call", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const body = yield* payload()
      const first = succeeded(yield* initiate({ action: "initiate", payload: body }))
      const second = succeeded(yield* initiate({ action: "initiate", payload: body }))
      assert.deepStrictEqual({ ...second, timestamp: first.timestamp }, first)
      assert.lengthOf(fake.calls, 1)
      assert.lengthOf(fake.events, 1)
    })
  )

  it.effect("B-22 refuses a correlation id that was used for something else", () =>
    Effect.gen(function* () {
      const { mparticleRequestId } = succeeded(yield* initiateWith({ correlationId: "c-conflict" }))
      const { correlationId, error } = refused(yield* initiateWith({ correlationId: "c-conflict" }))
      assert.strictEqual(correlationId, "c-conflict")
      assert.deepStrictEqual(error, {
        code: "IDEMPOTENCY_CONFLICT",
        message: "This correlation id belongs to a different request",
        details: { retryable: false, requestId: mparticleRequestId }
      })
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
})

describe("Baton counts", () => {
  it.effect("O-01 what it receives, and what it could not do", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const good = yield* measured(initiateWith())
      assert.deepStrictEqual(
        good.names().filter((name) => name.startsWith("Baton")),
        ["BatonRequestsReceived"]
      )
      fake.reply = failing(400)
      const bad = yield* measured(initiateWith())
      assert.deepStrictEqual(
        bad.names().filter((name) => name.startsWith("Baton")),
        ["BatonRequestsReceived", "BatonRequestsFailed"]
      )
      assert.deepInclude(bad.seen, {
        name: "DSRSubmissions",
        unit: "Count",
        value: 1,
        dimensions: { Type: "delete", Success: "false" }
      })
    }).pipe(inMemory())
  )

  it.effect("O-05 and answers all the same when its metrics cannot be taken", () =>
    Effect.gen(function* () {
      yield* upstream
      const sink = {
        put: () => {
          throw new Error("no sink")
        }
      }
      const answer = yield* Effect.provideService(initiateWith(), Metrics, sink)
      assert.strictEqual(succeeded(answer).status, "submitted")
    }).pipe(inMemory())
  )
})

describe("the warm-up", () => {
  const unavailable = Effect.fail(new ParametersUnavailable({ reason: "TimeoutError" }))
  const parametersOf = (get: Effect.Effect<string, ParametersUnavailable>) =>
    Parameters.of({ get: () => get, secret: () => unavailable, probe: Effect.void, invalidate: Effect.void })

  it.effect("W-01 reads the parameters, and counts nothing", () =>
    Effect.gen(function* () {
      let reads = 0
      const read = Effect.sync(() => `table ${(reads += 1)}`)
      const { seen } = yield* measured(Effect.provideService(warmUp, Parameters, parametersOf(read)))
      assert.strictEqual(reads, 1)
      assert.lengthOf(seen, 0)
    })
  )

  it.effect("W-02 ends well when they cannot be read, and says so", () =>
    Effect.gen(function* () {
      const { exit, lines } = yield* written(Effect.provideService(warmUp, Parameters, parametersOf(unavailable)))
      assert.isTrue(Exit.isSuccess(exit))
      assert.lengthOf(lines, 1)
      assert.deepInclude(lines[0], { level: "WARN", errorType: "ParametersUnavailable" })
    })
  )

  it.effect("W-02 waits three seconds for them at most", () =>
    Effect.gen(function* () {
      const { exit, lines } = yield* during("3 seconds")(
        written(Effect.provideService(warmUp, Parameters, parametersOf(Effect.never)))
      )
      assert.isTrue(Exit.isSuccess(exit))
      assert.lengthOf(lines, 1)
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

layer(Layer.provide(baton({ parameters: { "dynamodb-table-name": "no-such-table" } }), dynamo))(
  "Baton without its store",
  (it) => {
    it.effect("B-32 answers DATABASE_ERROR, retryable, and calls nothing", () =>
      Effect.gen(function* () {
        const fake = yield* upstream
        for (const answer of [yield* initiateWith(), yield* statusOf("a")]) {
          const { error } = refused(answer)
          assert.strictEqual(error.code, "DATABASE_ERROR")
          assert.isTrue(error.details.retryable)
          assert.strictEqual(error.details.reason, "ResourceNotFoundException")
        }
        assert.lengthOf([...fake.calls, ...fake.lookups, ...fake.events], 0)
      })
    )
  }
)
