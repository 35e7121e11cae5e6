import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { handle } from "../../src/handlers/Baton.ts"
import { RequestStore } from "../../src/services/RequestStore.ts"
import {
  during,
  inMemory,
  initiateWith,
  measured,
  payload,
  recordOf,
  refused,
  succeeded,
  upstream
} from "../support/baton.ts"
import { accepted, failing, inTurn, known } from "../support/mparticle.ts"

const reset = () => "reset" as const
const silence = () => "silence" as const

/** The pauses between calls. */
const pauses = (calls: ReadonlyArray<{ readonly at: number }>): ReadonlyArray<number> =>
  calls.slice(1).map(({ at }, index) => at - (calls[index]?.at ?? 0))

const idsOf = (calls: ReadonlyArray<{ readonly body: unknown }>): ReadonlySet<string> =>
  new Set(calls.map(({ body }) => (body as { readonly subject_request_id: string }).subject_request_id))

describe("submitting: attempts", () => {
  it.effect("B-16 tries again after 1 s and after 2 s, and up to a tenth more, with the same id", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      fake.reply = inTurn(failing(500), failing(503), accepted)
      const answer = succeeded(yield* during("4 seconds")(initiateWith()))
      assert.strictEqual(answer.status, "submitted")
      assert.lengthOf(fake.calls, 3)
      const [first = 0, second = 0] = pauses(fake.calls)
      assert.isTrue(first >= 1_000 && first <= 1_100, String(first))
      assert.isTrue(second >= 2_000 && second <= 2_200, String(second))
      assert.deepStrictEqual(idsOf(fake.calls), new Set([answer.mparticleRequestId]))
      assert.lengthOf(fake.lookups, 0, "a refused call did not arrive, so there is nothing to ask")
      assert.lengthOf(fake.events, 1, "the person is excluded once")
    }).pipe(inMemory())
  )

  it.effect("B-16 counts the request once, with the time of all its attempts", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      fake.reply = inTurn(failing(500), accepted)
      const began = yield* Clock.currentTimeMillis
      const { seen, value } = yield* measured(during("2 seconds")(initiateWith({ requestType: "export" })))
      const answer = succeeded(value)
      assert.deepStrictEqual(
        seen.filter(({ name }) => name === "DSRSubmissions").map(({ dimensions }) => dimensions),
        [{ Type: "export", Success: "true" }]
      )
      const [took, ...more] = seen.filter(({ name }) => name === "DSRSubmissionDuration")
      assert.lengthOf(more, 0)
      assert.isTrue(took !== undefined && took.value >= 1_000 && took.value <= 1_100, JSON.stringify(took))
      const record = yield* recordOf(answer.mparticleRequestId)
      assert.deepInclude(record, { status: "submitted", version: 2, controllerId: "workspace-1" })
      assert.strictEqual(record.expectedCompletionTime, "2024-01-29T10:30:00.123Z")
      assert.strictEqual(record.submittedAt, new Date(began).toISOString())
    }).pipe(inMemory())
  )

  it.effect("B-20 asks after a broken connection whether the request arrived, and sends it again if not", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      fake.reply = inTurn(reset, accepted)
      const answer = succeeded(yield* during("2 seconds")(initiateWith()))
      assert.strictEqual(answer.status, "submitted")
      assert.lengthOf(fake.calls, 2)
      assert.lengthOf(fake.lookups, 1)
      assert.strictEqual(fake.lookups[0]?.url, `https://opendsr.example.com/v3/requests/${answer.mparticleRequestId}`)
    }).pipe(inMemory())
  )

  it.effect("B-20 an answer that cannot be read may have been an acceptance: it is looked up", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      fake.reply = () => new Response("<html>", { status: 201 })
      fake.lookup = known("pending")
      assert.strictEqual(succeeded(yield* during("2 seconds")(initiateWith())).status, "submitted")
      assert.lengthOf(fake.calls, 1)
    }).pipe(inMemory())
  )

  it.effect.each([301, 302, 307, 308, 408])(
    "B-20 a redirect or a time-out (%i) is no refusal: it is looked up, sent again, and queued in the end",
    (status) =>
      Effect.gen(function* () {
        const fake = yield* upstream
        const moved = () => new Response(null, { status, headers: { location: "https://elsewhere.example.com/" } })
        fake.reply = inTurn(moved, accepted)
        const answer = succeeded(yield* during("2 seconds")(initiateWith()))
        assert.strictEqual(answer.status, "submitted")
        assert.deepStrictEqual([fake.calls.length, fake.lookups.length], [2, 1])
        assert.isTrue(
          [...fake.calls, ...fake.lookups].every(({ url }) => url.startsWith("https://opendsr.example.com/"))
        )
        fake.reply = moved
        const queued = succeeded(yield* during("10 seconds")(initiateWith()))
        assert.strictEqual(queued.status, "queued")
        assert.strictEqual((yield* recordOf(queued.mparticleRequestId)).status, "queued")
      }).pipe(inMemory())
  )

  it.effect("B-26 finds at mParticle what arrived although its answer was lost, and sends it once", () =>
    Effect.gen(function* () {
      for (const lost of [reset, silence]) {
        const fake = yield* upstream
        fake.reply = lost
        fake.lookup = known("in_progress")
        const answer = succeeded(yield* during("10 seconds")(initiateWith()))
        assert.strictEqual(answer.status, "in_progress", "as far as it has got there")
        assert.lengthOf(fake.calls, 1)
        assert.lengthOf(fake.lookups, 1)
      }
    }).pipe(inMemory())
  )

  it.effect("B-26 takes 'already exists' for its own earlier attempt when mParticle knows the id", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      fake.reply = inTurn(reset, failing(400, "Subject request already exists"))
      // The first question comes before the request is visible there.
      fake.lookup = inTurn(failing(404), known("pending"))
      const answer = succeeded(yield* during("2 seconds")(initiateWith()))
      assert.strictEqual(answer.status, "submitted")
      assert.lengthOf(fake.calls, 2)
      assert.deepInclude(yield* recordOf(answer.mparticleRequestId), {
        status: "submitted",
        expectedCompletionTime: "2024-01-29T10:30:00.123Z"
      })
    }).pipe(inMemory())
  )

  it.effect("B-26 'already exists' for an id that mParticle does not find is no refusal: it stays to be sent", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      fake.reply = failing(400, "Subject request already exists")
      const answer = succeeded(yield* during("12 seconds")(initiateWith()))
      assert.strictEqual(answer.status, "queued")
      assert.strictEqual((yield* recordOf(answer.mparticleRequestId)).status, "queued")
    }).pipe(inMemory())
  )

  it.effect("B-28 a conflict is a success when it is our own request that mParticle has", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      fake.reply = inTurn(failing(504), failing(409, "a request for this identity is in progress"))
      fake.lookup = known("in_progress")
      const answer = succeeded(yield* during("12 seconds")(initiateWith()))
      assert.strictEqual(answer.status, "in_progress")
    }).pipe(inMemory())
  )

  it.effect("B-26 a lookup that is refused says nothing about the request: it stays to be sent", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      fake.reply = inTurn(reset, accepted)
      fake.lookup = failing(400, "bad lookup")
      const wanted = { action: "initiate", payload: yield* payload() }
      const first = succeeded(yield* during("12 seconds")(handle(wanted)))
      assert.strictEqual(first.status, "queued")
      assert.strictEqual((yield* recordOf(first.mparticleRequestId)).status, "queued")
      fake.lookup = known("pending")
      assert.strictEqual(succeeded(yield* during("12 seconds")(handle(wanted))).status, "submitted")
      assert.lengthOf(fake.calls, 1)
    }).pipe(inMemory())
  )

  it.effect("B-26 notes when a request that arrived was completed there, and counts it", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      yield* TestClock.setTime(Date.UTC(2024, 0, 15))
      fake.reply = reset
      fake.lookup = known("completed")
      const { names, value } = yield* measured(during("2 seconds")(initiateWith()))
      const record = yield* recordOf(succeeded(value).mparticleRequestId)
      assert.strictEqual(record.status, "completed")
      assert.match(record.completedAt ?? "", /^2024-01-15T00:00:01\./)
      assert.include(names(), "BatonRequestsCompleted")
    }).pipe(inMemory())
  )

  it.effect("B-26 C-37 takes one that arrived for submitted at a status that nobody knows", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      fake.reply = reset
      fake.lookup = known("paused")
      const answer = succeeded(yield* during("2 seconds")(initiateWith()))
      assert.strictEqual(answer.status, "submitted")
      assert.strictEqual((yield* recordOf(answer.mparticleRequestId)).status, "submitted")
      assert.deepStrictEqual([fake.calls.length, fake.lookups.length], [1, 1])
      assert.deepStrictEqual(
        fake.alerts.map(({ subject }) => subject),
        ["unknown-status"]
      )
    }).pipe(inMemory())
  )

  it.effect("B-26 notes that a request that arrived was cancelled there", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      fake.reply = reset
      fake.lookup = known("cancelled", { expected_completion_time: null })
      const answer = succeeded(yield* during("2 seconds")(initiateWith()))
      const record = yield* recordOf(answer.mparticleRequestId)
      assert.deepInclude(record, { status: "failed", failureReason: "CANCELLED" })
    }).pipe(inMemory())
  )

  it.effect("B-28 a conflict at mParticle is a refusal of this request, and no other one's id is answered", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const { identityId } = yield* payload()
      const exported = succeeded(yield* initiateWith({ identityId, requestType: "export" }))
      fake.reply = failing(409, "a request for this identity is in progress")
      const { error } = refused(yield* initiateWith({ identityId }))
      assert.strictEqual(error.code, "SUBMISSION_FAILED")
      assert.isFalse(error.details.retryable)
      assert.strictEqual(error.details.mparticleError, "a request for this identity is in progress")
      assert.notStrictEqual(error.details.requestId, exported.mparticleRequestId)
      assert.deepInclude(yield* recordOf(error.details.requestId), {
        status: "failed",
        failureStatus: 409,
        type: "delete"
      })
      assert.strictEqual((yield* recordOf(exported.mparticleRequestId)).status, "submitted")
    }).pipe(inMemory())
  )
})

