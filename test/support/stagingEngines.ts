/** The engines under Staging's tests: tables, queues, secrets and a bucket of their own, and every call that reached them. */
import {
  CreateTableCommand,
  DeleteItemCommand,
  DynamoDBClient,
  PutItemCommand,
  ScanCommand
} from "@aws-sdk/client-dynamodb"
import { CreateBucketCommand, GetObjectCommand, S3Client } from "@aws-sdk/client-s3"
import { PutSecretValueCommand, CreateSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager"
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  PurgeQueueCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient
} from "@aws-sdk/client-sqs"
import { marshall } from "@aws-sdk/util-dynamodb"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { startDynamo } from "../../local/src/aws/Dynamo.ts"
import { startFauxqs } from "../../local/src/aws/Fauxqs.ts"
import { startSecretsManager } from "../../local/src/aws/SecretsManager.ts"
import { tables as definitions } from "../../local/src/resources.ts"
import { plainItem } from "../../src/layers/Aws/plainItem.ts"

/** The tables, by what they hold. */
export const names = { conversations: "conversations", stage: "stage", lock: "lock" } as const

const queueNames = ["whatsapp", "sms", "email", "handoff", "parking"] as const
type QueueName = (typeof queueNames)[number]

/** One call to AWS. */
export interface AwsCall {
  readonly operation: string
  readonly input: Readonly<Record<string, unknown>>
}

/** An error instead of an answer; one with a `code` is Node's, of a connection, and has no status. */
export interface AwsFault {
  readonly error: string
  readonly status?: number
  readonly code?: string
  /** Why DynamoDB cancelled a transaction. */
  readonly reasons?: ReadonlyArray<string>
}

/** What happens to a call: an error instead of it, no answer at all, or the answer is lost on the way. */
export type Fault = AwsFault | "hangs" | "answerLost"

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

const failed = ({ code, error, reasons, status = 400 }: AwsFault): Error =>
  Object.assign(new Error("with a customer's number +447700900001 in it"), {
    name: error,
    ...(code === undefined ? { $metadata: { httpStatusCode: status } } : { code }),
    ...(reasons === undefined ? {} : { CancellationReasons: reasons.map((Code) => ({ Code })) })
  })

/** Delays and waits are there to be seen, not to be waited for. */
const unhurried: Readonly<Record<string, object>> = {
  SendMessage: { DelaySeconds: 0 },
  ReceiveMessage: { WaitTimeSeconds: 0 }
}

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
      const answer = next({ ...args, input: { ...call.input, ...unhurried[operation] } })
      if (fault !== "answerLost") return answer
      await answer.catch(() => undefined)
      throw Object.assign(new Error("socket hang up"), { name: "Error", code: "ECONNRESET" })
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

/** Changes what the tables, secrets and queues hold; none of it is among the recorded calls. */
export const quietly = <A>(change: (engines: EnginesShape) => Promise<A>): Effect.Effect<A, never, Engines> =>
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

/** How many messages lie in a queue, those that somebody has just looked at among them. */
export const depthOf = (queue: QueueName) =>
  quietly(async ({ queueUrls, sqs }) => {
    const { Attributes = {} } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: queueUrls[queue], AttributeNames: ["All"] })
    )
    return (
      Number(Attributes["ApproximateNumberOfMessages"]) + Number(Attributes["ApproximateNumberOfMessagesNotVisible"])
    )
  })

/** Puts a text into a queue, as somebody else does. */
export const enqueue = (queue: QueueName, body: string) =>
  quietly(({ queueUrls, sqs }) => sqs.send(new SendMessageCommand({ QueueUrl: queueUrls[queue], MessageBody: body })))

/** A handoff's context as it lies in the bucket. */
export const handedOver = (key: string) =>
  quietly(async ({ s3 }) => {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: "handoff", Key: key }))
    return JSON.parse((await Body?.transformToString()) ?? "null") as Readonly<Record<string, unknown>>
  })

/** Takes a row out of the stage or lock table, as the consumer does. */
export const remove = (table: "stage" | "lock", key: Readonly<Record<string, string>>) =>
  quietly(({ dynamo }) => dynamo.send(new DeleteItemCommand({ TableName: names[table], Key: marshall(key) })))

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

/** No fault happens any more. */
export const mended = Effect.map(Engines, (shape) => {
  shape.fault = () => undefined
})

/** Takes everything out of the tables and queues. */
export const emptied = quietly(async ({ dynamo, queueUrls, sqs }) => {
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
