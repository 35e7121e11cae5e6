/** A2, 30: nothing that is written holds a number, an address, a text, a token or a signature, whatever happens. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as StagingLayer from "../../../src/layers/Staging.ts"
import { Conversations } from "../../../src/services/Conversations.ts"
import { type Line, written } from "../../support/logs.ts"
import {
  conversation,
  formOf,
  impatient,
  inStaging,
  message,
  now,
  send,
  type Sent,
  webhook,
  whatsapp
} from "../../support/staging.ts"
import {
  breaking,
  type Engines,
  engines,
  enqueue,
  type Fault,
  mended,
  put,
  secret,
  seed
} from "../../support/stagingEngines.ts"
import { emailConversation, mail, publicKey, sendMail } from "../../support/stagingMail.ts"
import { nothing, parked, parking, sweep } from "../../support/stagingSweep.ts"
import { bodies, signatures, token } from "../../support/twilioVectors.ts"

/** What nobody may read in a line. */
const hidden: ReadonlyArray<string | RegExp> = [
  /4477009\d{5}/,
  "Hello",
  "Test User",
  "line two",
  "person@example.com",
  "company@example.com",
  "ME00000000000000000000000000000001",
  token,
  publicKey,
  "secret text",
  /[A-Za-z0-9+/]{27}=/,
  ...Object.values(signatures)
]

const assertHidden = (text: string): void => {
  for (const one of hidden) {
    const found = typeof one === "string" ? text.includes(one) : one.test(text)
    assert.isFalse(found, `${String(one)} is shown: ${text}`)
  }
}

/** Everything that a case wrote; each line is as documented, or `written` fails. */
const scanned = <E, R>(effect: Effect.Effect<unknown, E, R>) =>
  Effect.gen(function* () {
    const { exit, lines, text } = yield* written(impatient(effect))
    assert.isTrue(Exit.isSuccess(exit), String(exit))
    assert.isNotEmpty(lines)
    assertHidden(text)
    return lines
  })

/** With every line that there can be. */
const closely = Logger.withMinimumLogLevel(LogLevel.Debug)

type Case = Effect.Effect<unknown, unknown, Engines | Layer.Layer.Success<typeof StagingLayer.layer>>

const changed = (changes: object, sent: Sent = {}) => Effect.zipRight(seed(conversation({ ...changes })), send(sent))

const failing = (operation: string, fault: Fault) => Effect.zipRight(breaking(operation, fault), send())

const hostile = "+447700900001 wrote Hello there"

const cases: Readonly<Record<string, Case>> = {
  "is taken": send(),
  "is taken twice": Effect.zipRight(send(), send()),
  "is a picture": send({ params: formOf(bodies.MEDIA) }),
  "is in many letters": send({ params: formOf(bodies.UNI) }),
  "has no signature": send({ signature: null }),
  "has a wrong signature": send({ signature: signatures.V3 }),
  "is of another account": send({ params: { ...whatsapp, AccountSid: "AC2" } }),
  "cannot be read": send({ body: "From=whatsapp%3A%2B447700900001&Body=Hello" }),
  "has two senders": send({ body: `${bodies.WA}&From=%2B447700900002` }),
  "goes to no channel": send({ path: "/447700900001" }),
  "is a report": send({ params: { ...whatsapp, MessageStatus: "delivered" } }),
  "is nobody's": send({ params: { ...whatsapp, From: "whatsapp:+447700900555" } }),
  "names its caller by a number": send({
    headers: {
      "I-Twilio-Idempotency-Token": "+447700900001",
      "User-Agent": "person@example.com whatsapp:+447700900001"
    },
    signature: null
  }),
  "is refused": changed({ project_status: hostile }),
  "is locked out": changed({ conversation_status: "processing_reply", processing_started_at: hostile }),
  "goes to nobody": changed({ auto_queue_reply_message_from_number: hostile }),
  "goes to a human": changed({ hand_off_to_human: true, messages: [{ text: hostile }] }),
  "goes to a human by way of the bucket": changed({ hand_off_to_human: true, notes: hostile.repeat(10_000) }),
  "has a secret that is not JSON": Effect.zipRight(secret("sec/wa", "secret text"), send()),
  "has a secret without a token": Effect.zipRight(secret("sec/wa", { other: "secret text" }), send()),
  "is one of two conversations": Effect.zipRight(
    seed(conversation({ conversation_id: "ci-1#pi-1#req-0#447700900100" })),
    send()
  ),
  ...Object.fromEntries(
    ["Query", "GetSecretValue", "GetItem", "TransactWriteItems", "PutItem", "SendMessage"].flatMap((operation) =>
      (
        [
          { error: "ValidationException" },
          { error: "InternalServerError", status: 500 },
          { error: "Error", code: "ECONNRESET" },
          "answerLost"
        ] as const
      ).map((fault): readonly [string, Case] => [
        `meets a fault of ${operation}: ${JSON.stringify(fault)}`,
        failing(operation, fault)
      ])
    )
  )
}

const inMail = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.all([seed(emailConversation()), secret("sec/mail", { sendgrid_public_key: publicKey })]).pipe(
    Effect.zipRight(effect)
  )

const mails: Readonly<Record<string, Case>> = {
  "is taken": sendMail(),
  "is nobody's": sendMail({ body: { ...mail, to_address: "nobody@example.com" } }),
  "is not believed": sendMail({ at: "1600000000" }),
  "cannot be read": sendMail({ body: { ...mail, body: null } }),
  "is not JSON": sendMail({ body: "Hello person@example.com" }),
  "is parked": Effect.zipRight(breaking("GetItem", { error: "AccessDeniedException" }), sendMail())
}