describe("submitting: waiting as mParticle asks", () => {
  it.effect("B-19 does not wait an hour: the request is queued at once", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      fake.reply = failing(429, "slow down", { "retry-after": "3600" })
      const answer = succeeded(yield* initiateWith())
      assert.strictEqual(answer.status, "queued")
      assert.lengthOf(fake.calls, 1)
      assert.lengthOf(fake.queued, 1)
    }).pipe(inMemory())
  )

  it.effect("B-19 waits what its budget allows and goes through, while others are kept off", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      fake.reply = inTurn(failing(429, "slow down", { "retry-after": "7" }), accepted)
      const asked = yield* Effect.fork(initiateWith())
      yield* TestClock.adjust("1 seconds")
      const other = succeeded(yield* initiateWith())
      assert.strictEqual(other.status, "queued")
      assert.lengthOf(fake.calls, 1, "the breaker keeps the other caller from mParticle")
      yield* TestClock.adjust("7 seconds")
      assert.strictEqual(succeeded(yield* Fiber.join(asked)).status, "submitted")
      assert.deepStrictEqual(pauses(fake.calls), [7_000])
    }).pipe(inMemory())
  )
})

describe("submitting: credentials", () => {
  const basic = (text: string): string => `Basic ${Buffer.from(text).toString("base64")}`

  it.effect("T-62 reads rotated credentials again, once, when the cached ones are refused", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      fake.reply = (call) =>
        call.headers["authorization"] === basic("key:rotated") ? accepted(call) : failing(401, "Unauthorized")()
      assert.strictEqual(succeeded(yield* initiateWith()).status, "submitted")
      assert.deepStrictEqual(
        fake.calls.map(({ headers }) => headers["authorization"]),
        [basic("key:s3cret"), basic("key:rotated")]
      )
    }).pipe(inMemory({ rotated: { "mparticle-api-secret": "rotated" } }))
  )

  it.effect("T-62 never ends a request over our own credentials: it stays to be sent", () =>
    Effect.gen(function* () {
      for (const [status, calls] of [
        [401, 2],
        [403, 1]
      ] as const) {
        const fake = yield* upstream
        const wanted = { action: "initiate", payload: yield* payload() }
        fake.reply = failing(status, "Unauthorized")
        const { error } = refused(yield* handle(wanted))
        assert.deepInclude(error, { code: "SUBMISSION_FAILED" })
        assert.isFalse(error.details.retryable)
        assert.lengthOf(fake.calls, calls)
        assert.lengthOf(fake.queued, 0)
        assert.strictEqual((yield* recordOf(error.details.requestId)).status, "received")
        // The lease was given back: once the credentials are right, the same call goes through at once.
        fake.reply = accepted
        const later = succeeded(yield* handle(wanted))
        assert.strictEqual(later.status, "submitted")
        assert.strictEqual(later.mparticleRequestId, error.details.requestId)
      }
    }).pipe(inMemory())
  )

  it.effect("K-07 keeps the request on record when a credential is missing, and names the setting", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const { error } = refused(yield* initiateWith())
      assert.deepInclude(error, { code: "CONFIGURATION_ERROR", message: "mparticle-api-secret is missing" })
      assert.lengthOf(fake.calls, 0)
      const store = yield* RequestStore
      const [record] = yield* store.findByEmail("user@example.com")
      assert.strictEqual(record?.status, "received")
    }).pipe(inMemory({ parameters: { "mparticle-api-secret": "" } }))
  )
})
