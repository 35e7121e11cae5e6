/** Rows 71 to 74: what a human is handed, and how often. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import {
  assertTwiml,
  conversation,
  conversationId,
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
  handedOver,
  mended,
  put,
  receivedFrom,
  secret,
  seed,
  sentTo,
  staged
} from "../../support/stagingEngines.ts"
import { stagingDefaults } from "../../support/stagingDefaults.ts"
import { emailConversation, mail, publicKey, sendMail } from "../../support/stagingMail.ts"
import { sweep } from "../../support/stagingSweep.ts"

describe("what a human is handed", () => {
  it.layer(engines, { timeout: 30_000 })((it) => {
    const old = {
      body: "an old one",
      message_sid: "SM-old",
      from: "whatsapp:+447700900999",
      to: "nobody",
      channel_type: "email",
      received_at: "2020-01-01",
      conversation_id: conversationId
    }

    it.effect("71 is the message that came, whatever the record says of earlier ones", () =>
      Effect.gen(function* () {
        yield* seed(conversation({ ...old, hand_off_to_human: true }))
        yield* send()
        const [handoff] = yield* sentTo("handoff")
        assert.include(handoff?.body, {
          body: "Hello there",
          message_sid: whatsapp["MessageSid"],
          from: "whatsapp:+447700900001",
          to: "whatsapp:+447700900100",
          channel_type: "whatsapp",
          received_at: "2023-11-14T22:13:20.000Z"
        })
      }).pipe(inStaging())
    )

    it.effect("71 and so is what is staged", () =>
      Effect.gen(function* () {
        yield* seed(conversation(old))
        yield* send()
        const [row, ...others] = yield* staged
        assert.isEmpty(others)
        assert.include(row, { body: "Hello there", message_sid: whatsapp["MessageSid"], channel_type: "whatsapp" })
        assert.deepStrictEqual(yield* sentTo("whatsapp"), [trigger])
      }).pipe(inStaging())
    )

    const history = Array.from({ length: 30 }, (_, index) => ({ index, text: "x".repeat(10_000) }))
    const large = { hand_off_to_human: true, notes: "£".repeat(150_000) }

    it.effect("73 leaves the history out, and says so", () =>
      Effect.gen(function* () {
        yield* seed(
          conversation({ hand_off_to_human: true, messages: history, ai_config: { api_key_reference: "sec/ai" } })
        )
        assertTwiml(yield* send(), 200)
        const [handoff] = yield* sentTo("handoff")
        assert.include(handoff?.body, { messages_omitted: true, task_complete: 0 })
        assert.notProperty(handoff?.body, "messages")
        assert.notInclude(JSON.stringify(handoff?.body), "sec/")
        assert.isAtMost(Buffer.byteLength(JSON.stringify(handoff?.body)), 262_144)
      }).pipe(inStaging())
    )

    it.effect("73 goes by way of the bucket when it is still too large, counted in bytes", () =>
      Effect.gen(function* () {
        yield* seed(conversation(large))
        assertTwiml(yield* send(), 200)
        const [handoff] = yield* sentTo("handoff")
        const key = `handoff/ci-1%23pi-1%23req-1%23447700900100/${whatsapp["MessageSid"]}.json`
        assert.deepStrictEqual(handoff?.body, {
          conversation_id: conversationId,
          primary_channel: "+447700900001",
          channel_type: "whatsapp",
          message_sid: whatsapp["MessageSid"],
          from: "whatsapp:+447700900001",
          to: "whatsapp:+447700900100",
          body: "Hello there",
          received_at: "2023-11-14T22:13:20.000Z",
          hand_off_reason: "user_requested",
          context_location: `s3://handoff/${key}`
        })
        assert.include(yield* handedOver(key), { body: "Hello there", notes: large.notes })
      }).pipe(inStaging())
    )

    it.effect("73 goes with all but its text, where that is what is too large, and by a key that S3 takes", () =>
      Effect.gen(function* () {
        yield* seed(emailConversation({ hand_off_to_human: true }))
        yield* secret("sec/mail", { sendgrid_public_key: publicKey })
        const sid = `<${"é".repeat(200)}@example.com>`
        const body = "£".repeat(150_000)
        const answer = yield* sendMail({ body: { ...mail, email_id: sid, body } })
        assert.strictEqual(answer.statusCode, 200)
        const [handoff] = yield* sentTo("handoff")
        const location = String(handoff?.body["context_location"])
        assert.deepStrictEqual(handoff?.body, {
          conversation_id: "ci-1#pi-1#req-9#mail",
          primary_channel: mail.from_address,
          channel_type: "email",
          message_sid: sid,
          from: mail.from_address,
          to: mail.to_address,
          received_at: "2023-11-14T22:13:20.000Z",
          hand_off_reason: "user_requested",
          context_location: location
        })
        assert.match(location, /^s3:\/\/handoff\/handoff\/ci-1%23pi-1%23req-9%23mail\/[0-9a-f]{64}\.json$/)
        assert.include(yield* handedOver(location.slice("s3://handoff/".length)), { body, message_sid: sid })
      }).pipe(inStaging())
    )

    it.effect("73 is parked when it is too large and there is no bucket", () =>
      Effect.gen(function* () {
        yield* seed(conversation(large))
        assertTwiml(yield* send(), 200)
        assert.deepStrictEqual(yield* outcomes, ["SQS_PARAMETER_ERROR"])
        assert.isEmpty(yield* sentTo("handoff"))
        assert.include((yield* receivedFrom("parking"))[0], { cause: "SQS_PARAMETER_ERROR" })
      }).pipe(inStaging({ handoffBucket: Option.none() }))
    )

    it.effect("74 is handed once, however often the message comes", () =>
      Effect.gen(function* () {
        yield* seed(conversation({ hand_off_to_human: true }))
        for (let count = 0; count < 3; count += 1) assertTwiml(yield* send(), 200)
        assert.lengthOf(yield* sentTo("handoff"), 1)
        assert.deepStrictEqual(yield* outcomes, ["HANDEDOFF", "REPEATED", "REPEATED"])
        yield* send({ params: message("SM2") })
        assert.lengthOf(yield* sentTo("handoff"), 2)
      }).pipe(inStaging())
    )

    it.effect("74 is handed once by attempts that overlap: the others are told to come again", () =>
      Effect.gen(function* () {
        yield* seed(conversation({ hand_off_to_human: true }))
        const answers = yield* Effect.all(
          Array.from({ length: 10 }, () => send()),
          { concurrency: 10 }
        )
        for (const { statusCode } of answers) assert.include([200, 503], statusCode)
        assert.strictEqual(yield* depthOf("handoff"), 1)
        yield* later(8_000)
        assertTwiml(yield* send(), 200)
        const { kept, taken } = yield* sweep
        assert.deepStrictEqual([kept, taken], [0, answers.filter(({ statusCode }) => statusCode === 503).length])
        assert.strictEqual(yield* depthOf("handoff"), 1)
      }).pipe(inStaging())
    )

    it.effect("74 is handed by the next attempt when the one before died, once its lease is over", () =>
      Effect.gen(function* () {
        yield* seed(conversation({ hand_off_to_human: true }))
        yield* put("stage", {
          conversation_id: `dedupe#${whatsapp["MessageSid"]}`,
          message_sid: whatsapp["MessageSid"] ?? "",
          state: "STAGED",
          staged_conversation_id: conversationId,
          channel_type: "whatsapp",
          hand_off_reason: "user_requested",
          sending_by: "another attempt",
          sending_until: now + 8_000,
          expires_at: now / 1000 + stagingDefaults.tombstoneTtlSeconds
        })
        yield* later(7_999)
        assertTwiml(yield* send(), 503)
        assert.isEmpty(yield* sentTo("handoff"))
        assert.strictEqual(yield* depthOf("parking"), 1)
        yield* later(1)
        assertTwiml(yield* send(), 200)
        assert.include(yield* sweep, { taken: 1 })
        assert.lengthOf(yield* sentTo("handoff"), 1)
        assert.deepStrictEqual(yield* outcomes, ["STAGE_DB_TRANSIENT_ERROR", "HANDEDOFF"])
      }).pipe(inStaging())
    )

    it.effect("74 is handed at once by an attempt that was not told that it has it to send", () =>
      Effect.gen(function* () {
        yield* seed(conversation({ hand_off_to_human: true }))
        yield* breaking("PutItem", "answerLost", (nth) => nth === 1)
        assertTwiml(yield* send(), 200)
        assert.strictEqual(yield* depthOf("handoff"), 1)
        assertTwiml(yield* send(), 200)
        assert.deepStrictEqual(yield* outcomes, ["HANDEDOFF", "REPEATED"])
      }).pipe(inStaging())
    )

    it.effect("74 is handed with the retry when the queue was away", () =>
      Effect.gen(function* () {
        yield* seed(conversation({ hand_off_to_human: true }))
        yield* breaking("SendMessage", { error: "ServiceUnavailable", status: 503 })
        assertTwiml(yield* send(), 503)
        yield* mended
        assertTwiml(yield* send(), 200)
        assertTwiml(yield* send(), 200)
        assert.strictEqual(yield* depthOf("handoff"), 1)
        assert.deepStrictEqual(yield* outcomes, ["SQS_TRANSIENT_ERROR", "HANDEDOFF", "REPEATED"])
      }).pipe(inStaging())
    )
  })
})
