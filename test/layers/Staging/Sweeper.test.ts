/** The sweeper over real engines: what it finds, what it does of it, and what it leaves alone. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Deadline from "../../../src/services/Deadline.ts"
import { conversationId, counted, inStaging, later, now, trigger } from "../../support/staging.ts"
import { breaking, depthOf, engines, mended, put, rowsOf, sentTo, staged } from "../../support/stagingEngines.ts"
import { nothing, parking, row, sweep } from "../../support/stagingSweep.ts"

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
        assert.strictEqual((yield* Effect.flip(sweep))._tag, "SQS_CONFIG_ERROR")
        assert.deepStrictEqual(yield* sentTo("whatsapp"), [atOnce])
        assert.strictEqual(yield* counted("StagingRetriggered"), 1)
      }).pipe(inStaging())
    )

    it.effect("is told of where nothing can be parked", () =>
      Effect.gen(function* () {
        yield* put("stage", row())
        assert.deepStrictEqual(yield* sweep, { ...nothing, retriggered: 1 })
      }).pipe(inStaging({ parkingQueueUrl: Option.none() }))
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
  })
})
