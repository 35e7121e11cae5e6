/** Staging's course over real engines: rows 1 to 13, messages as Twilio sends them. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import {
  accountSid,
  assertTwiml,
  conversation,
  conversationId,
  counted,
  deliver,
  formOf,
  inStaging,
  message,
  now,
  outcomes,
  send,
  trigger,
  webhook,
  whatsapp
} from "../support/staging.ts"
import {
  engines,
  operations,
  put,
  rowsOf,
  secret,
  seed,
  sentTo,
  staged,
  type AwsCall,
  Engines
} from "../support/stagingEngines.ts"
import { bodies, domainName, signatures, token } from "../support/twilioVectors.ts"

/** Fails unless the contract's first message is staged, and its reader told once. */
const assertTaken = Effect.gen(function* () {
  const rows = yield* staged
  assert.lengthOf(rows, 1)
  assert.include(rows[0], { message_sid: whatsapp["MessageSid"], body: "Hello there" })
  assert.deepStrictEqual(yield* sentTo("whatsapp"), [trigger])
  assert.deepStrictEqual(yield* outcomes, ["TRIGGERED"])
})

const callOf = (operation: string) =>
  Effect.map(Engines, ({ calls }): AwsCall["input"] => calls.find((call) => call.operation === operation)?.input ?? {})

/** An event at another domain, as API Gateway writes it. */
const at = (domain: string, path: string) => ({
  path,
  requestContext: { domainName: domain, path, stage: "dev", requestId: "req-1", identity: { sourceIp: "203.0.113.10" } }
})

