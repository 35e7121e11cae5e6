/** A message keeps the way that it was put down for, and is not refused once it was taken (contract A2, 11 and 13). */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { emailConversation, publicKey, sendMail } from "../../support/stagingMail.ts"
import { sweep } from "../../support/stagingSweep.ts"
import { assertTwiml, conversation, inStaging, later, outcomes, send } from "../../support/staging.ts"
import {
  type AwsCall,
  breaking,
  Engines,
  engines,
  mended,
  rowsOf,
  secret,
  seed,
  sentTo,
  staged
} from "../../support/stagingEngines.ts"

/** A fault of what is sent on its way, not of what is parked. */
const notParking = (_: number, { input }: AwsCall): boolean => !String(input["QueueUrl"]).includes("parking")

const failing = breaking("SendMessage", { error: "ServiceUnavailable", status: 503 }, notParking)

const delivered = (queue: "whatsapp" | "handoff") => Effect.map(sentTo(queue), (sent) => sent.length)

describe("a message whose conversation changes between two tries", () => {
  it.layer(engines, { timeout: 30_000 })((it) => {
    it.effect("13 is handed to the human that it was put down for", () =>
      Effect.gen(function* () {
        yield* seed(conversation({ hand_off_to_human: true }))
        yield* failing
        assert.strictEqual((yield* send()).statusCode, 503)
        yield* mended
        yield* seed(conversation())
        const before = yield* delivered("handoff")
        assertTwiml(yield* send(), 200)
        assert.strictEqual(yield* delivered("handoff"), before + 1)
        assert.strictEqual(yield* delivered("whatsapp"), 0)
        assert.isEmpty(yield* staged)
        assert.include(yield* sweep, { taken: 1, kept: 0, retriggered: 0 })
        assert.strictEqual(yield* delivered("handoff"), before + 1)
      }).pipe(inStaging())
    )

    it.effect("13 is read by the consumer that it was staged for, and handed to nobody", () =>
      Effect.gen(function* () {
        yield* failing
        assert.strictEqual((yield* send()).statusCode, 503)
        yield* mended
        yield* seed(conversation({ hand_off_to_human: true }))
        assertTwiml(yield* send(), 200)
        assert.lengthOf(yield* staged, 1)
        assert.strictEqual(yield* delivered("handoff"), 0)
        assert.deepStrictEqual(yield* outcomes, ["SQS_TRANSIENT_ERROR", "TRIGGERED"])
      }).pipe(inStaging())
    )

    it.effect("11 was taken, and its sender is not told to wait for the reply to it", () =>
      Effect.gen(function* () {
        assertTwiml(yield* send(), 200)
        yield* seed(conversation({ conversation_status: "processing_reply" }))
        assertTwiml(yield* send(), 200)
        assert.deepStrictEqual(yield* outcomes, ["TRIGGERED", "REPEATED"])
      }).pipe(inStaging())
    )

    it.effect("20 stays in the conversation that it was staged in", () =>
      Effect.gen(function* () {
        yield* failing
        yield* send()
        yield* mended
        yield* seed(
          conversation({ conversation_id: "ci-1#pi-1#req-2#447700900100", created_at: "2030-01-01T00:00:00Z" })
        )
        assertTwiml(yield* send(), 200)
        const triggers = yield* sentTo("whatsapp")
        assert.strictEqual(triggers.at(-1)?.body["conversation_id"], "ci-1#pi-1#req-1#447700900100")
        assert.lengthOf(yield* staged, 1)
      }).pipe(inStaging())
    )
  })
})

describe("what one tenant does", () => {
  it.layer(engines, { timeout: 30_000 })((it) => {
    it.effect("40 with a false signature costs nobody the token at hand, although the secrets are away", () =>
      Effect.gen(function* () {
        assertTwiml(yield* send(), 200)
        yield* later(60_000)
        yield* breaking("GetSecretValue", { error: "InternalServiceError", status: 500 })
        assert.strictEqual((yield* send({ token: "another" })).statusCode, 503)
        assertTwiml(yield* send(), 200)
        assert.deepStrictEqual(yield* outcomes, ["TRIGGERED", "SECRET_FETCH_TRANSIENT_ERROR", "REPEATED"])
      }).pipe(inStaging())
    )

    it.effect("does not stand in another one's way: an e-mail's id is its company's own", () =>
      Effect.gen(function* () {
        yield* seed(emailConversation())
        yield* secret("sec/mail", { sendgrid_public_key: publicKey })
        assert.strictEqual((yield* sendMail()).statusCode, 200)
        const keys = (yield* rowsOf("stage")).map((row) => String(row["conversation_id"]))
        assert.isTrue(
          keys.some((key) => /^dedupe#[^#]+@[^#]+#/.test(key)),
          "the company stands in the tombstone's key"
        )
      }).pipe(inStaging())
    )

    it.effect("70 asks the index for no more than it is sure to have", () =>
      Effect.gen(function* () {
        assertTwiml(yield* send(), 200)
        const { calls } = yield* Engines
        const query = calls.find(({ operation }) => operation === "Query")?.input as {
          readonly ExpressionAttributeNames: Readonly<Record<string, string>>
        }
        const asked = Object.entries(query.ExpressionAttributeNames).filter(([name]) => name.startsWith("#p"))
        assert.sameMembers(
          asked.map(([, attribute]) => attribute),
          ["primary_channel", "conversation_id", "channel_config"]
        )
      }).pipe(inStaging())
    )
  })
})
