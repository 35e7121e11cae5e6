/** The sweeper over real engines: what it finds, what it does of it, and what it leaves alone. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { handle } from "../../../src/handlers/StagingSweeper.ts"
import type { ParkedMessage } from "../../../src/schemas/Staging.ts"
import * as Deadline from "../../../src/services/Deadline.ts"
import {
  assertTwiml,
  conversation,
  conversationId,
  counted,
  impatient,
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
  breaking,
  depthOf,
  engines,
  enqueue,
  mended,
  operations,
  put,
  remove,
  rowsOf,
  seed,
  sentTo,
  staged
} from "../../support/stagingEngines.ts"

const sweep = handle({ source: "aws.events" })

const nothing = { retriggered: 0, taken: 0, refused: 0, kept: 0, failed: 0, finished: true }

const row = (changes: object = {}) => ({
  conversation_id: conversationId,
  message_sid: "SM1",
  primary_channel: "+447700900001",
  channel_type: "whatsapp",
  body: "Hello there",
  received_at: new Date(now - 16_000).toISOString(),
  expires_at: now / 1000 + 259_000,
  ...changes
})

const lock = (changes: object = {}) => ({
  conversation_id: conversationId,
  owner_sid: "SM0",
  state: "QUEUED",
  trigger_at: now + 8_000,
  expires_at: now / 1000 + 68,
  ...changes
})

/** What the sweeper tells: there is no window to wait for any more. */
const atOnce = { ...trigger, delay: 0 }

const parked = (changes: Partial<ParkedMessage["message"]> = {}): ParkedMessage => ({
  type: "STAGING_PARKED",
  schema_version: 1,
  cause: "DB_TRANSIENT_ERROR",
  parked_at: new Date(now - 60_000).toISOString(),
  conversation_id: conversationId,
  message: {
    channel_type: "whatsapp",
    message_sid: whatsapp["MessageSid"] ?? "",
    from: "whatsapp:+447700900001",
    to: "whatsapp:+447700900100",
    body: "Hello there",
    num_media: 0,
    media: [],
    received_at: new Date(now - 60_000).toISOString(),
    ...changes
  }
})

const parking = (changes: Partial<ParkedMessage["message"]> = {}) => enqueue("parking", JSON.stringify(parked(changes)))

