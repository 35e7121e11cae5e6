/** Rows 26, 44 and 50, and Decision 7: e-mails by SendGrid, signed over the bytes that it sends. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { impatient, inStaging, later, now, outcomes } from "../../support/staging.ts"
import {
  breaking,
  depthOf,
  Engines,
  engines,
  mended,
  operations,
  receivedFrom,
  rowsOf,
  secret,
  seed,
  sentTo,
  staged
} from "../../support/stagingEngines.ts"
import { emailConversation, type Mail, mail, others, publicKey, sendMail } from "../../support/stagingMail.ts"

/** The tenant with its key in the secret, and its conversation. */
const inMail = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    yield* seed(emailConversation())
    yield* secret("sec/mail", { sendgrid_public_key: publicKey })
    const { calls } = yield* Engines
    calls.length = 0
    return yield* effect
  }).pipe(inStaging())

const assertJson = (answer: { statusCode: number; headers: object; body: string }, status: number, body: object) => {
  assert.strictEqual(answer.statusCode, status)
  assert.include(answer.headers, { "Content-Type": "application/json", "Access-Control-Allow-Origin": "*" })
  assert.deepInclude(JSON.parse(answer.body), body)
}

const assertError = (answer: { statusCode: number; headers: object; body: string }, status: number, code: string) =>
  assertJson(answer, status, { status: "error", error_code: code })

const assertNothing = Effect.gen(function* () {
  assert.isEmpty(yield* rowsOf("stage"))
  assert.isEmpty(yield* sentTo("email"))
  assert.strictEqual(yield* depthOf("parking"), 0)
})

const success = { status: "success", message: "Email received" }

