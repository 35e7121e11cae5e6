/** The sweeper and what is parked: it is taken, refused, or kept for another day. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import {
  assertTwiml,
  conversation,
  conversationId,
  counted,
  impatient,
  inStaging,
  later,
  now,
  outcomes,
  send,
  trigger,
  whatsapp
} from "../../support/staging.ts"
import {
  breaking,
  depthOf,
  engines,
  enqueue,
  mended,
  operations,
  remove,
  seed,
  sentTo,
  staged
} from "../../support/stagingEngines.ts"
import { stagingDefaults } from "../../support/stagingDefaults.ts"
import { nothing, parked, parking, sweep } from "../../support/stagingSweep.ts"

const toParking = (input: object): boolean => JSON.stringify(input).includes("/parking")

/** A message whose row is there, and whose trigger was refused. */
const stagedAndParked = Effect.gen(function* () {
  yield* breaking("SendMessage", { error: "ThrottlingException" }, (_, { input }) => !toParking(input))
  assertTwiml(yield* impatient(send()), 503)
  assert.lengthOf(yield* staged, 1)
  assert.strictEqual(yield* depthOf("parking"), 1)
  yield* mended
})

describe("a parked message", () => {
  it.layer(engines, { timeout: 30_000 })((it) => {
    it.effect("is taken when nothing is in its way, with the time at which it came", () =>
      Effect.gen(function* () {
        yield* parking()
        assert.deepStrictEqual(yield* sweep, { ...nothing, taken: 1 })
        const [only, ...others] = yield* staged
        assert.isEmpty(others)
        assert.include(only, { body: "Hello there", received_at: new Date(now - 60_000).toISOString() })
        assert.deepStrictEqual(yield* sentTo("whatsapp"), [trigger])
        assert.strictEqual(yield* depthOf("parking"), 0)
        assert.strictEqual(yield* counted("StagingParkedTaken"), 1)
        assert.notInclude(yield* operations, "GetSecretValue")
      }).pipe(inStaging())
    )

    it.effect("is taken with all the others, more than a queue gives at once", () =>
      Effect.gen(function* () {
        for (let count = 0; count < 25; count += 1) yield* parking({ message_sid: `SM${count}` })
        assert.deepStrictEqual(yield* sweep, { ...nothing, taken: 25 })
        assert.lengthOf(yield* staged, 25)
        assert.strictEqual(yield* depthOf("parking"), 0)
      }).pipe(inStaging())
    )

    it.effect("is there several times: it is staged, and handed to a human, once", () =>
      Effect.gen(function* () {
        yield* seed(conversation({ hand_off_to_human: true }))
        for (let count = 0; count < 4; count += 1) yield* parking()
        assert.deepStrictEqual(yield* sweep, { ...nothing, taken: 4 })
        assert.strictEqual(yield* depthOf("handoff"), 1)
        yield* seed(conversation())
        for (let count = 0; count < 4; count += 1) yield* parking({ message_sid: "SM2" })
        assert.deepStrictEqual(yield* sweep, { ...nothing, taken: 4 })
        assert.strictEqual(yield* depthOf("whatsapp"), 1)
        assert.lengthOf(yield* staged, 1)
      }).pipe(inStaging())
    )

    it.effect("is refused when its conversation refuses it, and not kept", () =>
      Effect.gen(function* () {
        yield* seed(conversation({ project_status: "inactive" }))
        yield* parking()
        assert.deepStrictEqual(yield* sweep, { ...nothing, refused: 1 })
        assert.strictEqual(yield* depthOf("parking"), 0)
        assert.isEmpty(yield* staged)
      }).pipe(inStaging())
    )

    it.effect("is kept while its conversation is locked", () =>
      Effect.gen(function* () {
        yield* seed(conversation({ conversation_status: "processing_reply" }))
        yield* parking()
        assert.deepStrictEqual(yield* sweep, { ...nothing, kept: 1 })
        assert.strictEqual(yield* depthOf("parking"), 1)
        assert.strictEqual(yield* counted("StagingParkedKept"), 1)
        assert.isEmpty(yield* staged)
      }).pipe(inStaging())
    )

    it.effect("is kept while what was in its way is", () =>
      Effect.gen(function* () {
        yield* parking()
        yield* breaking("TransactWriteItems", { error: "ThrottlingException" })
        assert.deepStrictEqual(yield* impatient(sweep), { ...nothing, kept: 1 })
        assert.strictEqual(yield* depthOf("parking"), 1)
      }).pipe(inStaging())
    )

    for (const text of ["not JSON", "{}", "null", JSON.stringify({ ...parked(), cause: "UNHEARD_OF" })]) {
      it.effect(`cannot be read: it is kept for somebody to look at, and holds nobody up: ${text.slice(0, 20)}`, () =>
        Effect.gen(function* () {
          yield* enqueue("parking", text)
          yield* parking()
          assert.deepStrictEqual(yield* sweep, { ...nothing, taken: 1, kept: 1 })
          assert.strictEqual(yield* depthOf("parking"), 1)
          assert.lengthOf(yield* staged, 1)
        }).pipe(inStaging())
      )
    }

    it.effect("was retried by its sender, and read: there is no second row", () =>
      Effect.gen(function* () {
        yield* breaking("GetItem", { error: "ThrottlingException" })
        assertTwiml(yield* impatient(send()), 503)
        yield* mended
        assertTwiml(yield* send(), 200)
        yield* remove("stage", { conversation_id: conversationId, message_sid: whatsapp["MessageSid"] ?? "" })
        yield* later(3_600_000)
        assert.deepStrictEqual(yield* sweep, { ...nothing, taken: 1 })
        assert.isEmpty(yield* staged)
        assert.strictEqual(yield* depthOf("whatsapp"), 1)
        assert.deepStrictEqual(yield* outcomes, ["DB_TRANSIENT_ERROR", "TRIGGERED"])
      }).pipe(inStaging())
    )

    it.effect("was staged, and waited for more than a day while its row was read: there is no second row", () =>
      Effect.gen(function* () {
        yield* stagedAndParked
        yield* remove("stage", { conversation_id: conversationId, message_sid: whatsapp["MessageSid"] ?? "" })
        yield* later(25 * 3_600_000)
        assert.deepStrictEqual(yield* sweep, { ...nothing, taken: 1 })
        assert.isEmpty(yield* staged)
        assert.strictEqual(yield* depthOf("parking"), 0)
      }).pipe(inStaging({ tombstoneTtlSeconds: 691_200 }))
    )

    for (const [what, changes, queue] of [
      ["the consumer", {}, "whatsapp"],
      ["a human", { hand_off_to_human: true }, "handoff"]
    ] as const) {
      it.effect(`was staged, and its row expired before anybody was told of it: it is for ${what} anew`, () =>
        Effect.gen(function* () {
          yield* stagedAndParked
          yield* remove("stage", { conversation_id: conversationId, message_sid: whatsapp["MessageSid"] ?? "" })
          yield* seed(conversation({ ...changes }))
          yield* later(stagingDefaults.stageTtlSeconds * 1000)
          assert.deepStrictEqual(yield* sweep, { ...nothing, taken: 1 })
          assert.lengthOf(yield* staged, queue === "whatsapp" ? 1 : 0)
          assert.strictEqual(yield* depthOf(queue), 1)
        }).pipe(inStaging())
      )
    }

    it.effect("was staged, and its row expired: it is kept while its conversation is locked", () =>
      Effect.gen(function* () {
        yield* stagedAndParked
        yield* remove("stage", { conversation_id: conversationId, message_sid: whatsapp["MessageSid"] ?? "" })
        yield* seed(conversation({ conversation_status: "processing_reply" }))
        yield* later(stagingDefaults.stageTtlSeconds * 1000)
        assert.deepStrictEqual(yield* sweep, { ...nothing, kept: 1 })
        assert.strictEqual(yield* depthOf("parking"), 1)
      }).pipe(inStaging())
    )

    it.effect("comes when its tombstone is expired, and still there: it is taken as a new one", () =>
      Effect.gen(function* () {
        yield* send()
        yield* remove("stage", { conversation_id: conversationId, message_sid: whatsapp["MessageSid"] ?? "" })
        yield* later(stagingDefaults.tombstoneTtlSeconds * 1000)
        yield* parking()
        assert.deepStrictEqual(yield* sweep, { ...nothing, taken: 1 })
        assert.lengthOf(yield* staged, 1)
        assert.strictEqual(yield* depthOf("whatsapp"), 2)
      }).pipe(inStaging())
    )

    it.effect("cannot be taken off its queue: it comes again, and is known", () =>
      Effect.gen(function* () {
        yield* parking()
        yield* breaking("DeleteMessage", { error: "AccessDenied" })
        assert.deepStrictEqual(yield* sweep, { ...nothing, taken: 1 })
        yield* mended
        yield* parking()
        assert.deepStrictEqual(yield* sweep, { ...nothing, taken: 1 })
        assert.lengthOf(yield* staged, 1)
        assert.strictEqual(yield* depthOf("whatsapp"), 1)
      }).pipe(inStaging())
    )
  })
})
