/** Rows 55 to 68: the stage, the lock and the trigger, and what becomes of them when something is in the way. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import {
  assertTwiml,
  conversation,
  conversationId,
  counted,
  inStaging,
  later,
  message,
  now,
  outcomes,
  send,
  trigger,
  whatsapp
} from "../../support/staging.ts"
import {
  type AwsCall,
  breaking,
  depthOf,
  Engines,
  engines,
  mended,
  operations,
  receivedFrom,
  remove,
  rowsOf,
  seed,
  sentTo,
  staged
} from "../../support/stagingEngines.ts"

const sid = whatsapp["MessageSid"] ?? ""

const lock = (changes: object = {}) => ({
  conversation_id: conversationId,
  owner_sid: "SM0",
  state: "QUEUED",
  trigger_at: now + 8_000,
  expires_at: now / 1000 + 68,
  ...changes
})

/** A fault of a trigger, not of what is parked. */
const triggers = (_: number, { input }: AwsCall): boolean => !String(input["QueueUrl"]).includes("parking")

describe("what is in a message's way", () => {
  it.layer(engines, { timeout: 30_000 })((it) => {
    const stageErrors: ReadonlyArray<readonly [error: string, code: string]> = [
      ["ResourceNotFoundException", "STAGE_DB_CONFIG_ERROR"],
      ["ValidationException", "STAGE_DB_VALIDATION_ERROR"],
      ["SomethingElseException", "STAGE_WRITE_ERROR"]
    ]
    for (const [error, code] of stageErrors) {
      it.effect(`55 ${error} of the stage is ${code}: parked, and 200`, () =>
        Effect.gen(function* () {
          yield* breaking("TransactWriteItems", { error })
          assertTwiml(yield* send(), 200)
          assert.deepStrictEqual(yield* outcomes, [code])
          assert.isEmpty(yield* rowsOf("stage"))
          assert.isEmpty(yield* rowsOf("lock"))
          assert.isEmpty(yield* sentTo("whatsapp"))
          const [parked, ...others] = yield* receivedFrom("parking")
          assert.isEmpty(others)
          assert.deepInclude(parked, {
            type: "STAGING_PARKED",
            schema_version: 1,
            cause: code,
            parked_at: "2023-11-14T22:13:20.000Z",
            conversation_id: conversationId
          })
          assert.deepInclude(parked?.["message"], {
            message_sid: sid,
            body: "Hello there",
            received_at: "2023-11-14T22:13:20.000Z"
          })
        }).pipe(inStaging())
      )
    }

    it.effect("56 the lock is throttled: 503, and the retry ends with one row, one lock and one trigger", () =>
      Effect.gen(function* () {
        yield* breaking("PutItem", { error: "ThrottlingException" })
        assertTwiml(yield* send(), 503)
        assert.isEmpty(yield* rowsOf("lock"))
        assert.isEmpty(yield* sentTo("whatsapp"))
        yield* mended
        yield* later(4_000)
        assertTwiml(yield* send(), 200)
        const [row, ...others] = yield* staged
        assert.isEmpty(others)
        assert.strictEqual(row?.["received_at"], "2023-11-14T22:13:20.000Z")
        assert.deepStrictEqual(yield* rowsOf("lock"), [
          lock({ owner_sid: sid, trigger_at: now + 14_000, expires_at: now / 1000 + 74 })
        ])
        assert.deepStrictEqual(yield* sentTo("whatsapp"), [trigger])
        assert.deepStrictEqual(yield* outcomes, ["TRIGGER_DB_TRANSIENT_ERROR", "TRIGGERED"])
      }).pipe(inStaging())
    )

    it.effect("59 the queue is away: the lock is given back, and the retry sends the trigger", () =>
      Effect.gen(function* () {
        yield* breaking("SendMessage", { error: "ServiceUnavailable", status: 503 }, triggers)
        assertTwiml(yield* send(), 503)
        assert.isEmpty(yield* rowsOf("lock"))
        assert.lengthOf(yield* staged, 1)
        assert.strictEqual(yield* depthOf("whatsapp"), 0)
        yield* mended
        assertTwiml(yield* send(), 200)
        assert.strictEqual(yield* depthOf("whatsapp"), 1)
        assert.lengthOf(yield* staged, 1)
        assert.deepStrictEqual(yield* outcomes, ["SQS_TRANSIENT_ERROR", "TRIGGERED"])
      }).pipe(inStaging())
    )

    it.effect("59 the lock cannot be given back either: the retry knows its own", () =>
      Effect.gen(function* () {
        yield* breaking("SendMessage", { error: "ServiceUnavailable", status: 503 }, triggers)
        yield* breaking("DeleteItem", { error: "AccessDeniedException" })
        assertTwiml(yield* send(), 503)
        const [left] = yield* rowsOf("lock")
        assert.include(left, { owner_sid: sid, state: "PENDING" })
        yield* mended
        assertTwiml(yield* send(), 200)
        assert.strictEqual(yield* depthOf("whatsapp"), 1)
      }).pipe(inStaging())
    )

    it.effect("62 the trigger fails for good: the lock is given back, 200, and it is counted", () =>
      Effect.gen(function* () {
        yield* breaking("SendMessage", { error: "InvalidParameterValue" }, triggers)
        assertTwiml(yield* send(), 200)
        assert.isEmpty(yield* rowsOf("lock"))
        assert.deepStrictEqual(yield* outcomes, ["SQS_PARAMETER_ERROR"])
        assert.strictEqual(yield* counted("StagingOutcomes"), 1)
        assert.include((yield* receivedFrom("parking"))[0], { cause: "SQS_PARAMETER_ERROR" })
        yield* mended
        assertTwiml(yield* send({ params: message("SM2") }), 200)
        assert.deepStrictEqual(yield* receivedFrom("whatsapp"), [trigger.body])
        assert.lengthOf(yield* staged, 2)
      }).pipe(inStaging())
    )

    const queueErrors: ReadonlyArray<readonly [error: string, code: string]> = [
      ["QueueDoesNotExist", "SQS_CONFIG_ERROR"],
      ["AWS.SimpleQueueService.NonExistentQueue", "SQS_CONFIG_ERROR"],
      ["AccessDenied", "SQS_CONFIG_ERROR"],
      ["InvalidParameterValue", "SQS_PARAMETER_ERROR"],
      ["InvalidMessageContents", "SQS_PARAMETER_ERROR"],
      ["SomethingElse", "SQS_SEND_ERROR"]
    ]
    for (const [error, code] of queueErrors) {
      it.effect(`64 ${error} of the queue is ${code}: parked, and 200`, () =>
        Effect.gen(function* () {
          yield* breaking("SendMessage", { error }, triggers)
          assertTwiml(yield* send(), 200)
          assert.deepStrictEqual(yield* outcomes, [code])
          // One try: what is permanent is not tried again.
          assert.lengthOf(yield* sentTo("whatsapp"), 1)
          assert.isEmpty(yield* rowsOf("lock"))
          assert.include((yield* receivedFrom("parking"))[0], { cause: code })
        }).pipe(inStaging())
      )
    }
  })
})