describe("an e-mail", () => {
  it.layer(engines, { timeout: 30_000 })((it) => {
    it.effect("Decision 7: is staged and routed like every message", () =>
      Effect.gen(function* () {
        assertJson(yield* sendMail(), 200, success)
        const [row, ...more] = yield* staged
        assert.isEmpty(more)
        assert.include(row, {
          conversation_id: "ci-1#pi-1#req-9#mail",
          message_sid: "email-1",
          primary_channel: "person@example.com",
          channel_type: "email",
          body: mail.body,
          received_at: "2023-11-14T22:13:20.000Z"
        })
        assert.deepStrictEqual(yield* sentTo("email"), [
          {
            body: { conversation_id: "ci-1#pi-1#req-9#mail", primary_channel: "person@example.com" },
            delay: 10
          }
        ])
        const { calls } = yield* Engines
        const query = calls.find(({ operation }) => operation === "Query")?.input
        assert.strictEqual(query?.["IndexName"], "company-email-recipient-email-index")
        assertJson(yield* sendMail(), 200, success)
        assert.deepStrictEqual(yield* outcomes, ["TRIGGERED", "REPEATED"])
      }).pipe(inMail)
    )

    it.effect("Decision 7: may be in base64: the bytes are what is signed", () =>
      Effect.gen(function* () {
        assertJson(yield* sendMail({ base64: true }), 200, success)
        assert.lengthOf(yield* staged, 1)
      }).pipe(inMail)
    )

    it.effect("that neither a row nor a queue holds stays its sender's: 503, and nothing is kept of it", () =>
      Effect.gen(function* () {
        assertError(yield* sendMail({ body: { ...mail, body: "x".repeat(1_100_000) } }), 503, "SQS_TRANSIENT_ERROR")
        yield* assertNothing
      }).pipe(inMail)
    )

    it.effect("may have an id and a recipient as long as keys may be", () =>
      Effect.gen(function* () {
        const longest = "é".repeat(500)
        yield* seed(emailConversation({ gsi_company_email: longest }))
        assertJson(yield* sendMail({ body: { ...mail, to_address: longest, email_id: longest } }), 200, success)
        assert.strictEqual((yield* staged)[0]?.["message_sid"], longest)
      }).pipe(inMail)
    )

    it.effect("may say nothing at all", () =>
      Effect.gen(function* () {
        assertJson(yield* sendMail({ body: { ...mail, body: "" } }), 200, success)
        assert.strictEqual((yield* staged)[0]?.["body"], "")
      }).pipe(inMail)
    )

    const unreadable: ReadonlyArray<readonly [what: string, body: object | string, field: string]> = [
      ["has a body that is null", { ...mail, body: null }, "body"],
      ["has no body", { ...mail, body: undefined }, "body"],
      ["has no id", { ...mail, email_id: undefined }, "email_id"],
      ["has an empty id", { ...mail, email_id: "" }, "email_id"],
      ["has no sender", { ...mail, from_address: undefined }, "from_address"],
      ["has a sender that is no text", { ...mail, from_address: 7 }, "from_address"],
      ["has no recipient", { ...mail, to_address: null }, "to_address"],
      ["has an id too long for a key", { ...mail, email_id: "é".repeat(501) }, "email_id"],
      ["is no object", "[]", ""],
      ["is not JSON", "from_address=person@example.com", ""],
      ["is empty", "", ""]
    ]
    for (const [what, body, field] of unreadable) {
      it.effect(`26 ${what}: PARSING_ERROR, 400, and nothing is asked for`, () =>
        Effect.gen(function* () {
          const answer = yield* sendMail({ body })
          assertError(answer, 400, "PARSING_ERROR")
          assert.include(JSON.parse(answer.body).message, field)
          assert.notInclude(answer.body, "person@example.com")
          assert.notInclude(answer.body, "Hello")
          assert.isEmpty(yield* operations)
        }).pipe(inMail)
      )
    }

    const before: ReadonlyArray<readonly [what: string, mail: Mail]> = [
      ["has no signature", { headers: { "X-Twilio-Email-Event-Webhook-Signature": undefined } }],
      ["has no time of its signature", { headers: { "X-Twilio-Email-Event-Webhook-Timestamp": undefined } }]
    ]
    for (const [what, sent] of before) {
      it.effect(`Decision 7: ${what}: 403 before anything is asked for`, () =>
        Effect.gen(function* () {
          const answer = yield* sendMail(sent)
          assertError(answer, 403, "INVALID_SIGNATURE")
          assert.deepStrictEqual(JSON.parse(answer.body).message, "INVALID_SIGNATURE")
          assert.isEmpty(yield* operations)
        }).pipe(inMail)
      )
    }

    const disbelieved: ReadonlyArray<readonly [what: string, mail: Mail]> = [
      ["was signed with another key", { by: others.privateKey }],
      ["was signed more than five minutes ago", { at: String(now / 1000 - 301) }],
      ["was signed more than five minutes from now", { at: String(now / 1000 + 301) }],
      ["has another time than was signed", { headers: { "X-Twilio-Email-Event-Webhook-Timestamp": "1700000001" } }],
      ["was altered", { arrives: JSON.stringify({ ...mail, body: "Bye" }) }],
      ["was written anew", { arrives: JSON.stringify(mail, null, 1) }],
      [
        "has a signature of Twilio's form",
        { headers: { "X-Twilio-Email-Event-Webhook-Signature": "nAh0fwOPSONNPvgKs2oH/NiJK4U=" } }
      ],
      ["has a time that is none", { at: "now" }]
    ]
    for (const [what, sent] of disbelieved) {
      it.effect(`Decision 7: ${what}: 403, and nothing is read or written`, () =>
        Effect.gen(function* () {
          assertError(yield* sendMail(sent), 403, "INVALID_SIGNATURE")
          assert.notInclude(yield* operations, "GetItem")
          yield* assertNothing
        }).pipe(inMail)
      )
    }

    for (const at of [now / 1000 - 300, now / 1000 + 300]) {
      it.effect(`Decision 7: was signed ${at - now / 1000} s from now: it is believed`, () =>
        Effect.gen(function* () {
          assertJson(yield* sendMail({ at: String(at) }), 200, success)
        }).pipe(inMail)
      )
    }

    const keys: ReadonlyArray<readonly [what: string, value: object]> = [
      ["has no key", { twilio_auth_token: "0123456789abcdef0123456789abcdef" }],
      ["has a key not filled in", { sendgrid_public_key: "PLEASE_UPDATE" }],
      ["has a key that is none", { sendgrid_public_key: Buffer.from("hello").toString("base64") }],
      ["has an empty key", { sendgrid_public_key: "" }]
    ]
    for (const [what, value] of keys) {
      it.effect(`Decision 7: the secret ${what}: SECRET_FETCH_FAILED, never a pass`, () =>
        Effect.gen(function* () {
          yield* secret("sec/mail", { ...value })
          assertError(yield* sendMail(), 500, "SECRET_FETCH_FAILED")
          yield* assertNothing
        }).pipe(inMail)
      )
    }

    it.effect("40 the key was exchanged: it is fetched once more", () =>
      Effect.gen(function* () {
        yield* sendMail()
        const der = others.publicKey.export({ format: "der", type: "spki" }).toString("base64")
        yield* secret("sec/mail", { sendgrid_public_key: der })
        yield* later(60_000)
        assertJson(yield* sendMail({ body: { ...mail, email_id: "email-2" }, by: others.privateKey }), 200, success)
        assert.lengthOf(yield* staged, 2)
      }).pipe(inMail)
    )

    const refused: ReadonlyArray<readonly [what: string, changes: object, status: number, code: string]> = [
      ["44 its channel is not allowed", { allowed_channels: ["whatsapp", "sms"] }, 403, "CHANNEL_NOT_ALLOWED"],
      ["43 its project is inactive", { project_status: "inactive" }, 403, "PROJECT_INACTIVE"],
      ["its conversation is locked", { conversation_status: "processing_reply" }, 409, "CONVERSATION_LOCKED"]
    ]
    for (const [what, changes, status, code] of refused) {
      it.effect(`${what}: ${code}, ${status}, and nothing is staged or parked`, () =>
        Effect.gen(function* () {
          yield* seed(emailConversation(changes))
          assertError(yield* sendMail(), status, code)
          yield* assertNothing
        }).pipe(inMail)
      )
    }

    it.effect("28 is nobody's: 404", () =>
      Effect.gen(function* () {
        assertError(yield* sendMail({ body: { ...mail, to_address: "x@example.com" } }), 404, "CONVERSATION_NOT_FOUND")
        yield* assertNothing
      }).pipe(inMail)
    )

    const list = "auto_queue_reply_message_from_email"
    const readers: ReadonlyArray<readonly [what: string, changes: object, queue: "email" | "handoff"]> = [
      ["in the list", { [list]: ["person@example.com"] }, "handoff"],
      ["not in the list", { [list]: ["other@example.com"] }, "email"],
      ["missing", { [list]: ["person@example.com"], recipient_email: undefined }, "email"],
      ["on no list, as it is null", { [list]: null }, "email"],
      ["in the list of numbers", { auto_queue_reply_message_from_number: ["person@example.com"] }, "email"]
    ]
    for (const [what, changes, queue] of readers) {
      it.effect(`50 the sender is ${what}: the queue is ${queue}`, () =>
        Effect.gen(function* () {
          yield* seed(emailConversation(changes))
          assertJson(yield* sendMail(), 200, success)
          assert.lengthOf(yield* sentTo("email"), queue === "email" ? 1 : 0)
          assert.lengthOf(yield* sentTo("handoff"), queue === "handoff" ? 1 : 0)
        }).pipe(inMail)
      )
    }

    it.effect("Decision 6: is parked when something is in its way, and told by status", () =>
      Effect.gen(function* () {
        yield* breaking("GetItem", { error: "ThrottlingException" })
        assertError(yield* impatient(sendMail()), 503, "DB_TRANSIENT_ERROR")
        yield* mended
        yield* breaking("GetItem", { error: "AccessDeniedException" })
        assertError(yield* sendMail({ body: { ...mail, email_id: "email-2" } }), 500, "DB_CONFIG_ERROR")
        yield* mended
        assert.deepStrictEqual(
          (yield* receivedFrom("parking")).map(({ cause }) => cause),
          ["DB_TRANSIENT_ERROR", "DB_CONFIG_ERROR"]
        )
      }).pipe(inMail)
    )
  })
})
