import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { request } from "node:http"
import { Readable } from "node:stream"
import {
  BatchGetItemCommand, CreateTableCommand, GetItemCommand, PutItemCommand, TransactWriteItemsCommand
} from "@aws-sdk/client-dynamodb"
import {
  CreateBucketCommand, GetObjectCommand, HeadObjectCommand, ListObjectsV2Command, PutObjectCommand
} from "@aws-sdk/client-s3"
import { CreateSecretCommand, GetSecretValueCommand } from "@aws-sdk/client-secrets-manager"
import {
  CreateQueueCommand, GetQueueUrlCommand, ListQueuesCommand, ReceiveMessageCommand, SendMessageCommand
} from "@aws-sdk/client-sqs"
import { GetParameterCommand, PutParameterCommand } from "@aws-sdk/client-ssm"
import { afterAll, assert, beforeAll, beforeEach, describe, it } from "vitest"
import { clientsOf, errorName, startParts } from "./awsParts.ts"

let parts: Awaited<ReturnType<typeof startParts>>
const table = "things"
const bucket = "box"

const item = (id: string, value = "v") => new PutItemCommand({ TableName: table, Item: { id: { S: id }, value: { S: value } } })
const read = async (id: string): Promise<string | undefined> =>
  (await parts.direct.dynamodb.send(new GetItemCommand({ TableName: table, Key: { id: { S: id } } }))).Item?.["value"]?.S
const rule = (match: object, fault: object, times = 1): string => parts.sandbox.faults.add({ match, fault, times })
const operations = () => parts.sandbox.requests().map(({ operation }) => operation)

beforeAll(async () => {
  parts = await startParts()
  await parts.direct.dynamodb.send(
    new CreateTableCommand({
      TableName: table,
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
      KeySchema: [{ AttributeName: "id", KeyType: "HASH" }]
    })
  )
  await parts.direct.s3.send(new CreateBucketCommand({ Bucket: bucket }))
})
afterAll(() => parts[Symbol.asyncDispose]())
beforeEach(() => {
  parts.sandbox.clear()
  parts.kills.length = 0
})

