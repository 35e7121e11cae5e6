/** Customers' messages as anybody may send them: answered in the provider's words, and kept only where they were signed. */
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import * as StagingLayer from "../../src/layers/Staging.ts"
import { layerOf } from "../../src/layers/Staging/Settings.ts"
import * as WebhookAuthLayer from "../../src/layers/Staging/WebhookAuth.ts"
import * as Issue from "../../src/schemas/Issue.ts"
import { ApiGatewayEvent } from "../../src/schemas/LambdaEvent.ts"
import { InboundMessage } from "../../src/schemas/Staging.ts"
import { stagingCodes } from "../../src/schemas/StagingCode.ts"
import { Conversations } from "../../src/services/Conversations.ts"
import { StageStore } from "../../src/services/StageStore.ts"
import { parse } from "../../src/services/Staging/Parsing.ts"
import { StagingQueues } from "../../src/services/StagingQueues.ts"
import { WebhookAuth } from "../../src/services/WebhookAuth.ts"
import { written } from "../support/logs.ts"
import { conversation, conversationId, deliver, now, silence, webhook } from "../support/staging.ts"
import { stagingDefaults } from "../support/stagingDefaults.ts"
import { mail, publicKey, sendMail } from "../support/stagingMail.ts"
import { token } from "../support/twilioVectors.ts"
import { assertHidden, assertIssues, canary, holds, options, timeout } from "./support/Fuzz.ts"
import { bytes, damaged, documents, parsed, several, type Spec, texts } from "./support/Hostile.ts"

const isInbound = Schema.is(InboundMessage)
const decodeEvent = Schema.decodeUnknownEither(ApiGatewayEvent)

const settings = layerOf({
  tables: { conversations: "conversations", stage: "stage", lock: "lock" },
  queueUrls: {
    whatsapp: "https://sqs.example.com/w",
    sms: "https://sqs.example.com/s",
    email: "https://sqs.example.com/e",
    handoff: "https://sqs.example.com/h"
  },
  ...stagingDefaults,
  parkingQueueUrl: Option.none(),
  invalidSignatureStatus: 403
})

const secret = JSON.stringify({ twilio_auth_token: token, sendgrid_public_key: publicKey })

/** The webhook over ports that take everything, and all that they were given. */
const world = () => {
  const kept: Array<unknown> = []
  const keep = (value: unknown): Effect.Effect<void> => Effect.sync(() => void kept.push(value))
  const found = { conversationId, credentialRef: "sec/wa" }
  const client = Object.assign(new SecretsManagerClient({ region: "eu-west-1" }), {
    send: () => Promise.resolve({ $metadata: {}, SecretString: secret })
  })
  const ports = Layer.mergeAll(
    Layer.succeed(Conversations, {
      find: () => Effect.succeed(found),
      get: () => Effect.succeed(conversation({ allowed_channels: ["whatsapp", "sms", "email"] }))
    }),
    Layer.succeed(StageStore, {
      stage: (_, message) => Effect.as(keep(message), { state: "new" as const }),
      reserve: (_, message) => Effect.as(keep(message), { state: "new" as const }),
      lease: () => Effect.succeed("leased" as const),
      giveBack: () => Effect.void,
      progress: () => Effect.succeed({ state: "new" as const }),
      claim: () => Effect.succeed("acquired" as const),
      release: () => Effect.void,
      settle: () => Effect.void,
      waiting: () => Effect.succeed([])
    }),
    Layer.succeed(StagingQueues, {
      trigger: () => Effect.void,
      handOff: keep,
      park: keep,
      parked: Effect.succeed([]),
      unpark: () => Effect.void,
      keep: () => Effect.void
    }),
    Layer.effect(WebhookAuth, WebhookAuthLayer.make(client))
  )
  return { kept, layer: StagingLayer.layer.pipe(Layer.provide(ports), Layer.provide(settings)) }
}

