/** Staging over real engines, and the webhooks that come to it. */
import { assert } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import twilio from "twilio/lib/webhooks/webhooks.js"
import { handle } from "../../src/handlers/Staging.ts"
import * as StagingLayer from "../../src/layers/Staging.ts"
import * as ConversationsLayer from "../../src/layers/Staging/Conversations.ts"
import * as QueuesLayer from "../../src/layers/Staging/Queues.ts"
import { layerOf, type StagingSettingsShape } from "../../src/layers/Staging/Settings.ts"
import * as StageStoreLayer from "../../src/layers/Staging/StageStore.ts"
import * as SweeperLayer from "../../src/layers/Staging/Sweeper.ts"
import * as WebhookAuthLayer from "../../src/layers/Staging/WebhookAuth.ts"
import type { ApiGatewayEvent } from "../../src/schemas/LambdaEvent.ts"
import { Conversations } from "../../src/services/Conversations.ts"
import { type Measurement, Metrics } from "../../src/services/Metrics.ts"
import { StageStore } from "../../src/services/StageStore.ts"
import { StagingQueues } from "../../src/services/StagingQueues.ts"
import { WebhookAuth } from "../../src/services/WebhookAuth.ts"
import { movableClock } from "./movableClock.ts"
import { stagingDefaults } from "./stagingDefaults.ts"
import { bodies, domainName, token } from "./twilioVectors.ts"
import { emptied, Engines, type EnginesShape, mended, names, secret, seed } from "./stagingEngines.ts"

/** When these tests happen, in epoch milliseconds. */
export const now = 1_700_000_000_000

/** The tenant's account (contract A4.2). */
export const accountSid = "AC00000000000000000000000000000001"

/** The name of the contract's conversation. */
export const conversationId = "ci-1#pi-1#req-1#447700900100"