describe("faults", () => {
  it("commitThenReset leaves the write and cuts the connection", async () => {
    rule({ operation: "PutItem" }, { commitThenReset: true })
    const failure = await parts.through.dynamodb.send(item("reset")).catch((error: unknown) => error)
    assert.propertyVal(failure, "code", "ECONNRESET")
    assert.strictEqual(await read("reset"), "v")
    assert.deepInclude(parts.sandbox.requests()[0], { operation: "PutItem", function: "a-function", status: 200, method: "POST" })
  })

  it("reset cuts the connection and writes nothing", async () => {
    rule({ operation: "PutItem" }, { reset: true })
    assert.notStrictEqual(await errorName(parts.through.dynamodb.send(item("lost"))), "no error")
    assert.strictEqual(await read("lost"), undefined)
    assert.strictEqual(parts.sandbox.requests()[0]?.status, null)
  })

  it("commitThenKill kills the caller once, after the write", async () => {
    rule({ operation: "PutItem", function: "a-function" }, { commitThenKill: true })
    assert.notStrictEqual(await errorName(parts.through.dynamodb.send(item("killed"))), "no error")
    assert.lengthOf(parts.kills, 1)
    assert.strictEqual(await read("killed"), "v")
  })

  it("kill kills the caller before the write; a stranger has nobody to kill", async () => {
    rule({ operation: "PutItem" }, { kill: true }, 2)
    assert.notStrictEqual(await errorName(parts.through.dynamodb.send(item("early"))), "no error")
    assert.lengthOf(parts.kills, 1)
    const stranger = clientsOf({ ...parts.endpoints }).dynamodb
    stranger.config.credentials = async () => ({ accessKeyId: "AKIA", secretAccessKey: "x" })
    assert.notStrictEqual(await errorName(stranger.send(item("early"))), "no error")
    assert.lengthOf(parts.kills, 1)
    assert.strictEqual(await read("early"), undefined)
  })

  it("a cut connection is retried by the SDK", async () => {
    rule({ operation: "PutItem" }, { commitThenReset: true })
    await clientsOf(parts.endpoints, 3).dynamodb.send(item("retried"))
    assert.deepEqual(operations(), ["PutItem", "PutItem"])
  })

  it("truncate and status and delay", async () => {
    rule({ operation: "GetItem" }, { truncate: 5 })
    const get = () => parts.through.dynamodb.send(new GetItemCommand({ TableName: table, Key: { id: { S: "reset" } } }))
    assert.notStrictEqual(await errorName(get()), "no error")
    rule({ operation: "GetItem" }, { status: 503 })
    assert.notStrictEqual(await errorName(get()), "no error")
    rule({ operation: "GetItem" }, { delayMs: 120 })
    const start = Date.now()
    await get()
    assert.isAtLeast(Date.now() - start, 110)
  })

  it("UnprocessedKeys by a status rule", async () => {
    const keys = [{ id: { S: "a" } }, { id: { S: "b" } }]
    rule({ operation: "BatchGetItem" }, { status: 200, body: { Responses: { [table]: [] }, UnprocessedKeys: { [table]: { Keys: keys } } } })
    const get = new BatchGetItemCommand({ RequestItems: { [table]: { Keys: keys } } })
    const first = await parts.through.dynamodb.send(get)
    assert.deepEqual(first.UnprocessedKeys?.[table]?.Keys, keys)
    assert.deepEqual((await parts.through.dynamodb.send(get)).UnprocessedKeys, {})
  })

  it("error names arrive in each service", async () => {
    const queue = `${parts.endpoints.sqs}/000000000000/none`
    const calls: ReadonlyArray<readonly [string, string, () => Promise<unknown>]> = [
      ["PutItem", "ConditionalCheckFailedException", () => parts.through.dynamodb.send(item("e"))],
      ["PutItem", "ProvisionedThroughputExceededException", () => parts.through.dynamodb.send(item("e"))],
      ["PutItem", "InternalServerError", () => parts.through.dynamodb.send(item("e"))],
      ["SendMessage", "QueueDoesNotExist", () => parts.through.sqs.send(new SendMessageCommand({ QueueUrl: queue, MessageBody: "m" }))],
      ["SendMessage", "RequestThrottled", () => parts.through.sqs.send(new SendMessageCommand({ QueueUrl: queue, MessageBody: "m" }))],
      ["PutObject", "SlowDown", () => parts.through.s3.send(new PutObjectCommand({ Bucket: bucket, Key: "e", Body: "b" }))],
      ["PutObject", "ConditionalRequestConflict", () => parts.through.s3.send(new PutObjectCommand({ Bucket: bucket, Key: "e", Body: "b" }))],
      ["GetObject", "NoSuchKey", () => parts.through.s3.send(new GetObjectCommand({ Bucket: bucket, Key: "e" }))],
      ["GetSecretValue", "InternalServiceError", () => parts.through.secretsmanager.send(new GetSecretValueCommand({ SecretId: "s" }))],
      ["GetSecretValue", "DecryptionFailure", () => parts.through.secretsmanager.send(new GetSecretValueCommand({ SecretId: "s" }))],
      ["GetParameter", "ThrottlingException", () => parts.through.ssm.send(new GetParameterCommand({ Name: "p" }))],
      ["GetParameter", "ParameterNotFound", () => parts.through.ssm.send(new GetParameterCommand({ Name: "p" }))]
    ]
    for (const [operation, error, call] of calls) {
      rule({ operation }, { error })
      assert.strictEqual(await errorName(call()), error)
    }
    const statuses = parts.sandbox.requests().map(({ status }) => status)
    assert.deepEqual(statuses, [400, 400, 500, 400, 400, 503, 409, 404, 500, 500, 400, 400])
    rule({ operation: "GetParameter" }, { error: "ThrottlingException", status: 429 })
    await errorName(parts.through.ssm.send(new GetParameterCommand({ Name: "p" })))
    assert.strictEqual(parts.sandbox.requests().at(-1)?.status, 429)
  })

  it("a cancelled transaction has a reason for each item", async () => {
    rule({ operation: "TransactWriteItems" }, { error: "TransactionCanceledException" })
    const put = { Put: { TableName: table, Item: { id: { S: "t" } } } }
    const failure = await parts.through.dynamodb
      .send(new TransactWriteItemsCommand({ TransactItems: [put, put] }))
      .catch((error: unknown) => error)
    assert.deepInclude(failure, {
      name: "TransactionCanceledException",
      CancellationReasons: [{ Code: "TransactionConflict", Message: "Transaction is ongoing for the item" }, { Code: "None" }]
    })
  })
})

describe("SQS", () => {
  it("queue URLs carry the proxy's host and lead through it", async () => {
    const created = await parts.through.sqs.send(new CreateQueueCommand({ QueueName: "orders" }))
    const url = `${parts.endpoints.sqs}/000000000000/orders`
    assert.strictEqual(created.QueueUrl, url)
    assert.strictEqual((await parts.through.sqs.send(new GetQueueUrlCommand({ QueueName: "orders" }))).QueueUrl, url)
    assert.deepEqual((await parts.through.sqs.send(new ListQueuesCommand({}))).QueueUrls, [url])
    parts.sandbox.clear()
    const text = `{"QueueUrl":"${url}","é":"\\u0007"}`.replace("\\u0007", "x")
    await parts.through.sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody: text }))
    assert.deepInclude(parts.sandbox.requests()[0], { operation: "SendMessage", path: "/", status: 200 })
    const { Messages } = await parts.through.sqs.send(new ReceiveMessageCommand({ QueueUrl: url }))
    assert.strictEqual(Messages?.[0]?.Body, text)
    assert.deepEqual(operations(), ["SendMessage", "ReceiveMessage"])
  })

  it("a long poll ends with its client and leaves the message to the next one", async () => {
    const { QueueUrl } = await parts.through.sqs.send(new CreateQueueCommand({ QueueName: "slow" }))
    const gone = new AbortController()
    const poll = parts.through.sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 20 }), { abortSignal: gone.signal })
    setTimeout(() => gone.abort(), 100)
    assert.strictEqual(await errorName(poll), "AbortError")
    await new Promise((resolve) => setTimeout(resolve, 50))
    await parts.direct.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "kept" }))
    const receive = new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 2, MessageSystemAttributeNames: ["All"] })
    const { Messages } = await parts.through.sqs.send(receive)
    assert.deepInclude(Messages?.[0], { Body: "kept" })
    assert.strictEqual(Messages?.[0]?.Attributes?.["ApproximateReceiveCount"], "1")
  })
})

