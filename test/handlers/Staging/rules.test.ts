/** Rows 43 to 52: what a conversation takes, and who reads it. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { stagingCodes } from "../../../src/schemas/StagingCode.ts"
import {
  assertTwiml,
  conversation,
  conversationId,
  inStaging,
  now,
  outcomes,
  send,
  trigger,
  whatsapp
} from "../../support/staging.ts"
import {
  depthOf,
  engines,
  operations,
  receivedFrom,
  rowsOf,
  seed,
  sentTo,
  staged
} from "../../support/stagingEngines.ts"
import { stagingDefaults } from "../../support/stagingDefaults.ts"
import { written } from "../../support/logs.ts"

/** Fails unless a refusal left nothing behind: neither staged nor parked, and nobody was told. */
const assertNothing = Effect.gen(function* () {
  assert.isEmpty(yield* rowsOf("stage"))
  assert.isEmpty(yield* rowsOf("lock"))
  assert.strictEqual(yield* depthOf("parking"), 0)
  assert.notInclude(yield* operations, "SendMessage")
})

const minute = 60_000
const taken = ["TRIGGERED"] as const

describe("a conversation's rules", () => {
  it.layer(engines, { timeout: 30_000 })((it) => {
    const refusals: ReadonlyArray<readonly [what: string, changes: object, code: string]> = [
      ["43 its project is inactive", { project_status: "inactive" }, "PROJECT_INACTIVE"],
      ["43 its project's status is missing", { project_status: undefined }, "PROJECT_INACTIVE"],
      ["43 its project's status is spelled otherwise", { project_status: "Active" }, "PROJECT_INACTIVE"],
      ["44 its channels do not contain this one", { allowed_channels: ["sms"] }, "CHANNEL_NOT_ALLOWED"],
      ["44 its channels are missing", { allowed_channels: undefined }, "CHANNEL_NOT_ALLOWED"],
      ["44 its channels are null", { allowed_channels: null }, "CHANNEL_NOT_ALLOWED"],
      ["44 its channels are a text", { allowed_channels: "whatsapp" }, "CHANNEL_NOT_ALLOWED"],
      ["44 its channels are a set without this one", { allowed_channels: new Set(["sms"]) }, "CHANNEL_NOT_ALLOWED"],
      [
        "47 its project is inactive and it is locked",
        { project_status: "inactive", conversation_status: "processing_reply" },
        "PROJECT_INACTIVE"
      ]
    ]
    for (const [what, changes, code] of refusals) {
      it.effect(`${what}: ${code}, and nothing is staged or parked`, () =>
        Effect.gen(function* () {
          yield* seed(conversation({ ...changes }))
          assertTwiml(yield* send(), 200)
          assert.deepStrictEqual(yield* outcomes, [code])
          yield* assertNothing
        }).pipe(inStaging())
      )
    }

    it.effect("43 the log says which field it is about, and not as an error", () =>
      Effect.gen(function* () {
        yield* seed(conversation({ project_status: "inactive" }))
        const { lines } = yield* written(send())
        assert.deepInclude(
          lines.map(({ error, level }) => ({ error, level })),
          { level: "WARN", error: "PROJECT_INACTIVE: project_status is not active" }
        )
      }).pipe(inStaging())
    )

    it.effect("is locked: the customer is told so, and nothing is staged or parked", () =>
      Effect.gen(function* () {
        yield* seed(conversation({ conversation_status: "processing_reply" }))
        const answer = yield* send()
        const text = stagingCodes.CONVERSATION_LOCKED.reply.replaceAll("'", "&apos;")
        assert.strictEqual(answer.statusCode, 200)
        assert.include(answer.headers, { "Content-Type": "text/xml" })
        assert.strictEqual(
          answer.body,
          `<?xml version='1.0' encoding='UTF-8'?><Response><Message>${text}</Message></Response>`
        )
        assert.deepStrictEqual(yield* outcomes, ["CONVERSATION_LOCKED"])
        yield* assertNothing
      }).pipe(inStaging())
    )

    const passing: ReadonlyArray<readonly [what: string, changes: object]> = [
      ["44 its channels are a set with this one", { allowed_channels: new Set(["whatsapp", "email"]) }],
      ["46 its status is missing", { conversation_status: undefined }],
      ["46 its status is null", { conversation_status: null }],
      ["46 its status is another", { conversation_status: "retry" }],
      [
        "46 its reader began too long ago to be still at it",
        { conversation_status: "processing_reply", processing_started_at: new Date(now - 16 * minute).toISOString() }
      ],
      [
        "46 its reader began too long ago, in epoch seconds",
        { conversation_status: "processing_reply", processing_started_at: (now - 16 * minute) / 1000 }
      ]
    ]
    for (const [what, changes] of passing) {
      it.effect(`${what}: the message is taken`, () =>
        Effect.gen(function* () {
          yield* seed(conversation({ ...changes }))
          assertTwiml(yield* send(), 200)
          assert.deepStrictEqual(yield* outcomes, [...taken])
          assert.lengthOf(yield* staged, 1)
        }).pipe(inStaging())
      )
    }

    for (const started of [new Date(now - 15 * minute).toISOString(), now - 15 * minute, "yesterday", null]) {
      it.effect(`46 is locked while its reader may be at it, since ${String(started)}`, () =>
        Effect.gen(function* () {
          yield* seed(conversation({ conversation_status: "processing_reply", processing_started_at: started }))
          yield* send()
          assert.deepStrictEqual(yield* outcomes, ["CONVERSATION_LOCKED"])
          yield* assertNothing
        }).pipe(inStaging())
      )
    }
  })
})

