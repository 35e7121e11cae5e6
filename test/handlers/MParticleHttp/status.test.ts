/** Where a request stands, over HTTP. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { RequestId } from "../../../src/schemas/DataSubjectRequest.ts"
import { MParticle } from "../../../src/services/MParticle.ts"
import { submission, upstream } from "../../support/baton.ts"
import { ask, failureOf, inWorld, statusOf, submissionPath, submit } from "../../support/http.ts"
import { MemoryStore } from "../../support/memoryStore.ts"
import { known } from "../../support/mparticle.ts"

const filed = (overrides: object = {}) =>
  Effect.gen(function* () {
    const { body } = yield* submit(overrides)
    const id = RequestId.make(String(body["id"]))
    const memory = yield* MemoryStore
    const change = (facts: object) => {
      const record = memory.records.get(id)
      if (record !== undefined) memory.records.set(id, { ...record, ...facts })
    }
    return { id, change }
  })

describe("GET /data-subject-requests/{id}", () => {
  it.effect("H-07 answers what was filed, and nothing that belongs to a later state", () =>
    Effect.gen(function* () {
      const { id } = yield* filed({ type: "ccpa_delete" })
      const answer = yield* statusOf(id)
      assert.strictEqual(answer.status, 200)
      assert.deepStrictEqual(answer.body, {
        id,
        status: "submitted",
        email: "user@example.com",
        type: "ccpa_delete",
        submittedAt: "1970-01-01T00:00:00.000Z"
      })
    }).pipe(inWorld())
  )

  it.effect.each([
    ["received", "queued"],
    ["queued", "queued"],
    ["submitted", "submitted"],
    ["in_progress", "in_progress"],
    ["failed", "failed"]
  ] as const)("shows %s as %s", ([status, shown]) =>
    Effect.gen(function* () {
      const { change, id } = yield* filed()
      change({ status, completedAt: "1970-01-01T00:00:00.000Z", failureReason: "CANCELLED" })
      const { body } = yield* statusOf(id)
      assert.strictEqual(body["status"], shown)
      assert.deepStrictEqual(body["details"], status === "failed" ? { reason: "CANCELLED" } : undefined)
      assert.notProperty(body, "completedAt")
      assert.notProperty(body, "downloadUrls")
    }).pipe(inWorld())
  )

  it.effect("asks mParticle when nobody has for a quarter of an hour, and shows a cancelled request as failed", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const { id } = yield* filed()
      fake.lookup = known("cancelled")
      assert.include((yield* statusOf(id)).body, { status: "submitted" })
      assert.lengthOf(fake.lookups, 0)
      yield* TestClock.adjust("15 minutes")
      assert.include((yield* statusOf(id)).body, { status: "failed" })
      assert.lengthOf(fake.lookups, 1)
    }).pipe(inWorld())
  )

  it.effect.each(["hmac-sha256:0123", undefined])(
    "leaves out the address of a person who was erased, kept as %s",
    (email) =>
      Effect.gen(function* () {
        const { change, id } = yield* filed()
        change({ status: "completed", completedAt: "1970-01-08T00:00:00.000Z", email })
        const { body } = yield* statusOf(id)
        assert.deepStrictEqual(body, {
          id,
          status: "completed",
          type: "gdpr_delete",
          submittedAt: "1970-01-01T00:00:00.000Z",
          completedAt: "1970-01-08T00:00:00.000Z"
        })
      }).pipe(inWorld())
  )

  it.effect("answers links to a completed export's results, and none where mParticle had nothing", () =>
    Effect.gen(function* () {
      const { change, id } = yield* filed({ type: "export" })
      const completed = { status: "completed", completedAt: "1970-01-08T00:00:00.000Z" }
      change({ ...completed, resultLocations: [`s3://results/${id}.zip`] })
      const { body } = yield* statusOf(id)
      const [link, ...others] = body["downloadUrls"] as ReadonlyArray<string>
      assert.lengthOf(others, 0)
      const url = new URL(link ?? "")
      assert.include(url.pathname, `${id}.zip`)
      assert.strictEqual(url.searchParams.get("X-Amz-Expires"), "3600")
      change({ ...completed, resultLocations: [] })
      assert.deepStrictEqual((yield* statusOf(id)).body["downloadUrls"], [])
    }).pipe(inWorld())
  )

  it.effect("shows a request that came through Baton in the model's own words", () =>
    Effect.gen(function* () {
      const record = yield* Effect.flatMap(submission({ type: "export" }), (wanted) =>
        Effect.flatMap(MParticle, (mparticle) => mparticle.submit(wanted))
      )
      assert.include((yield* statusOf(record.id)).body, { type: "export", status: "submitted" })
    }).pipe(inWorld())
  )

  it.effect("H-07 answers 404 for an id that is well-formed and unknown, or past its time to live", () =>
    Effect.gen(function* () {
      const { error } = failureOf(yield* statusOf("abc123def456"), 404, "REQUEST_NOT_FOUND")
      assert.deepStrictEqual(error, {
        code: "REQUEST_NOT_FOUND",
        message: "mParticle request ID not found",
        details: { retryable: false, requestId: "abc123def456" }
      })
      const { id } = yield* filed()
      yield* TestClock.adjust("91 days")
      failureOf(yield* statusOf(id), 404, "REQUEST_NOT_FOUND")
    }).pipe(inWorld())
  )

  it.effect.each([
    "",
    "..%2Fx",
    "a".repeat(129),
    "%E2%82%AC",
    "%zz",
    "%",
    "a%00",
    "a%20b",
    "a;b",
    "é",
    "%252e",
    "user@example.com"
  ])("answers 400 for an id that is none: %j", (id) =>
    Effect.gen(function* () {
      const memory = yield* MemoryStore
      const answer = yield* ask("GET", `${submissionPath}/${id}`)
      const { error } = failureOf(answer, 400, "VALIDATION_ERROR")
      assert.deepStrictEqual(error.details["issues"], [
        { path: "id", reason: "expected 1 to 128 letters, digits, hyphens or underscores" }
      ])
      assert.lengthOf(memory.operations, 0)
    }).pipe(inWorld())
  )

  it.effect(
    "reads an id that is percent-encoded, and is not led astray by one that is a property of every object",
    () =>
      Effect.gen(function* () {
        const { id } = yield* filed()
        const encoded = [...id].map((letter) => `%${letter.charCodeAt(0).toString(16)}`).join("")
        assert.deepInclude((yield* statusOf(encoded)).body, { id })
        for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
          failureOf(yield* statusOf(name), 404, "REQUEST_NOT_FOUND")
        }
      }).pipe(inWorld())
  )

  it.effect("answers 500 that can be repeated while the store is out", () =>
    Effect.gen(function* () {
      const memory = yield* MemoryStore
      memory.fails = (operation) => operation === "get"
      const { error } = failureOf(yield* statusOf("a"), 500, "DATABASE_ERROR")
      assert.isTrue(error.details["retryable"])
    }).pipe(inWorld())
  )

  it.effect("ignores a body: nobody reads one", () =>
    Effect.gen(function* () {
      const { id } = yield* filed()
      for (const text of ["{", "a".repeat(300 * 1024)]) {
        assert.strictEqual((yield* ask("GET", `${submissionPath}/${id}`, { text })).status, 200)
      }
    }).pipe(inWorld())
  )
})