describe("a conversation with messages that wait", () => {
  it.layer(engines, { timeout: 30_000 })((it) => {
    it.effect("has no lock: its reader is told, once, at once", () =>
      Effect.gen(function* () {
        yield* put("stage", row())
        yield* put("stage", row({ message_sid: "SM2" }))
        assert.deepStrictEqual(yield* sweep, { ...nothing, retriggered: 1 })
        assert.deepStrictEqual(yield* sentTo("whatsapp"), [atOnce])
        const [mine] = yield* rowsOf("lock")
        assert.include(mine, { state: "QUEUED", trigger_at: now, expires_at: now / 1000 + 60 })
        assert.match(String(mine?.["owner_sid"]), /^sweeper#/)
        assert.strictEqual(yield* counted("StagingRetriggered"), 1)
        assert.lengthOf(yield* staged, 2)
      }).pipe(inStaging())
    )

    it.effect("is told of by the queue of its channel", () =>
      Effect.gen(function* () {
        yield* put("stage", row({ channel_type: "sms", conversation_id: "ci-sms" }))
        yield* put(
          "stage",
          row({ channel_type: "email", conversation_id: "ci-mail", primary_channel: "a@example.com" })
        )
        assert.strictEqual((yield* sweep).retriggered, 2)
        assert.lengthOf(yield* sentTo("sms"), 1)
        assert.deepStrictEqual((yield* sentTo("email"))[0]?.body, {
          conversation_id: "ci-mail",
          primary_channel: "a@example.com"
        })
        assert.isEmpty(yield* sentTo("whatsapp"))
      }).pipe(inStaging())
    )

    it.effect("is left alone for the window and five seconds", () =>
      Effect.gen(function* () {
        yield* put("stage", row({ received_at: new Date(now - 15_000).toISOString() }))
        assert.deepStrictEqual(yield* sweep, nothing)
        yield* later(1)
        assert.deepStrictEqual(yield* sweep, { ...nothing, retriggered: 1 })
      }).pipe(inStaging())
    )

    it.effect("is left alone while a trigger is to come", () =>
      Effect.gen(function* () {
        yield* put("stage", row())
        yield* put("lock", lock())
        assert.deepStrictEqual(yield* sweep, nothing)
        assert.isEmpty(yield* sentTo("whatsapp"))
        assert.deepStrictEqual(yield* rowsOf("lock"), [lock()])
      }).pipe(inStaging())
    )

    it.effect("is left alone when the sweeper told its reader a moment ago, until that lock expires", () =>
      Effect.gen(function* () {
        yield* put("stage", row())
        assert.strictEqual((yield* sweep).retriggered, 1)
        yield* later(30_000)
        assert.deepStrictEqual(yield* sweep, nothing)
        yield* later(30_000)
        assert.strictEqual((yield* sweep).retriggered, 1)
        assert.lengthOf(yield* sentTo("whatsapp"), 2)
      }).pipe(inStaging())
    )

    const dead: ReadonlyArray<readonly [what: string, changes: object]> = [
      ["whose trigger has come, and was not heard", { trigger_at: now - 1 }],
      ["that is expired", { trigger_at: now - 60_000, expires_at: now / 1000 }],
      ["of the sweeper's, whose trigger was never sent", { owner_sid: "sweeper#1", state: "PENDING", trigger_at: now }]
    ]
    for (const [what, changes] of dead) {
      it.effect(`has a lock ${what}: its reader is told`, () =>
        Effect.gen(function* () {
          yield* put("stage", row())
          yield* put("lock", lock(changes))
          assert.deepStrictEqual(yield* sweep, { ...nothing, retriggered: 1 })
          assert.deepStrictEqual(yield* sentTo("whatsapp"), [atOnce])
        }).pipe(inStaging())
      )
    }

    it.effect("has only messages that are expired, or tombstones: nobody is told", () =>
      Effect.gen(function* () {
        yield* put("stage", row({ expires_at: now / 1000 }))
        yield* put("stage", row({ conversation_id: "dedupe#SM1", state: "STAGED" }))
        yield* put("stage", row({ conversation_id: "ci-odd", channel_type: "fax" }))
        assert.deepStrictEqual(yield* sweep, nothing)
      }).pipe(inStaging())
    )

    it.effect("cannot be given a trigger: the others are, and it is with the next run", () =>
      Effect.gen(function* () {
        yield* put("stage", row())
        yield* put("stage", row({ conversation_id: "ci-2" }))
        yield* breaking("SendMessage", { error: "AccessDenied" }, (_, { input }) =>
          String(input["MessageBody"]).includes("ci-2")
        )
        assert.deepStrictEqual(yield* sweep, { ...nothing, retriggered: 1, failed: 1 })
        yield* mended
        assert.deepStrictEqual(yield* sweep, { ...nothing, retriggered: 1 })
        assert.strictEqual(yield* depthOf("whatsapp"), 2)
      }).pipe(inStaging())
    )

    it.effect("is told of although the parked messages cannot be looked at", () =>
      Effect.gen(function* () {
        yield* put("stage", row())
        yield* breaking("ReceiveMessage", { error: "AccessDenied" })
        yield* Effect.exit(sweep)
        assert.deepStrictEqual(yield* sentTo("whatsapp"), [atOnce])
      }).pipe(inStaging())
    )
  })
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

    it.effect("comes when its tombstone is expired, and still there: it is taken as a new one", () =>
      Effect.gen(function* () {
        yield* send()
        yield* remove("stage", { conversation_id: conversationId, message_sid: whatsapp["MessageSid"] ?? "" })
        yield* later(86_400_000)
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

describe("a run that has no time left", () => {
  it.layer(engines, { timeout: 30_000 })((it) => {
    it.effect("ends what it has begun, and says that it is not at its end", () =>
      Effect.gen(function* () {
        for (let count = 0; count < 15; count += 1) yield* parking({ message_sid: `SM${count}` })
        yield* put("stage", row({ conversation_id: "ci-2", message_sid: "SM99" }))
        const summary = yield* sweep.pipe(Deadline.within(10_000))
        assert.deepStrictEqual(summary, { ...nothing, taken: summary.taken, finished: false })
        assert.isAtMost(summary.taken, 10)
        assert.strictEqual(yield* depthOf("parking"), 15 - summary.taken)
        assert.isTrue((yield* sweep).finished)
        assert.strictEqual(yield* depthOf("parking"), 0)
      }).pipe(inStaging())
    )

    it.effect("fails when it cannot look what waits, so that the schedule's alarm sees it", () =>
      Effect.gen(function* () {
        yield* breaking("Scan", { error: "AccessDeniedException" })
        const exit = yield* Effect.flip(sweep)
        assert.strictEqual(exit._tag, "STAGE_DB_CONFIG_ERROR")
      }).pipe(inStaging())
    )

    it.effect("takes the sweeper's message and the customer's for one: message", () =>
      Effect.gen(function* () {
        yield* Effect.all([send({ params: message("SM5") }), parking({ message_sid: "SM5" })])
        assert.strictEqual((yield* sweep).taken, 1)
        assert.lengthOf(yield* staged, 1)
      }).pipe(inStaging())
    )
  })
})
