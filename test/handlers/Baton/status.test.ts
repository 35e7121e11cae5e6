import { assert, describe, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import { contractVersion } from "../../../src/schemas/ContractVersion.ts"
import { handle, status } from "../../../src/handlers/Baton.ts"
import type { StatusSuccess } from "../../../src/schemas/Baton.ts"
import { RequestStore } from "../../../src/services/RequestStore.ts"
import {
  inMemory,
  initiateWith,
  payload,
  recordOf,
  refused,
  statusOf,
  succeeded,
  upstream
} from "../../support/baton.ts"
import { layer as dynamo } from "../../support/dynamo.ts"
import { type Line, written } from "../../support/logs.ts"
import { baton, failing } from "../../support/mparticle.ts"

const file = (overrides: object = {}) => Effect.map(initiateWith(overrides), succeeded)

layer(Layer.provide(baton(), dynamo))("Baton status", (it) => {
  it.effect("ST-01 a submitted request", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(Date.UTC(2024, 0, 15))
      const filed = yield* file()
      yield* TestClock.adjust("1 minutes")
      const answer = succeeded(yield* status({ action: "status", payload: filed }))
      assert.deepStrictEqual(answer, { ...filed, timestamp: "2024-01-15T00:01:00.000Z" })
    })
  )

  it.effect("ST-02 ST-07 a completed deletion: when, but nothing to download, and never before it happened", () =>
    Effect.gen(function* () {
      const store = yield* RequestStore
      yield* TestClock.setTime(Date.UTC(2024, 0, 15, 11, 45))
      const filed = yield* file()
      const record = yield* recordOf(filed.mparticleRequestId)
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
        "x-contract-version": contractVersion,
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
      for (const id of ["", "../x", "a b", "x".repeat(200), 7, null, undefined, ["a"]]) {
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
      yield* store.transition(yield* recordOf(filed.mparticleRequestId), "in_progress")
      assert.strictEqual(succeeded(yield* statusOf(filed.mparticleRequestId)).status, "in_progress")
    })
  )

  it.effect("ST-14 a request past its time to live", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(Date.UTC(2024, 0, 15))
      const filed = yield* file()
      yield* TestClock.adjust("90 days")
      const { error } = refused(yield* statusOf(filed.mparticleRequestId))
      assert.strictEqual(error.code, "REQUEST_NOT_FOUND")
      assert.strictEqual(error.details.requestId, filed.mparticleRequestId)
    })
  )

  it.effect("ST-05 reads keys of the table that are no requests as unknown: a lock, an entry of the trail", () =>
    Effect.gen(function* () {
      const filed = yield* file()
      const { error } = refused(yield* statusOf(`AUDIT#${filed.mparticleRequestId}#1`))
      assert.strictEqual(error.code, "VALIDATION_ERROR")
    })
  )
})

const mismatches = (lines: ReadonlyArray<Line>): ReadonlyArray<Line> =>
  lines.filter(({ message }) => message === "the status is asked under another correlation id")

describe("the correlation id of a status query", () => {
  it.effect("ST-13 is echoed when it is another, and the difference is logged", () =>
    Effect.gen(function* () {
      yield* upstream
      const filed = yield* file()
      const { exit, lines } = yield* written(statusOf(filed.mparticleRequestId, "another"))
      assert.strictEqual(succeeded(yield* exit).correlationId, "another")
      assert.deepStrictEqual(
        mismatches(lines).map(({ correlationId }) => correlationId),
        ["another"]
      )
      const same = yield* written(statusOf(filed.mparticleRequestId, filed.correlationId))
      assert.lengthOf(mismatches(same.lines), 0)
    }).pipe(inMemory())
  )

  it.effect("ST-13 is the record's own when the query has none, and no difference is logged", () =>
    Effect.gen(function* () {
      yield* upstream
      const filed = yield* file()
      const { exit, lines } = yield* written(statusOf(filed.mparticleRequestId))
      assert.strictEqual(succeeded(yield* exit).correlationId, filed.correlationId)
      assert.lengthOf(mismatches(lines), 0)
    }).pipe(inMemory())
  )
})

describe("a request that did not go well", () => {
  it.effect("ST-01 is queued as long as it has not been forwarded", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      fake.reply = failing(401)
      const { error } = refused(yield* initiateWith())
      const received = succeeded(yield* statusOf(error.details.requestId)) as StatusSuccess
      assert.strictEqual(received.status, "queued")
      assert.notProperty(received, "details")
    }).pipe(inMemory())
  )

  it.effect("B-14 has failed, with the code of the refusal and without its text", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      fake.reply = failing(400, "Invalid workspace configuration")
      const { error } = refused(yield* handle({ action: "initiate", payload: yield* payload() }))
      const { exit, text } = yield* written(statusOf(error.details.requestId))
      assert.isTrue(Exit.isSuccess(exit))
      const answer = succeeded(yield* exit) as StatusSuccess
      assert.strictEqual(answer.status, "failed")
      assert.deepStrictEqual(answer.details, { reason: "MPARTICLE_API_ERROR" })
      assert.notProperty(answer, "completedAt")
      assert.notInclude(text, "workspace configuration")
    }).pipe(inMemory())
  )
})