describe("a message", () => {
  it.layer(engines, { timeout: 30_000 })((it) => {
    it.effect("1 is staged, and its reader is told once, after the window", () =>
      Effect.gen(function* () {
        const event = webhook({ body: bodies.WA })
        assert.include(event.headers, { "X-Twilio-Signature": signatures.V1 })
        const answer = yield* deliver(event)
        assertTwiml(answer, 200)
        assert.include(answer.headers, {
          "Access-Control-Allow-Origin": "*",
          "Access-Control-Allow-Headers": "Content-Type,X-Twilio-Signature,Accept,User-Agent",
          "Access-Control-Allow-Methods": "OPTIONS,POST"
        })
        assert.deepStrictEqual(yield* staged, [
          {
            conversation_id: conversationId,
            message_sid: "SM00000000000000000000000000000001",
            primary_channel: "+447700900001",
            channel_type: "whatsapp",
            account_sid: accountSid,
            from: "whatsapp:+447700900001",
            to: "whatsapp:+447700900100",
            body: "Hello there",
            num_media: 0,
            media: [],
            profile_name: "Test User",
            message_type: "text",
            received_at: "2023-11-14T22:13:20.000Z",
            expires_at: 1_700_000_000 + 259_200
          }
        ])
        assert.deepStrictEqual(yield* rowsOf("lock"), [
          {
            conversation_id: conversationId,
            owner_sid: "SM00000000000000000000000000000001",
            state: "QUEUED",
            trigger_at: 1_700_000_010_000,
            expires_at: 1_700_000_070
          }
        ])
        assert.deepStrictEqual(yield* sentTo("whatsapp"), [trigger])
        for (const queue of ["sms", "email", "handoff", "parking"] as const) assert.isEmpty(yield* sentTo(queue))
        assert.strictEqual(yield* counted("StagingOutcomes"), 1)
      }).pipe(inStaging())
    )

    it.effect("1 is looked up by both numbers, and its conversation by its key", () =>
      Effect.gen(function* () {
        yield* send()
        const query = yield* callOf("Query")
        assert.strictEqual(query["IndexName"], "company-whatsapp-number-recipient-tel-index")
        assert.deepStrictEqual(query["ExpressionAttributeValues"], {
          ":company": { S: "+447700900100" },
          ":customer": { S: "+447700900001" }
        })
        assert.deepStrictEqual((yield* callOf("GetItem"))["Key"], {
          primary_channel: { S: "+447700900001" },
          conversation_id: { S: conversationId }
        })
      }).pipe(inStaging())
    )

    it.effect("1 Decision 9: takes six calls, and one more for the first message's token", () =>
      Effect.gen(function* () {
        const course = ["GetItem", "TransactWriteItems", "PutItem", "SendMessage", "TransactWriteItems"]
        yield* send()
        assert.deepStrictEqual(yield* operations, ["Query", "GetSecretValue", ...course])
        const { calls } = yield* Engines
        calls.length = 0
        yield* seed(
          conversation({
            conversation_id: "ci-2",
            primary_channel: "+447700900009",
            gsi_recipient_tel: "+447700900009",
            recipient_tel: "+447700900009"
          })
        )
        yield* send({ params: message("SM2", { From: "whatsapp:+447700900009" }) })
        assert.deepStrictEqual(yield* operations, ["Query", ...course])
      }).pipe(inStaging())
    )

    it.effect("2 joins a live lock: it is staged, and nobody is told again", () =>
      Effect.gen(function* () {
        const lock = {
          conversation_id: conversationId,
          owner_sid: "SM0",
          state: "QUEUED",
          trigger_at: now + 8_000,
          expires_at: now / 1000 + 68
        }
        yield* put("lock", lock)
        assertTwiml(yield* send(), 200)
        assert.lengthOf(yield* staged, 1)
        assert.isEmpty(yield* sentTo("whatsapp"))
        assert.deepStrictEqual(yield* rowsOf("lock"), [lock])
        assert.deepStrictEqual(yield* outcomes, ["JOINED"])
      }).pipe(inStaging())
    )

    it.effect("4 may be signed with the port", () =>
      Effect.gen(function* () {
        assertTwiml(yield* send({ body: bodies.WA, signature: signatures.V2 }), 200)
        yield* assertTaken
      }).pipe(inStaging())
    )

    it.effect("5 may come by a domain of ours", () =>
      Effect.gen(function* () {
        const event = at("hooks.example.com", "/whatsapp")
        assertTwiml(yield* send({ body: bodies.WA, signature: signatures.V3, event }), 200)
        yield* assertTaken
      }).pipe(inStaging())
    )

    it.effect("5 may come by a base path, with a query", () =>
      Effect.gen(function* () {
        const event = {
          ...at("hooks.example.com", "/replies/whatsapp"),
          queryStringParameters: { tenant: "acme", env: "dev" },
          multiValueQueryStringParameters: { tenant: ["acme"], env: ["dev"] }
        }
        assertTwiml(yield* send({ body: bodies.WA, signature: signatures.V4, event }), 200)
        yield* assertTaken
      }).pipe(inStaging())
    )

    it.effect("7 comes by SMS, with blank fields and numbers without a prefix", () =>
      Effect.gen(function* () {
        yield* seed({
          ...conversation({ primary_channel: "+447700900002", conversation_id: "ci-1#pi-1#req-2#447700900200" }),
          gsi_company_whatsapp_number: undefined,
          gsi_company_sms_number: "+447700900200",
          gsi_recipient_tel: "+447700900002",
          channel_config: { sms_credentials_id: "sec/sms" }
        })
        yield* secret("sec/sms", { twilio_account_sid: accountSid, twilio_auth_token: token })
        assertTwiml(yield* send({ path: "/sms", params: formOf(bodies.SMS) }), 200)
        const [row] = yield* staged
        assert.include(row, { primary_channel: "+447700900002", body: "SMS reply", channel_type: "sms" })
        assert.deepStrictEqual(yield* sentTo("sms"), [
          {
            body: { conversation_id: "ci-1#pi-1#req-2#447700900200", primary_channel: "+447700900002" },
            delay: 10
          }
        ])
        assert.isEmpty(yield* sentTo("whatsapp"))
        assert.strictEqual((yield* callOf("Query"))["IndexName"], "company-sms-number-recipient-tel-index")
        assert.strictEqual((yield* callOf("GetSecretValue"))["SecretId"], "sec/sms")
      }).pipe(inStaging())
    )

    it.effect("8 may be a picture without a word", () =>
      Effect.gen(function* () {
        assertTwiml(yield* send({ params: formOf(bodies.MEDIA) }), 200)
        const [row] = yield* staged
        assert.strictEqual(row?.["body"], "")
        assert.strictEqual(row?.["num_media"], 1)
        assert.deepStrictEqual(row?.["media"], [
          {
            url: "https://api.twilio.com/2010-04-01/Accounts/AC00000000000000000000000000000001/Messages/MM00000000000000000000000000000003/Media/ME00000000000000000000000000000001",
            content_type: "image/jpeg"
          }
        ])
        assert.deepStrictEqual(yield* sentTo("whatsapp"), [trigger])
      }).pipe(inStaging())
    )

    it.effect("10 is signed over its fields in the order of their code units", () =>
      Effect.gen(function* () {
        assertTwiml(yield* send({ params: formOf(bodies.ORD) }), 200)
        const [row] = yield* staged
        assert.include(row, { message_sid: "SM00000000000000000000000000000005", body: "hi" })
      }).pipe(inStaging())
    )

    it.effect("10 keeps blanks, signs and emoji as they were sent", () =>
      Effect.gen(function* () {
        assertTwiml(yield* send({ params: formOf(bodies.UNI) }), 200)
        const [row] = yield* staged
        assert.strictEqual(row?.["body"], "  2+2=4 & 50% £5 — naïve 😀\nline two  ")
      }).pipe(inStaging())
    )

    it.effect("11 may be in base64", () =>
      Effect.gen(function* () {
        const body = Buffer.from(bodies.WA).toString("base64")
        assertTwiml(yield* send({ body, event: { isBase64Encoded: true } }), 200)
        yield* assertTaken
      }).pipe(inStaging())
    )

    it.effect("13 has its headers in the map of several values alone, in any case", () =>
      Effect.gen(function* () {
        const multiValueHeaders = { host: [domainName], "x-tWILIO-sIGNATURE": [signatures.V1] }
        assertTwiml(yield* send({ body: bodies.WA, event: { headers: null, multiValueHeaders } }), 200)
        yield* assertTaken
      }).pipe(inStaging())
    )

    it.effect("13 has its headers in the map of single values alone", () =>
      Effect.gen(function* () {
        assertTwiml(yield* send({ body: bodies.WA, event: { multiValueHeaders: null } }), 200)
        yield* assertTaken
      }).pipe(inStaging())
    )

    it.effect("may ask first, as browsers do, and be told that it may", () =>
      Effect.gen(function* () {
        const answer = yield* send({ event: { httpMethod: "OPTIONS" } })
        assert.strictEqual(answer.statusCode, 200)
        assert.include(answer.headers, { "Access-Control-Allow-Methods": "OPTIONS,POST" })
        assert.isEmpty(yield* operations)
      }).pipe(inStaging())
    )
  })
})
