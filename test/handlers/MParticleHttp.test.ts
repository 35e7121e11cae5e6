/** Submissions over HTTP: what they file, what they are answered, and that none is filed twice. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { contractVersion } from "../../src/schemas/ContractVersion.ts"
import { during, recordOf, upstream, uuid } from "../support/baton.ts"
import { ask, failureOf, inTime, inWorld, submissionPath, submit } from "../support/http.ts"
import { MemoryStore } from "../support/memoryStore.ts"
import { failing, known } from "../support/mparticle.ts"

const hash = /^hmac-sha256:[0-9a-f]{64}$/

describe("POST /data-subject-requests", () => {
  it.effect("H-01 files a request: 201 with its id, where it stands, and when it was filed", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      yield* TestClock.setTime(Date.UTC(2024, 0, 15, 10, 30))
      const answer = yield* submit({ regulation: "GDPR" })
      assert.strictEqual(answer.status, 201, answer.text)
      const { id, ...rest } = answer.body
      assert.match(String(id), uuid)
      assert.deepStrictEqual(rest, {
        email: "user@example.com",
        type: "gdpr_delete",
        status: "submitted",
        submittedAt: "2024-01-15T10:30:00.000Z"
      })
      assert.lengthOf(fake.calls, 1)
      assert.deepInclude(fake.calls[0]?.body, {
        subject_request_id: id,
        regulation: "gdpr",
        subject_request_type: "erasure",
        submitted_time: "2024-01-15T10:30:00.000Z"
      })
    }).pipe(inWorld())
  )

  it.effect("H-01 says in its headers which call, which correlation and which contract it is", () =>
    Effect.gen(function* () {
      const { headers } = yield* submit({}, { "X-Correlation-ID": "call-1" })
      assert.deepStrictEqual(headers, {
        "content-type": "application/json",
        "x-contract-version": contractVersion,
        "x-correlation-id": "call-1",
        "x-request-id": "gateway-1"
      })
    }).pipe(inWorld())
  )

  it.effect.each([
    ["delete", undefined, "erasure", "gdpr"],
    ["delete", null, "erasure", "gdpr"],
    ["delete", "CCPA", "erasure", "ccpa"],
    ["gdpr_delete", undefined, "erasure", "gdpr"],
    ["gdpr_delete", "GDPR", "erasure", "gdpr"],
    ["ccpa_delete", undefined, "erasure", "ccpa"],
    ["ccpa_delete", "CCPA", "erasure", "ccpa"],
    ["export", undefined, "access", "gdpr"],
    ["export", "CCPA", "access", "ccpa"]
  ] as const)("takes %s under %s for %s under %s", ([type, regulation, subjectType, law]) =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const answer = yield* submit({ type, regulation })
      assert.deepStrictEqual([answer.status, answer.body["type"]], [201, type])
      assert.deepInclude(fake.calls[0]?.body, { subject_request_type: subjectType, regulation: law })
      assert.lengthOf(fake.events, subjectType === "erasure" ? 1 : 0)
    }).pipe(inWorld())
  )

  it.effect.each([
    ["gdpr_delete", "CCPA", "GDPR"],
    ["ccpa_delete", "GDPR", "CCPA"]
  ] as const)("H-05 refuses %s under %s, which contradict each other, and does nothing", ([type, regulation, law]) =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const memory = yield* MemoryStore
      const { error } = failureOf(yield* submit({ type, regulation }), 400, "VALIDATION_ERROR")
      assert.deepStrictEqual(error.details, {
        retryable: false,
        issues: [{ path: "regulation", reason: `contradicts the type, which means ${law}` }]
      })
      assert.deepStrictEqual([memory.operations, fake.calls, fake.events], [[], [], []])
    }).pipe(inWorld())
  )

  it.effect.each([
    ["H-02", { email: "invalid-email" }, ["email"]],
    ["H-04", { email: "'; DROP TABLE requests; --@example.com" }, ["email"]],
    ["H-04", { email: "<script>alert(1)</script>@example.com" }, ["email"]],
    ["H-04", { email: `${"a".repeat(1000)}@example.com` }, ["email"]],
    ["H-04", { email: `a@${"b".repeat(63)}.${"c".repeat(63)}.${"d".repeat(63)}.${"e".repeat(61)}.ff` }, ["email"]],
    ["H-04", { email: "user@example.com\r\nBcc: a@example.com" }, ["email"]],
    ["H-04", { email: null }, ["email"]],
    ["H-04", { email: ["user@example.com"] }, ["email"]],
    ["H-04", { email: { toString: "user@example.com" } }, ["email"]],
    ["H-02", { type: "erase" }, ["type"]],
    ["H-02", { type: "GDPR_DELETE" }, ["type"]],
    ["H-02", { type: "toString" }, ["type"]],
    ["H-02", { type: undefined, email: undefined }, ["email", "type"]],
    ["H-02", { regulation: "gdpr" }, ["regulation"]],
    ["H-02", { email: "no", type: 1, regulation: {} }, ["email", "type", "regulation"]]
  ] as const)("%s refuses %j: 400 that names every place and no value", ([, overrides, places]) =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const memory = yield* MemoryStore
      const answer = yield* submit(overrides)
      const { error } = failureOf(answer, 400, "VALIDATION_ERROR")
      const issues = error.details["issues"] as ReadonlyArray<{ readonly path: string }>
      assert.sameMembers(
        issues.map(({ path }) => path),
        [...places]
      )
      assert.notMatch(answer.text, /example|DROP|script|invalid-email|erase|toString|aaaa/)
      assert.deepStrictEqual([memory.operations, fake.calls], [[], []])
    }).pipe(inWorld())
  )

  it.effect("keeps the person under the address's keyed hash, and sends mParticle the address alone", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const { body } = yield* submit({ email: "User@Example.COM" })
      const record = yield* recordOf(String(body["id"]))
      assert.match(record.identityId, hash)
      assert.strictEqual(record.submittedAs, "gdpr_delete")
      const [call] = fake.calls
      assert.deepInclude(call?.body, {
        subject_identities: { email: { value: "user@example.com", encoding: "raw" } },
        group_id: record.identityId
      })
      assert.deepNestedInclude(fake.events[0]?.body, { user_identities: { email: "user@example.com" } })
      assert.strictEqual(body["email"], "User@Example.COM", "the answer has it as it was given")
    }).pipe(inWorld())
  )

  it.effect("is the same request when it is called again under its correlation id: one submission", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const correlated = { "x-correlation-id": "call-1" }
      const first = yield* submit({}, correlated)
      yield* TestClock.adjust("1 days")
      // By then the erasure is over, and no lock of an active request leads to it any more.
      fake.lookup = known("completed")
      const id = String(first.body["id"])
      assert.include((yield* ask("GET", `${submissionPath}/${id}`)).body, { status: "completed" })
      const again = yield* submit({ email: "USER@EXAMPLE.COM" }, correlated)
      assert.deepStrictEqual([first.status, again.status], [201, 201])
      assert.deepInclude(again.body, { id, status: "completed", submittedAt: first.body["submittedAt"] })
      assert.lengthOf(fake.calls, 1)
      const another = yield* submit({}, { "x-correlation-id": "call-2" })
      assert.notStrictEqual(another.body["id"], id)
      assert.lengthOf(fake.calls, 2)
    }).pipe(inWorld())
  )

  it.effect("is the same request for a person whose request of the type has not ended, whatever the call's id", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const first = yield* submit({ type: "ccpa_delete" }, { "x-correlation-id": "call-1" })
      const other = yield* submit({ type: "delete" }, { "x-correlation-id": "call-2" })
      const nameless = yield* submit({ type: "gdpr_delete" })
      for (const again of [other, nameless]) {
        // What is on record was filed under the one law: the answer does not pretend to another.
        assert.deepStrictEqual([again.status, again.body], [201, first.body])
      }
      const exported = yield* submit({ type: "export" })
      assert.notStrictEqual(exported.body["id"], first.body["id"])
      const somebodyElse = yield* submit({ email: "other@example.com" })
      assert.notStrictEqual(somebodyElse.body["id"], first.body["id"])
      assert.lengthOf(fake.calls, 3)
    }).pipe(inWorld())
  )

  it.effect("is one request of two that come at once", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const answers = yield* Effect.all([submit(), submit(), submit()], { concurrency: "unbounded" }).pipe(
        inTime,
        during("10 seconds")
      )
      const [first] = answers
      for (const { body, status } of answers) assert.deepStrictEqual([status, body], [201, first?.body])
      assert.lengthOf(fake.calls, 1)
    }).pipe(inWorld())
  )

  it.effect("answers 409 when the same call asks for something else", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const correlated = { "x-correlation-id": "call-1" }
      const { body } = yield* submit({ type: "gdpr_delete" }, correlated)
      const { error } = failureOf(yield* submit({ type: "ccpa_delete" }, correlated), 409, "IDEMPOTENCY_CONFLICT")
      assert.deepStrictEqual(error.details, { retryable: false, requestId: body["id"] })
      assert.lengthOf(fake.calls, 1)
    }).pipe(inWorld())
  )

  it.effect("answers 202 while mParticle is out: the request waits in the queue, and a GET says so", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      fake.reply = failing(503)
      const answer = yield* submit().pipe(inTime, during("15 seconds"))
      assert.deepStrictEqual([answer.status, answer.body["status"]], [202, "queued"])
      assert.deepStrictEqual(
        fake.queued.map(({ payload }) => payload.requestId),
        [answer.body["id"]]
      )
      assert.isAtMost(fake.calls.length, 4)
      const standing = yield* ask("GET", `${submissionPath}/${String(answer.body["id"])}`)
      assert.include(standing.body, { status: "queued", email: "user@example.com" })
      const again = yield* submit().pipe(inTime, during("15 seconds"))
      assert.deepStrictEqual([again.status, again.body["id"]], [202, answer.body["id"]])
    }).pipe(inWorld())
  )

  it.effect("answers 202 within the time of the function, however long mParticle is silent", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      Object.assign(fake, { reply: () => "silence", event: () => "silence" })
      const answer = yield* submit().pipe(inTime, during("14500 millis"))
      assert.deepStrictEqual([answer.status, answer.body["status"]], [202, "queued"])
      assert.lengthOf(fake.queued, 1)
    }).pipe(inWorld())
  )

  it.effect("answers 502 to what mParticle refuses, with its reason, and the same when it comes again", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      fake.reply = failing(400, "Invalid workspace configuration for user@example.com")
      const correlated = { "x-correlation-id": "call-1" }
      const failures = [
        failureOf(yield* submit({}, correlated), 502, "SUBMISSION_FAILED"),
        failureOf(yield* submit({}, correlated), 502, "SUBMISSION_FAILED")
      ]
      for (const { error } of failures) {
        assert.deepInclude(error.details, {
          retryable: false,
          mparticleError: "Invalid workspace configuration for [redacted]"
        })
      }
      assert.lengthOf(fake.calls, 1)
    }).pipe(inWorld())
  )

  it.effect("answers 502 that can be repeated when neither mParticle nor the queue takes the request", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      Object.assign(fake, { reply: failing(503, "later", { "retry-after": "120" }), queueTakes: false })
      const answer = yield* submit().pipe(inTime, during("15 seconds"))
      const { error } = failureOf(answer, 502, "SUBMISSION_FAILED")
      assert.isTrue(error.details["retryable"])
      assert.isAbove(Number(error.details["retryAfterSeconds"]), 0)
      assert.strictEqual(answer.headers["retry-after"], String(error.details["retryAfterSeconds"]))
    }).pipe(inWorld())
  )

  it.effect.each(["claim", "transition"] as const)("answers 500 when the store fails at the %s", (broken) =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const memory = yield* MemoryStore
      memory.fails = (operation) => operation === broken
      fake.queueTakes = false
      const { error } = failureOf(yield* submit().pipe(inTime, during("15 seconds")), 500, "DATABASE_ERROR")
      assert.deepStrictEqual(error.details, { retryable: true, reason: "InternalServerError" })
      assert.lengthOf(fake.calls, broken === "claim" ? 0 : 1)
    }).pipe(inWorld())
  )

  it.effect("answers 500 that names the parameter which is missing, and never its value", () =>
    Effect.gen(function* () {
      const answer = yield* submit().pipe(inWorld({ parameters: { "email-hash-key": "" } }))
      const { error } = failureOf(answer, 500, "CONFIGURATION_ERROR")
      assert.deepStrictEqual(error.details, { retryable: false, reason: "email-hash-key" })
    })
  )
})
