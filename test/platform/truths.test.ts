/** What a test may rely on: a function's AWS calls go through the proxy, and a fault does exactly what it says. */
import { DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb"
import { GetObjectCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3"
import { ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import type { JournalEntry } from "../../local/src/sandboxes/Sandbox.ts"
import { call, eventually, invoke, isAlive, type Running, startTestPlatform } from "../support/platform.ts"

let running: Running

beforeAll(async () => {
  running = await startTestPlatform({ storage: {} })
})

afterAll(() => running[Symbol.asyncDispose]())

const credentials = { accessKeyId: "test", secretAccessKey: "test" }
const region = "eu-west-1"

const journal = async (operation: string): Promise<JournalEntry | undefined> => {
  const entries = (await (await call(running, "GET", "/_sandbox/aws/requests")).json()) as ReadonlyArray<JournalEntry>
  return entries.findLast((entry) => entry.operation === operation)
}

describe("the platform", () => {
  it("leaves the write and no process when a DynamoDB write is committed and its caller killed", async () => {
    const { aws, tables } = running.platform.info
    const pid = (await invoke(running.lambda, "storage", {})).payload as unknown as number
    assert.isTrue(isAlive(pid))
    await call(running, "POST", "/_sandbox/aws/faults", {
      match: { operation: "PutItem", function: "storage" },
      times: 1,
      fault: { commitThenKill: true }
    })
    const event = { item: { table: tables["dsr"], id: "written" } }
    const { functionError, payload } = await invoke(running.lambda, "storage", event)
    assert.strictEqual(functionError, "Unhandled")
    assert.strictEqual(payload["errorType"], "Runtime.ExitError")
    await eventually(() => assert.isFalse(isAlive(pid)))
    const dynamo = new DynamoDBClient({ endpoint: aws.dynamodb, region, credentials })
    const { Item } = await dynamo.send(new GetItemCommand({ TableName: tables["dsr"], Key: { id: { S: "written" } } }))
    dynamo.destroy()
    assert.strictEqual(Item?.["id"]?.S, "written")
  })

  it("takes a function's SQS send through the proxy to its queue", async () => {
    const { aws, queues } = running.platform.info
    const message = { queueUrl: queues["fallbackDlq"], body: "a message" }
    assert.isUndefined((await invoke(running.lambda, "storage", { message })).functionError)
    const entry = await journal("SendMessage")
    assert.include(entry, { function: "storage", status: 200 })
    const sqs = new SQSClient({ endpoint: aws.sqs, region, credentials })
    const { Messages } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl: queues["fallbackDlq"], WaitTimeSeconds: 1 })
    )
    sqs.destroy()
    assert.strictEqual(Messages?.[0]?.Body, "a message")
  })

  it("takes a function's S3 put through the proxy to its bucket, and to no other", async () => {
    const { aws, buckets } = running.platform.info
    const object = { bucket: buckets["results"], key: "a/b c.json", body: '{"ü":1}' }
    assert.isUndefined((await invoke(running.lambda, "storage", { object })).functionError)
    assert.include(await journal("PutObject"), { function: "storage", status: 200 })
    const s3 = new S3Client({ endpoint: aws.s3, region, credentials })
    const stored = await s3.send(new GetObjectCommand({ Bucket: object.bucket, Key: object.key }))
    assert.strictEqual(await stored.Body?.transformToString(), object.body)
    for (const bucket of Object.values(buckets)) {
      const { KeyCount } = await s3.send(new ListObjectsV2Command({ Bucket: bucket }))
      assert.strictEqual(KeyCount, bucket === object.bucket ? 1 : 0)
    }
    s3.destroy()
  })
})