/** The conversation of the contract's cases, with what is different. */
export const conversation = (changes: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> => ({
  primary_channel: "+447700900001",
  conversation_id: conversationId,
  gsi_company_whatsapp_number: "+447700900100",
  gsi_recipient_tel: "+447700900001",
  channel_config: { whatsapp_credentials_id: "sec/wa" },
  project_status: "active",
  allowed_channels: ["whatsapp", "sms"],
  conversation_status: "initial_message_sent",
  recipient_tel: "+447700900001",
  auto_queue_reply_message: false,
  auto_queue_reply_message_from_number: null,
  task_complete: 0,
  hand_off_to_human: false,
  ...changes
})

/** Settings as they are deployed. */
const settingsOver = ({ queueUrls }: EnginesShape): StagingSettingsShape => ({
  ...stagingDefaults,
  tables: names,
  queueUrls,
  parkingQueueUrl: Option.some(queueUrls.parking),
  handoffBucket: Option.some("handoff")
})

/** What the verifier counted, and the clock. */
export class Around extends Context.Tag("test/StagingAround")<
  Around,
  { readonly measurements: Array<Measurement>; readonly clock: ReturnType<typeof movableClock> }
>() {}

const worldOver = (shape: EnginesShape, settings: StagingSettingsShape) =>
  SweeperLayer.layer.pipe(
    Layer.provideMerge(StagingLayer.layer),
    Layer.provideMerge(
      Layer.mergeAll(
        Layer.effect(Conversations, ConversationsLayer.make(shape.dynamo)),
        Layer.effect(StageStore, StageStoreLayer.make(shape.dynamo)),
        Layer.effect(StagingQueues, QueuesLayer.make(shape)),
        Layer.effect(WebhookAuth, WebhookAuthLayer.make(shape.secrets))
      )
    ),
    Layer.provideMerge(layerOf(settings))
  )

/**
 * Runs an effect over emptied engines, with the contract's conversation and secret in them. The clock stands still unless
 * the test moves it, and whoever sleeps does so in real time.
 */
export const inStaging =
  (changes: Partial<StagingSettingsShape> = {}) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.gen(function* () {
      const shape = yield* Engines
      yield* mended
      yield* emptied
      yield* seed(conversation())
      yield* secret("sec/wa", { twilio_account_sid: accountSid, twilio_auth_token: token })
      shape.calls.length = 0
      const clock = movableClock(now)
      const measurements: Array<Measurement> = []
      return yield* effect.pipe(
        Effect.provide(worldOver(shape, { ...settingsOver(shape), ...changes })),
        Effect.provideService(Metrics, { put: (measurement) => void measurements.push(measurement) }),
        Effect.provideService(Around, { measurements, clock }),
        Effect.withClock(clock)
      )
    })

/** How much was counted under a name, in all. */
export const counted = (name: string) =>
  Effect.map(Around, ({ measurements }) =>
    measurements.filter((one) => one.name === name).reduce((sum, { value }) => sum + value, 0)
  )

/** What became of the messages, in order: the codes of the answers, and what was done with what was taken. */
export const outcomes = Effect.map(Around, ({ measurements }) =>
  measurements.filter(({ name }) => name === "StagingOutcomes").map(({ dimensions }) => dimensions["Code"])
)

/** Does not wait before a retry; limits of time are those of the clock. */
export const impatient = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.clockWith((clock) =>
    Effect.withClock(effect, {
      ...clock,
      sleep: (duration) => (Duration.toMillis(duration) < 500 ? Effect.void : clock.sleep(duration))
    })
  )

/** Moves the clock on. */
export const later = (millis: number) => Effect.map(Around, ({ clock }) => void (clock.now += millis))

/** The parameters of a form body, none twice. */
export const formOf = (body: string): Readonly<Record<string, string>> => Object.fromEntries(new URLSearchParams(body))

/** The message of the contract's first vector. */
export const whatsapp = formOf(bodies.WA)

/** Another message of the same customer's. */
export const message = (sid: string, changes: Readonly<Record<string, string>> = {}) => ({
  ...whatsapp,
  MessageSid: sid,
  ...changes
})

/** How a webhook comes in, where it is not as in the contract's first vector. */
export interface Sent {
  readonly path?: string
  readonly params?: Readonly<Record<string, string>>
  /** The body as it is sent; the parameters, if not said. */
  readonly body?: string | null
  /** What the signature header says; the right signature, if not said, and no header for null. */
  readonly signature?: string | null
  readonly token?: string
  readonly event?: Partial<ApiGatewayEvent>
  readonly headers?: Readonly<Record<string, string>>
}

/** A webhook's event, signed by Twilio's own library. */
export const webhook = (sent: Sent = {}): ApiGatewayEvent => {
  const { event, headers = {}, params = whatsapp, path = "/whatsapp", token: key = token } = sent
  const url = `https://${domainName}/dev${path}`
  const signature = sent.signature === undefined ? twilio.getExpectedTwilioSignature(key, url, params) : sent.signature
  const all = {
    Host: domainName,
    "User-Agent": "TwilioProxy/1.1",
    "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
    "X-Forwarded-Proto": "https",
    "I-Twilio-Idempotency-Token": "11111111-2222-3333-4444-555555555555",
    ...(signature === null ? {} : { "X-Twilio-Signature": signature }),
    ...headers
  }
  return {
    httpMethod: "POST",
    path,
    headers: all,
    multiValueHeaders: Object.fromEntries(Object.entries(all).map(([name, value]) => [name, [value]])),
    queryStringParameters: null,
    multiValueQueryStringParameters: null,
    body: sent.body === undefined ? new URLSearchParams(params).toString() : sent.body,
    isBase64Encoded: false,
    requestContext: {
      domainName,
      path: `/dev${path}`,
      stage: "dev",
      requestId: "req-1",
      identity: { sourceIp: "203.0.113.10" }
    },
    ...event
  }
}

const invocation = { requestId: "lambda-1", answerAtDeadline: () => undefined }

/** Sends a webhook's event to the handler. */
export const deliver = (event: ApiGatewayEvent, invalidSignatureStatus: 200 | 403 = 200) =>
  handle({ invalidSignatureStatus })(event, invocation)

/** Sends a webhook. */
export const send = (sent: Sent = {}) => deliver(webhook(sent))

/** The body of an answer that tells the customer nothing. */
export const silence = "<?xml version='1.0' encoding='UTF-8'?><Response></Response>"

/** What the consumer is told of the contract's conversation. */
export const trigger = {
  body: { conversation_id: conversationId, primary_channel: "+447700900001" },
  delay: 10
}

/** Fails unless a webhook was answered so, in TwiML. */
export const assertTwiml = (answer: { statusCode: number; headers: object; body: string }, status: number): void => {
  assert.deepInclude(answer, { statusCode: status, body: silence })
  assert.include(answer.headers, { "Content-Type": "text/xml" })
}
