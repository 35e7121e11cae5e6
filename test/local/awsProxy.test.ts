import { createHash } from "node:crypto"
import { createServer, request } from "node:http"
import type { AddressInfo } from "node:net"
import { Readable } from "node:stream"
import { GetObjectCommand, HeadObjectCommand, ListObjectsV2Command, PutObjectCommand } from "@aws-sdk/client-s3"
import { CreateSecretCommand, GetSecretValueCommand } from "@aws-sdk/client-secrets-manager"
import {
  CreateQueueCommand,
  GetQueueUrlCommand,
  ListQueuesCommand,
  ReceiveMessageCommand,
  SendMessageCommand
} from "@aws-sdk/client-sqs"
import { GetParameterCommand, PutParameterCommand } from "@aws-sdk/client-ssm"
import { assert, describe, it } from "vitest"
import { clientsOf, errorName, startParts } from "./awsParts.ts"
import { bucket, item, startThings } from "./awsThings.ts"
import { reachableBeyondLoopback } from "./loopback.ts"

const { operations, parts, rule } = await startThings()

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
    const poll = parts.through.sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 20 }), {
      abortSignal: gone.signal
    })
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
    await parts.through.s3.send(
      new PutObjectCommand({ Bucket: bucket, Key: "stream", Body: streamed, ContentLength: body.length })
    )
    await parts.through.s3.send(new PutObjectCommand({ Bucket: bucket, Key: "empty", Body: "" }))
    const digest = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex")
    for (const key of ["a/bücher 1.bin", "stream"]) {
      const { Body } = await parts.through.s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }))
      assert.strictEqual(digest(await (Body ?? assert.fail()).transformToByteArray()), digest(body))
    }
    const head = await parts.through.s3.send(new HeadObjectCommand({ Bucket: bucket, Key: "stream" }))
    assert.strictEqual(head.ContentLength, body.length)
    const { Contents } = await parts.through.s3.send(new ListObjectsV2Command({ Bucket: bucket }))
    assert.deepEqual(
      Contents?.map(({ Key, Size }) => [Key, Size]),
      [
        ["a/bücher 1.bin", body.length],
        ["empty", 0],
        ["stream", body.length]
      ]
    )
    assert.deepEqual(operations(), [
      "PutObject",
      "PutObject",
      "PutObject",
      "GetObject",
      "GetObject",
      "HeadObject",
      "ListObjectsV2"
    ])
    assert.include(parts.sandbox.requests()[1]?.headers["content-encoding"], "aws-chunked")
    const ifNoneMatch = new GetObjectCommand({ Bucket: bucket, Key: "stream", IfNoneMatch: head.ETag })
    assert.strictEqual(
      await errorName(parts.through.s3.send(ifNoneMatch)),
      await errorName(parts.direct.s3.send(ifNoneMatch))
    )
    assert.strictEqual(parts.sandbox.requests().at(-1)?.status, 304)
    const missing = new HeadObjectCommand({ Bucket: bucket, Key: "none" })
    assert.strictEqual(await errorName(parts.through.s3.send(missing)), "NotFound")
  })
})

describe("the others", () => {
  it("Secrets Manager and Parameter Store answer through the proxy", async () => {
    await parts.through.secretsmanager.send(new CreateSecretCommand({ Name: "db", SecretString: "x" }))
    assert.strictEqual(
      (await parts.through.secretsmanager.send(new GetSecretValueCommand({ SecretId: "db" }))).SecretString,
      "x"
    )
    await parts.through.ssm.send(new PutParameterCommand({ Name: "/p", Value: "1", Type: "String" }))
    assert.strictEqual((await parts.through.ssm.send(new GetParameterCommand({ Name: "/p" }))).Parameter?.Value, "1")
    assert.deepEqual(operations(), ["CreateSecret", "GetSecretValue", "PutParameter", "GetParameter"])
  })

  it("an engine that is gone looks like a cut connection", async () => {
    const dead = await startParts()
    const url = dead.endpoints.dynamodb
    await dead[Symbol.asyncDispose]()
    assert.notStrictEqual(
      await errorName(clientsOf({ ...parts.endpoints, dynamodb: url }).dynamodb.send(item("x"))),
      "no error"
    )
  })

  it("a long poll does not hold up the end", async () => {
    const ending = await startParts()
    const { QueueUrl } = await ending.through.sqs.send(new CreateQueueCommand({ QueueName: "q" }))
    const poll = new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 20 })
    const polls = Promise.all([errorName(ending.through.sqs.send(poll)), errorName(ending.direct.sqs.send(poll))])
    await new Promise((resolve) => {
      setTimeout(resolve, 100)
    })
    const start = Date.now()
    await ending[Symbol.asyncDispose]()
    await polls
    assert.isBelow(Date.now() - start, 1000)
  })

  it("knows the caller from a presigned URL", async () => {
    rule({ function: "a-function", operation: "GetObject" }, { commitThenKill: true })
    const path = `/${bucket}/empty?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=LOCAL0A1B2C3D%2F20260101%2Feu-west-1%2Fs3%2Faws4_request`
    await new Promise((resolve) =>
      request(parts.endpoints.s3 + path)
        .once("error", resolve)
        .end()
    )
    assert.lengthOf(parts.kills, 1)
  })

  it("nothing listens beyond loopback", async () => {
    for (const url of [...Object.values(parts.endpoints), ...Object.values(parts.engines)]) {
      assert.deepEqual([url, await reachableBeyondLoopback(Number(new URL(url).port))], [url, []])
    }
  })

  it("what does listen beyond loopback would be seen", async () => {
    const open = createServer()
    await new Promise<void>((resolve) => open.listen(0, resolve))
    assert.isNotEmpty(await reachableBeyondLoopback((open.address() as AddressInfo).port))
    await new Promise((resolve) => open.close(resolve))
  })
})