interface Answer {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Fails unless an answer is one that its provider understands. */
const assertAnswered = ({ body, headers, statusCode }: Answer): void => {
  assert.notStrictEqual(statusCode, 500, body)
  if (headers["Content-Type"] === "text/xml") {
    assert.include([200, 403, 503], statusCode)
    assert.match(
      body,
      /^<\?xml version='1.0' encoding='UTF-8'\?><Response>(?:<Message>[^<>]*<\/Message>)?<\/Response>$/
    )
  } else if (headers["Content-Type"] === "application/json") {
    const said = JSON.parse(body) as { readonly status: string; readonly error_code?: string }
    if (said.error_code === undefined) assert.strictEqual(said.status, "success")
    else assert.property(stagingCodes, said.error_code)
  } else assert.deepStrictEqual([statusCode, body], [200, ""])
}

const fields = FastCheck.constantFrom(
  "From",
  "To",
  "MessageSid",
  "Body",
  "AccountSid",
  "NumMedia",
  "MediaUrl0",
  "MediaContentType0",
  "MediaUrl1",
  "ProfileName",
  "MessageStatus",
  "SmsStatus",
  "Latitude",
  "ButtonText",
  "__proto__",
  "constructor",
  "toString",
  ""
)

const ids = FastCheck.oneof(
  FastCheck.constantFrom("whatsapp:+447700900001", "+447700900100", "SM1", "whatsapp:", "", "a".repeat(255), "\u0000"),
  texts.map((text) => text.replaceAll(canary, ""))
)

/** A form; what is in it is signed as it arrives, which is well-formed. */
const forms = FastCheck.tuple(
  FastCheck.dictionary(fields, FastCheck.oneof(texts, FastCheck.constant("x".repeat(100_000))), { maxKeys: 8 }),
  FastCheck.record({ From: ids, To: ids, MessageSid: ids }, { requiredKeys: ["From", "MessageSid"] })
).map(([odd, own]) =>
  Object.fromEntries(Object.entries({ ...odd, ...own }).map(([name, value]) => [name, value.toWellFormed()]))
)

const twilioPaths = FastCheck.constantFrom("/whatsapp", "/sms")

describe("a webhook of Twilio's", () => {
  it.effect.prop(
    "is kept when it is signed and can be read, whatever is in it",
    [several(FastCheck.tuple(twilioPaths, forms))],
    ([all]) =>
      Effect.gen(function* () {
        yield* TestClock.setTime(now)
        for (const [path, params] of all) {
          const { kept, layer } = world()
          const event = webhook({ path, params })
          const { exit, text } = yield* written(Effect.provide(deliver(event, 403), layer))
          const answer = yield* exit
          assertAnswered(answer)
          assertHidden("a line", text)
          assertHidden("the answer", answer.body)
          const reading = parse(path === "/sms" ? "sms" : "whatsapp", Buffer.from(event.body ?? ""))
          const isKept = Either.isRight(reading) && reading.right.isInbound
          assert.lengthOf(kept, isKept ? 1 : 0, answer.body)
          assert.isTrue(kept.every(isInbound))
          if (isKept) assert.deepInclude(answer, { statusCode: 200, body: silence })
        }
      }),
    options(0.8)
  )

  const unsigned = FastCheck.record({
    path: FastCheck.oneof(
      FastCheck.constantFrom(
        "/whatsapp",
        "/sms",
        "/email",
        "/",
        "",
        "/whatsapp/",
        "/__proto__",
        "/dev/whatsapp",
        "/a/sms"
      ),
      texts
    ),
    body: bytes(
      FastCheck.oneof(
        forms.map((form) => new URLSearchParams(form).toString()),
        documents(FastCheck.constant(mail)),
        FastCheck.constantFrom(
          "From=a&From=b&To=c&MessageSid=d",
          "&&&===%%%",
          "a=b".repeat(40_000),
          "&".repeat(100_000)
        )
      )
    ),
    signature: FastCheck.oneof(
      texts.map((text) => text.replaceAll(canary, "")),
      FastCheck.constantFrom("A".repeat(27) + "=", "", "=".repeat(28))
    ),
    method: FastCheck.constantFrom("POST", "POST", "POST", "GET", "OPTIONS", "")
  })

  it.effect.prop(
    "is not kept when nobody has signed it",
    [several(unsigned)],
    ([all]) =>
      Effect.gen(function* () {
        yield* TestClock.setTime(now)
        for (const { body, method, path, signature } of all) {
          const { kept, layer } = world()
          const event = webhook({
            path,
            signature,
            body: body.toString("base64"),
            event: { httpMethod: method, isBase64Encoded: true },
            headers: {
              "X-Twilio-Email-Event-Webhook-Signature": signature,
              "X-Twilio-Email-Event-Webhook-Timestamp": signature
            }
          })
          const { exit, text } = yield* written(Effect.provide(deliver(event, 403), layer))
          const answer = yield* exit
          assertAnswered(answer)
          assertHidden("a line", text)
          assertHidden("the answer", answer.body)
          assert.deepStrictEqual(kept, [])
        }
      }),
    options(0.8)
  )

  it.effect.prop(
    "in an event that is none of API Gateway's is refused, and in one that still is, is answered",
    [several(damaged(FastCheck.constant<Spec>(webhook())))],
    ([specs]) =>
      Effect.gen(function* () {
        yield* TestClock.setTime(now)
        for (const spec of specs) {
          const event = decodeEvent(parsed(spec))
          if (Either.isLeft(event)) assertIssues(Issue.fromParseError(event.left))
          else assertAnswered(yield* Effect.provide(deliver(event.right, 403), world().layer))
        }
      }),
    options(0.8)
  )
})

describe("an e-mail", () => {
  it.effect.prop(
    "that SendGrid has signed is kept or refused, by what is in it",
    [several(documents(FastCheck.constant(mail)), 6)],
    ([bodies]) =>
      Effect.gen(function* () {
        yield* TestClock.setTime(now)
        for (const body of bodies) {
          const { kept, layer } = world()
          const { exit, text } = yield* written(Effect.provide(sendMail({ body }), layer))
          const answer = yield* exit
          assertAnswered(answer)
          assertHidden("the answer", answer.body)
          assert.include([200, 400], answer.statusCode, answer.body)
          assert.lengthOf(kept, answer.statusCode === 200 ? 1 : 0)
          assert.isTrue(kept.every(isInbound))
          // The id of a message that was taken is what its lines are found by.
          if (kept.length === 0) assertHidden("a line", text)
        }
      }),
    options(0.8)
  )

  it("is read from any bytes, or it is said what is wrong with them", { timeout }, () => {
    holds(
      FastCheck.tuple(
        FastCheck.constantFrom("whatsapp" as const, "sms" as const, "email" as const),
        bytes(FastCheck.oneof(documents(FastCheck.constant(mail)), FastCheck.string({ unit: "binary" })))
      ),
      ([channel, body]) => {
        const reading = parse(channel, body)
        if (Either.isLeft(reading)) {
          assert.strictEqual(reading.left.code, "PARSING_ERROR")
          return assertHidden("the reason", reading.left.reason)
        }
        const { message } = reading.right
        assert.isTrue(isInbound({ ...message, received_at: "2023-11-14T22:13:20.000Z" }))
        for (const id of [message.from, message.to, message.message_sid]) {
          assert.isTrue(id !== "" && id.length <= 255 && id.isWellFormed())
        }
      },
      8
    )
  })
})