describe("messages that come again, or together", () => {
  it.layer(engines, { timeout: 30_000 })((it) => {
    it.effect("65 the same one twice: one row, one trigger and the same answer", () =>
      Effect.gen(function* () {
        const first = yield* send()
        const { calls } = yield* Engines
        calls.length = 0
        yield* later(5_000)
        const second = yield* send()
        assertTwiml(second, 200)
        assert.deepStrictEqual(second, first)
        assert.lengthOf(yield* staged, 1)
        assert.strictEqual(yield* depthOf("whatsapp"), 1)
        assert.deepStrictEqual(yield* operations, ["Query", "GetItem", "TransactWriteItems"])
      }).pipe(inStaging())
    )

    it.effect("65 the same one after it was read: it is not staged a second time", () =>
      Effect.gen(function* () {
        yield* send()
        yield* remove("stage", { conversation_id: conversationId, message_sid: sid })
        yield* remove("lock", { conversation_id: conversationId })
        yield* later(60_000)
        assertTwiml(yield* send(), 200)
        assert.isEmpty(yield* staged)
        assert.strictEqual(yield* depthOf("whatsapp"), 1)
        assert.deepStrictEqual(yield* outcomes, ["TRIGGERED", "REPEATED"])
      }).pipe(inStaging())
    )

    const sids = Array.from({ length: 20 }, (_, index) => `SM${index}`)

    it.effect("67 twenty at once of one conversation: twenty rows, and one trigger at least", () =>
      Effect.gen(function* () {
        const answers = yield* Effect.forEach(sids, (one) => send({ params: message(one) }), { concurrency: 20 })
        for (const answer of answers) assertTwiml(answer, 200)
        assert.sameMembers(
          (yield* staged).map((row) => row["message_sid"]),
          sids
        )
        assert.isAtLeast(yield* depthOf("whatsapp"), 1)
        const [only] = yield* rowsOf("lock")
        assert.strictEqual(only?.["state"], "QUEUED")
        // Once it is known that the trigger is sent, nobody else sends one.
        const before = yield* depthOf("whatsapp")
        yield* send({ params: message("SM20") })
        assert.strictEqual(yield* depthOf("whatsapp"), before)
      }).pipe(inStaging())
    )

    it.effect("67 the same one ten times at once: one row, and one trigger at least", () =>
      Effect.gen(function* () {
        const answers = yield* Effect.forEach(sids.slice(10), () => send(), { concurrency: 10 })
        for (const answer of answers) assert.include([200, 503], answer.statusCode)
        assert.lengthOf(yield* staged, 1)
        assert.isAtLeast(yield* depthOf("whatsapp"), 1)
      }).pipe(inStaging())
    )

    it.effect("68 of two conversations: a trigger each", () =>
      Effect.gen(function* () {
        const other = "+447700900009"
        yield* seed(
          conversation({
            conversation_id: "ci-2",
            primary_channel: other,
            gsi_recipient_tel: other,
            recipient_tel: other
          })
        )
        yield* Effect.all([send(), send({ params: message("SM2", { From: `whatsapp:${other}` }) })], { concurrency: 2 })
        assert.sameDeepMembers(
          [...(yield* sentTo("whatsapp"))],
          [trigger, { body: { conversation_id: "ci-2", primary_channel: other }, delay: 10 }]
        )
        assert.lengthOf(yield* rowsOf("lock"), 2)
      }).pipe(inStaging())
    )
  })
})