describe("a message's reader", () => {
  it.layer(engines, { timeout: 30_000 })((it) => {
    const list = "auto_queue_reply_message_from_number"
    const humans: ReadonlyArray<readonly [what: string, changes: object, reason: string]> = [
      ["49 the customer is in the list", { [list]: ["+447700900001"] }, "auto_queued_sender"],
      ["49 the customer is in a set", { [list]: new Set(["+447700900001", "+447700900007"]) }, "auto_queued_sender"],
      ["49 every reply is queued", { auto_queue_reply_message: true }, "auto_queued"],
      ["52 the customer asked for one", { hand_off_to_human: true }, "user_requested"]
    ]
    for (const [what, changes, reason] of humans) {
      it.effect(`${what}: a human`, () =>
        Effect.gen(function* () {
          yield* seed(conversation({ ...changes }))
          assertTwiml(yield* send(), 200)
          const [handoff, ...others] = yield* sentTo("handoff")
          assert.isEmpty(others)
          assert.strictEqual(handoff?.delay, 0)
          assert.include(handoff?.body, {
            conversation_id: conversationId,
            primary_channel: "+447700900001",
            channel_type: "whatsapp",
            message_sid: whatsapp["MessageSid"],
            from: "whatsapp:+447700900001",
            to: "whatsapp:+447700900100",
            body: "Hello there",
            received_at: "2023-11-14T22:13:20.000Z",
            hand_off_reason: reason,
            project_status: "active",
            messages_omitted: false
          })
          assert.notProperty(handoff?.body, "channel_config")
          // Decision 9: nothing that the consumer would read later; only that it was handed over.
          assert.isEmpty(yield* staged)
          assert.isEmpty(yield* rowsOf("lock"))
          assert.isEmpty(yield* sentTo("whatsapp"))
          const [tombstone] = yield* rowsOf("stage")
          assert.include(tombstone, { state: "QUEUED", expires_at: now / 1000 + stagingDefaults.tombstoneTtlSeconds })
          assert.deepStrictEqual(yield* outcomes, ["HANDEDOFF"])
        }).pipe(inStaging())
      )
    }

    const channels: ReadonlyArray<readonly [what: string, changes: object]> = [
      ["49 the customer is not in the list", { [list]: ["+447700900003"] }],
      ["49 the list is empty", { [list]: [] }],
      ["49 the list is null", { [list]: null }],
      ["49 the list is missing", { [list]: undefined }],
      ["49 the customer's number is missing", { [list]: ["+447700900001"], recipient_tel: undefined }],
      ["49 the customer's number is null", { [list]: [null], recipient_tel: null }],
      ["50 the list of e-mails does not count here", { auto_queue_reply_message_from_email: ["+447700900001"] }],
      ["49 a flag that is no flag does not count", { auto_queue_reply_message: "true", hand_off_to_human: 1 }]
    ]
    for (const [what, changes] of channels) {
      it.effect(`${what}: the channel's consumer`, () =>
        Effect.gen(function* () {
          yield* seed(conversation({ ...changes }))
          assertTwiml(yield* send(), 200)
          assert.deepStrictEqual(yield* sentTo("whatsapp"), [trigger])
          assert.isEmpty(yield* sentTo("handoff"))
          assert.lengthOf(yield* staged, 1)
        }).pipe(inStaging())
      )
    }

    it.effect("52 the customer asked for one, but that is set not to count", () =>
      Effect.gen(function* () {
        yield* seed(conversation({ hand_off_to_human: true }))
        yield* send()
        assert.deepStrictEqual(yield* sentTo("whatsapp"), [trigger])
        assert.isEmpty(yield* sentTo("handoff"))
      }).pipe(inStaging({ honourHandoffFlag: false }))
    )

    it.effect("is nobody when the list is none: ROUTING_ERROR, and the message is parked", () =>
      Effect.gen(function* () {
        yield* seed(conversation({ [list]: "+447700900001" }))
        assertTwiml(yield* send(), 200)
        assert.deepStrictEqual(yield* outcomes, ["ROUTING_ERROR"])
        assert.isEmpty(yield* rowsOf("stage"))
        assert.include((yield* receivedFrom("parking"))[0], { cause: "ROUTING_ERROR", conversation_id: conversationId })
      }).pipe(inStaging())
    )
  })
})