describe("S3", () => {
  it("an upload keeps its bytes, whatever its encoding, and lands in its bucket", async () => {
    const body = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7919) % 256))
    const streamed = Readable.from([body.subarray(0, 70_000), body.subarray(70_000)])
    await parts.through.s3.send(new PutObjectCommand({ Bucket: bucket, Key: "a/bücher 1.bin", Body: body }))
    await parts.through.s3.send(new PutObjectCommand({ Bucket: bucket, Key: "stream", Body: streamed, ContentLength: body.length }))
    await parts.through.s3.send(new PutObjectCommand({ Bucket: bucket, Key: "empty", Body: "" }))
    const digest = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex")
    for (const key of ["a/bücher 1.bin", "stream"]) {
      const { Body } = await parts.through.s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }))
      assert.strictEqual(digest(await (Body ?? assert.fail()).transformToByteArray()), digest(body))
    }
    const head = await parts.through.s3.send(new HeadObjectCommand({ Bucket: bucket, Key: "stream" }))
    assert.strictEqual(head.ContentLength, body.length)
    const { Contents } = await parts.through.s3.send(new ListObjectsV2Command({ Bucket: bucket }))
    assert.deepEqual(Contents?.map(({ Key, Size }) => [Key, Size]), [["a/bücher 1.bin", body.length], ["empty", 0], ["stream", body.length]])
    assert.deepEqual(operations(), ["PutObject", "PutObject", "PutObject", "GetObject", "GetObject", "HeadObject", "ListObjectsV2"])
    assert.include(parts.sandbox.requests()[1]?.headers["content-encoding"], "aws-chunked")
    const ifNoneMatch = new GetObjectCommand({ Bucket: bucket, Key: "stream", IfNoneMatch: head.ETag })
    assert.strictEqual(await errorName(parts.through.s3.send(ifNoneMatch)), await errorName(parts.direct.s3.send(ifNoneMatch)))
    assert.strictEqual(parts.sandbox.requests().at(-1)?.status, 304)
    const missing = new HeadObjectCommand({ Bucket: bucket, Key: "none" })
    assert.strictEqual(await errorName(parts.through.s3.send(missing)), "NotFound")
  })
})

describe("the others", () => {
  it("Secrets Manager and Parameter Store answer through the proxy", async () => {
    await parts.through.secretsmanager.send(new CreateSecretCommand({ Name: "db", SecretString: "x" }))
    assert.strictEqual((await parts.through.secretsmanager.send(new GetSecretValueCommand({ SecretId: "db" }))).SecretString, "x")
    await parts.through.ssm.send(new PutParameterCommand({ Name: "/p", Value: "1", Type: "String" }))
    assert.strictEqual((await parts.through.ssm.send(new GetParameterCommand({ Name: "/p" }))).Parameter?.Value, "1")
    assert.deepEqual(operations(), ["CreateSecret", "GetSecretValue", "PutParameter", "GetParameter"])
  })

  it("an engine that is gone looks like a cut connection", async () => {
    const dead = await startParts()
    const url = dead.endpoints.dynamodb
    await dead[Symbol.asyncDispose]()
    assert.notStrictEqual(await errorName(clientsOf({ ...parts.endpoints, dynamodb: url }).dynamodb.send(item("x"))), "no error")
  })

  it("knows the caller from a presigned URL", async () => {
    rule({ function: "a-function", operation: "GetObject" }, { commitThenKill: true })
    const path = `/${bucket}/empty?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=LOCAL0A1B2C3D%2F20260101%2Feu-west-1%2Fs3%2Faws4_request`
    await new Promise((resolve) => request(parts.endpoints.s3 + path).once("error", resolve).end())
    assert.lengthOf(parts.kills, 1)
  })

  it("nothing listens beyond loopback", () => {
    const inodes = readFileSync("/proc/net/tcp", "utf8").split("\n").slice(1).map((line) => line.trim().split(/\s+/))
    const ports = [...Object.values(parts.endpoints), ...Object.values(parts.engines)].map((url) => Number(new URL(url).port))
    const six = readFileSync("/proc/net/tcp6", "utf8").split("\n").slice(1).map((line) => line.trim().split(/\s+/))
    const listening = [...inodes, ...six].filter(([, , , state]) => state === "0A").map(([, local = ""]) => local.split(":"))
    for (const port of ports) {
      const addresses = listening.filter(([, hex = ""]) => Number.parseInt(hex, 16) === port).map(([address]) => address)
      assert.deepEqual(addresses, ["0100007F"])
    }
  })
})
