/** Staging over real engines: tables, queues, secrets and a bucket of their own, and every call that reached them. */
import {
  CreateTableCommand,
  DeleteItemCommand,
  DynamoDBClient,
  PutItemCommand,
  ScanCommand
} from "@aws-sdk/client-dynamodb"
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3"
import { PutSecretValueCommand, CreateSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager"
import { CreateQueueCommand, PurgeQueueCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs"
import { marshall } from "@aws-sdk/util-dynamodb"
import { assert } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import twilio from "twilio/lib/webhooks/webhooks.js"
import { startDynamo } from "../../local/src/aws/Dynamo.ts"
import { startFauxqs } from "../../local/src/aws/Fauxqs.ts"
import { startSecretsManager } from "../../local/src/aws/SecretsManager.ts"
import { tables as definitions } from "../../local/src/resources.ts"
import { handle } from "../../src/handlers/Staging.ts"
import * as StagingLayer from "../../src/layers/Staging.ts"
import * as ConversationsLayer from "../../src/layers/Staging/Conversations.ts"
import * as QueuesLayer from "../../src/layers/Staging/Queues.ts"
import { layerOf, type StagingSettingsShape } from "../../src/layers/Staging/Settings.ts"
import * as StageStoreLayer from "../../src/layers/Staging/StageStore.ts"
import * as SweeperLayer from "../../src/layers/Staging/Sweeper.ts"
import * as WebhookAuthLayer from "../../src/layers/Staging/WebhookAuth.ts"
import { plainItem } from "../../src/layers/Aws/plainItem.ts"
import type { ApiGatewayEvent } from "../../src/schemas/LambdaEvent.ts"
import { Conversations } from "../../src/services/Conversations.ts"
import { type Measurement, Metrics } from "../../src/services/Metrics.ts"
import { StageStore } from "../../src/services/StageStore.ts"
import { StagingQueues } from "../../src/services/StagingQueues.ts"
import { WebhookAuth } from "../../src/services/WebhookAuth.ts"
import { movableClock } from "./movableClock.ts"

/** When these tests happen, in epoch milliseconds. */
export const now = 1_700_000_000_000

/** The tenant's token and account (contract A4.2). */
export const token = "0123456789abcdef0123456789abcdef"
export const accountSid = "AC00000000000000000000000000000001"

const names = { conversations: "conversations", stage: "stage", lock: "lock" } as const

const queueNames = ["whatsapp", "sms", "email", "handoff", "parking"] as const
type QueueName = (typeof queueNames)[number]

/** One call to AWS. */
export interface AwsCall {
  readonly operation: string
  readonly input: Readonly<Record<string, unknown>>
}

/** What happens to a call: an error by AWS's name instead of it, no answer at all, or the answer is lost on the way. */
export type Fault = { readonly error: string; readonly status?: number } | "hangs" | "answerLost"

/** The engines of one test file. */
export interface EnginesShape {
  readonly dynamo: DynamoDBClient
  readonly sqs: SQSClient
  readonly s3: S3Client
  readonly secrets: SecretsManagerClient
  readonly queueUrls: Readonly<Record<QueueName, string>>
  readonly calls: Array<AwsCall>
  /** What is to happen to the n-th call (counted from 1) of an operation; nothing when it answers undefined. */
  fault: (call: AwsCall, nth: number) => Fault | undefined
}

/** The engines of one test file. */
export class Engines extends Context.Tag("test/StagingEngines")<Engines, EnginesShape>() {}

interface Middlewares {
  readonly add: (
    middleware: (
      next: (args: unknown) => Promise<unknown>,
      context: Readonly<Record<string, unknown>>
    ) => (args: { readonly input: unknown }) => Promise<unknown>,
    options: { readonly step: "initialize" }
  ) => void
}

const failed = ({ error, status = 400 }: { readonly error: string; readonly status?: number }): Error =>
  Object.assign(new Error("with a customer's number +447700900001 in it"), {
    name: error,
    $metadata: { httpStatusCode: status }
  })

/** Records every call of a client, and lets the test's faults happen to it. */
const watched = (engines: EnginesShape, client: { readonly middlewareStack: unknown }): void =>
  (client.middlewareStack as Middlewares).add(
    (next, context) => async (args) => {
      const operation = String(context["commandName"]).replace(/Command$/, "")
      const call = { operation, input: args.input as AwsCall["input"] }
      engines.calls.push(call)
      const nth = engines.calls.filter((other) => other.operation === operation).length
      const fault = engines.fault(call, nth)
      if (fault === "hangs") return new Promise(() => {})
      if (typeof fault === "object") throw failed(fault)
      // A delay is there to be seen, not to be waited for.
      const sent = operation === "SendMessage" ? { ...args, input: { ...call.input, DelaySeconds: 0 } } : args
      const answer = await next(sent)
      if (fault === "answerLost")
        throw Object.assign(new Error("socket hang up"), { name: "Error", code: "ECONNRESET" })
      return answer
    },
    { step: "initialize" }
  )

const options = (endpoint: string) => ({
  endpoint,
  region: "eu-west-1",
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
  maxAttempts: 1
})

const disposable = <A extends AsyncDisposable>(start: () => Promise<A>) =>
  Effect.acquireRelease(Effect.promise(start), (one) => Effect.promise(async () => one[Symbol.asyncDispose]()))

/** Engines with empty tables and queues. */
export const engines: Layer.Layer<Engines> = Layer.scoped(
  Engines,
  Effect.gen(function* () {
    const [dynamoUrl, queues, secretsUrl] = yield* Effect.all([
      disposable(() => startDynamo()),
      disposable(() => startFauxqs()),
      disposable(() => startSecretsManager())
    ])
    const dynamo = new DynamoDBClient(options(dynamoUrl.url))
    const sqs = new SQSClient(options(queues.sqs))
    const s3 = new S3Client(options(queues.s3))
    const secrets = new SecretsManagerClient(options(secretsUrl.url))
    const all = definitions("CODE")
    return yield* Effect.promise(async () => {
      for (const key of ["conversations", "stage", "lock"] as const) {
        const { schema } = all[key]
        await dynamo.send(new CreateTableCommand({ TableName: names[key], BillingMode: "PAY_PER_REQUEST", ...schema }))
      }
      const urls: Partial<Record<QueueName, string>> = {}
      for (const name of queueNames) {
        urls[name] = (await sqs.send(new CreateQueueCommand({ QueueName: name }))).QueueUrl ?? ""
      }
      await s3.send(new CreateBucketCommand({ Bucket: "handoff" }))
      const shape: EnginesShape = {
        dynamo,
        sqs,
        s3,
        secrets,
        queueUrls: urls as Record<QueueName, string>,
        calls: [],
        fault: () => undefined
      }
      for (const client of [dynamo, sqs, s3, secrets]) watched(shape, client)
      return shape
    })
  })
)

/** The conversation of the contract's cases, with what is different. */
export const conversation = (changes: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> => ({
  primary_channel: "+447700900001",
  conversation_id: "ci-1#pi-1#req-1#447700900100",
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

/** Changes what the tables, secrets and queues hold; none of it is among the recorded calls. */
const quietly = <A>(change: (engines: EnginesShape) => Promise<A>): Effect.Effect<A, never, Engines> =>
  Effect.flatMap(Engines, (shape) =>
    Effect.promise(async () => {
      const { fault } = shape
      const before = shape.calls.length
      shape.fault = () => undefined
      const value = await change(shape)
      shape.calls.length = before
      shape.fault = fault
      return value
    })
  )

/** Puts rows into the table of conversations; undefined values leave the attribute out. */
export const seed = (...rows: ReadonlyArray<Readonly<Record<string, unknown>>>) =>
  quietly(async ({ dynamo }) => {
    for (const row of rows) {
      const Item = marshall(row, { removeUndefinedValues: true })
      await dynamo.send(new PutItemCommand({ TableName: names.conversations, Item }))
    }
  })

/** Puts a row into the stage or lock table, as another process has. */
export const put = (table: "stage" | "lock", row: Readonly<Record<string, unknown>>) =>
  quietly(({ dynamo }) => dynamo.send(new PutItemCommand({ TableName: names[table], Item: marshall(row) })))

/** Stores a secret as this text, or as these fields. */
export const secret = (name: string, value: string | Readonly<Record<string, unknown>>) =>
  quietly(async ({ secrets }) => {
    const SecretString = typeof value === "string" ? value : JSON.stringify(value)
    await secrets
      .send(new CreateSecretCommand({ Name: name, SecretString }))
      .catch(() => secrets.send(new PutSecretValueCommand({ SecretId: name, SecretString })))
  })

/** Everything in a table. */
export const rowsOf = (table: keyof typeof names) =>
  quietly(async ({ dynamo }) => {
    const { Items = [] } = await dynamo.send(new ScanCommand({ TableName: names[table], ConsistentRead: true }))
    return Items.map(plainItem)
  })

/** The staged messages, without their tombstones. */
export const staged = Effect.map(rowsOf("stage"), (rows) =>
  rows.filter(({ conversation_id: id }) => !String(id).startsWith("dedupe#"))
)

/** What was sent to a queue: the calls that took effect or did not, in order. */
export const sentTo = (queue: QueueName) =>
  Effect.map(Engines, ({ calls, queueUrls }) =>
    calls
      .filter(({ input, operation }) => operation === "SendMessage" && input["QueueUrl"] === queueUrls[queue])
      .map(({ input }) => ({
        body: JSON.parse(String(input["MessageBody"])) as Readonly<Record<string, unknown>>,
        delay: input["DelaySeconds"]
      }))
  )

/** What lies in a queue now, taken off it. */
export const receivedFrom = (queue: QueueName) =>
  quietly(async ({ queueUrls, sqs }) => {
    const bodies: Array<Readonly<Record<string, unknown>>> = []
    for (;;) {
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({ QueueUrl: queueUrls[queue], MaxNumberOfMessages: 10, VisibilityTimeout: 600 })
      )
      if (Messages.length === 0) return bodies
      bodies.push(...Messages.map(({ Body }) => JSON.parse(Body ?? "null") as Readonly<Record<string, unknown>>))
    }
  })

/** The calls that were made, by operation. */
export const operations = Effect.map(Engines, ({ calls }) => calls.map(({ operation }) => operation))

/** Lets a fault happen to every call of an operation, or only to some of them. */
export const breaking = (
  operation: string,
  fault: Fault,
  happens: (nth: number, call: AwsCall) => boolean = () => true
) =>
  Effect.map(Engines, (shape) => {
    const before = shape.fault
    shape.fault = (call, nth) => (call.operation === operation && happens(nth, call) ? fault : before(call, nth))
  })

export const mended = Effect.map(Engines, (shape) => {
  shape.fault = () => undefined
})

/** Settings as they are deployed. */
const settingsOver = ({ queueUrls }: EnginesShape): StagingSettingsShape => ({
  tables: names,
  queueUrls,
  parkingQueueUrl: Option.some(queueUrls.parking),
  handoffBucket: Option.some("handoff"),
  windowSeconds: 10,
  lockBufferSeconds: 60,
  stageTtlSeconds: 259_200,
  secretCacheMillis: 300_000,
  honourHandoffFlag: true,
  lockedStaleMillis: 905_000,
  invalidSignatureStatus: 200,
  publicBaseUrl: Option.none()
})

/** What the verifier counted, and the clock. */
export class Around extends Context.Tag("test/StagingAround")<
  Around,
  { readonly measurements: Array<Measurement>; readonly clock: ReturnType<typeof movableClock> }
>() {}

const emptied = quietly(async ({ dynamo, queueUrls, sqs }) => {
  for (const key of ["conversations", "stage", "lock"] as const) {
    const attributes = new Set(
      (definitions("CODE")[key].schema.KeySchema ?? []).map(({ AttributeName = "" }) => AttributeName)
    )
    const { Items = [] } = await dynamo.send(new ScanCommand({ TableName: names[key] }))
    for (const item of Items) {
      const Key = Object.fromEntries(Object.entries(item).filter(([name]) => attributes.has(name)))
      await dynamo.send(new DeleteItemCommand({ TableName: names[key], Key }))
    }
  }
  for (const QueueUrl of Object.values(queueUrls)) await sqs.send(new PurgeQueueCommand({ QueueUrl }))
})

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

/** The metrics that were counted. */
export const counted = (name: string) =>
  Effect.map(Around, ({ measurements }) => measurements.filter((one) => one.name === name).length)

/** The message of the contract's first vector. */
export const whatsapp: Readonly<Record<string, string>> = {
  SmsMessageSid: "SM00000000000000000000000000000001",
  NumMedia: "0",
  ProfileName: "Test User",
  MessageType: "text",
  SmsSid: "SM00000000000000000000000000000001",
  WaId: "447700900001",
  SmsStatus: "received",
  Body: "Hello there",
  To: "whatsapp:+447700900100",
  NumSegments: "1",
  ReferralNumMedia: "0",
  MessageSid: "SM00000000000000000000000000000001",
  AccountSid: accountSid,
  From: "whatsapp:+447700900001",
  ApiVersion: "2010-04-01"
}

const domainName = "a1b2c3d4e5.execute-api.eu-west-2.amazonaws.com"

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

/** Fails unless a webhook was answered so, in TwiML. */
export const assertTwiml = (answer: { statusCode: number; headers: object; body: string }, status: number): void => {
  assert.deepInclude(answer, { statusCode: status, body: silence })
  assert.include(answer.headers, { "Content-Type": "text/xml" })
}