const levels = (lines: ReadonlyArray<Line>) =>
  lines.map(({ level, message: text }) => `${String(level)} ${String(text)}`)

describe("what is written of a message", () => {
  it.layer(engines, { timeout: 30_000 })((it) => {
    for (const [what, one] of Object.entries(cases)) {
      it.effect(`that ${what} shows nothing of it`, () => scanned(closely(one)).pipe(inStaging()))
    }

    for (const [what, one] of Object.entries(mails)) {
      it.effect(`of an e-mail that ${what} shows nothing of it`, () => scanned(closely(inMail(one))).pipe(inStaging()))
    }

    it.effect("that cannot be parked shows nothing of it", () =>
      scanned(failing("GetItem", { error: "AccessDeniedException" })).pipe(
        inStaging({ parkingQueueUrl: Option.none() })
      )
    )

    it.effect("that meets a mistake in the code shows where, and nothing of it", () =>
      Effect.gen(function* () {
        const real = yield* Conversations
        const broken = { ...real, get: () => Effect.die(new TypeError(`cannot read ${hostile}`)) }
        const world = Layer.provideMerge(StagingLayer.layer, Layer.succeed(Conversations, broken))
        const lines = yield* scanned(Effect.provide(send(), world))
        const defect = lines.find((line) => line["defect"] === true)
        assert.include(defect, { error: "TypeError", level: "ERROR" })
        assert.isNotEmpty(defect?.["stack"])
      }).pipe(inStaging())
    )

    it.effect("14 that is not believed is a security event, critical, with who sent it", () =>
      Effect.gen(function* () {
        const lines = yield* scanned(send({ signature: signatures.V3 }))
        assert.deepStrictEqual(
          lines.filter(({ event_type: type }) => type === "security_event"),
          [
            {
              timestamp: new Date(now).toISOString(),
              level: "ERROR",
              message: "a webhook was not believed: the signature does not fit",
              correlationId: "11111111-2222-3333-4444-555555555555",
              event_type: "security_event",
              severity: "CRITICAL",
              description: "INVALID_SIGNATURE",
              source_ip: "203.0.113.10",
              user_agent: "TwilioProxy/1.1"
            }
          ]
        )
      }).pipe(inStaging())
    )

    it.effect("is one line when all goes well, under the id that Twilio gives all of its tries", () =>
      Effect.gen(function* () {
        const lines = yield* scanned(send())
        assert.deepStrictEqual(levels(lines), ["INFO a message was taken: triggered"])
        assert.strictEqual(lines[0]?.["correlationId"], webhook().headers?.["I-Twilio-Idempotency-Token"])
      }).pipe(inStaging())
    )
  })
})

describe("what is written of a run of the sweeper", () => {
  it.layer(engines, { timeout: 30_000 })((it) => {
    const row = {
      conversation_id: "ci-1#pi-1#req-1#447700900100",
      message_sid: "SM1",
      primary_channel: "+447700900001",
      channel_type: "whatsapp",
      body: "Hello there",
      received_at: new Date(now - 60_000).toISOString(),
      expires_at: now / 1000 + 60
    }
    const finds: Readonly<Record<string, Effect.Effect<unknown, never, Engines>>> = {
      nothing: Effect.void,
      "a parked message": parking(),
      "a parked message that is refused": Effect.zipRight(seed(conversation({ project_status: hostile })), parking()),
      "a parked message that stays": Effect.zipRight(
        breaking("TransactWriteItems", { error: "ThrottlingException" }),
        parking()
      ),
      "a parked message that cannot be read": enqueue("parking", JSON.stringify({ ...parked(), cause: hostile })),
      "a message that waits": put("stage", row),
      "a message that waits, and a queue that is away": Effect.zipRight(
        breaking("SendMessage", { error: "AccessDenied" }),
        put("stage", row)
      )
    }
    for (const [what, found] of Object.entries(finds)) {
      it.effect(`that finds ${what} shows nothing of it`, () =>
        Effect.gen(function* () {
          yield* found
          const lines = yield* scanned(sweep)
          const operations = lines.flatMap(({ operation }) => operation ?? [])
          assert.deepStrictEqual(operations, ["stagingSweep_START", "stagingSweep_SUCCESS"])
        }).pipe(inStaging())
      )
    }

    it.effect("that fails shows nothing of it", () =>
      Effect.gen(function* () {
        yield* put("stage", row)
        yield* breaking("Scan", { error: "ValidationException" })
        const lines = yield* scanned(Effect.flip(sweep))
        assert.deepInclude(
          lines.map(({ code, operation }) => ({ code, operation })),
          { code: "STAGE_DB_VALIDATION_ERROR", operation: "stagingSweep_FAILURE" }
        )
        yield* mended
        yield* put("lock", {
          conversation_id: row.conversation_id,
          state: "QUEUED",
          trigger_at: now * 2,
          expires_at: now
        })
        assert.deepStrictEqual(yield* sweep, nothing)
      }).pipe(inStaging())
    )
  })
})

describe("the check of what is written", () => {
  it("finds each of these", () => {
    for (const text of [hostile, `x${token}x`, signatures.V1, "to company@example.com", bodies.WA]) {
      assert.throws(() => assertHidden(text))
    }
    assertHidden(message("SM1").MessageSid ?? "")
  })
})
