import { BatchGetItemCommand, GetItemCommand, TransactWriteItemsCommand } from "@aws-sdk/client-dynamodb"
import { GetObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3"
import { GetSecretValueCommand } from "@aws-sdk/client-secrets-manager"
import { SendMessageCommand } from "@aws-sdk/client-sqs"
import { GetParameterCommand } from "@aws-sdk/client-ssm"
import { assert, describe, it } from "vitest"
import { clientsOf, errorName } from "./awsParts.ts"
import { bucket, item, startThings, table } from "./awsThings.ts"

const { operations, parts, read, rule } = await startThings()

describe("faults", () => {
  it("commitThenReset leaves the write and cuts the connection", async () => {
    rule({ operation: "PutItem" }, { commitThenReset: true })
    const failure = await parts.through.dynamodb.send(item("reset")).catch((error: unknown) => error)
    assert.propertyVal(failure, "code", "ECONNRESET")
    assert.strictEqual(await read("reset"), "v")
    assert.deepInclude(parts.sandbox.requests()[0], {
      operation: "PutItem",
      function: "a-function",
      status: 200,
      method: "POST"
    })
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
    rule(
      { operation: "BatchGetItem" },
      { status: 200, body: { Responses: { [table]: [] }, UnprocessedKeys: { [table]: { Keys: keys } } } }
    )
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
      [
        "SendMessage",
        "QueueDoesNotExist",
        () => parts.through.sqs.send(new SendMessageCommand({ QueueUrl: queue, MessageBody: "m" }))
      ],
      [
        "SendMessage",
        "RequestThrottled",
        () => parts.through.sqs.send(new SendMessageCommand({ QueueUrl: queue, MessageBody: "m" }))
      ],
      [
        "PutObject",
        "SlowDown",
        () => parts.through.s3.send(new PutObjectCommand({ Bucket: bucket, Key: "e", Body: "b" }))
      ],
      [
        "PutObject",
        "ConditionalRequestConflict",
        () => parts.through.s3.send(new PutObjectCommand({ Bucket: bucket, Key: "e", Body: "b" }))
      ],
      ["GetObject", "NoSuchKey", () => parts.through.s3.send(new GetObjectCommand({ Bucket: bucket, Key: "e" }))],
      [
        "GetSecretValue",
        "InternalServiceError",
        () => parts.through.secretsmanager.send(new GetSecretValueCommand({ SecretId: "s" }))
      ],
      [
        "GetSecretValue",
        "DecryptionFailure",
        () => parts.through.secretsmanager.send(new GetSecretValueCommand({ SecretId: "s" }))
      ],
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
      CancellationReasons: [
        { Code: "TransactionConflict", Message: "Transaction is ongoing for the item" },
        { Code: "None" }
      ]
    })
  })
})
