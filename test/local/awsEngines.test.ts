import { spawn } from "node:child_process"
import { createHash } from "node:crypto"
import { once } from "node:events"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import {
  DescribeTimeToLiveCommand,
  GetItemCommand,
  ListTablesCommand,
  PutItemCommand,
  QueryCommand
} from "@aws-sdk/client-dynamodb"
import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  UploadPartCommand
} from "@aws-sdk/client-s3"
import { CreateSecretCommand, GetSecretValueCommand } from "@aws-sdk/client-secrets-manager"
import { GetQueueAttributesCommand, ReceiveMessageCommand, SendMessageCommand } from "@aws-sdk/client-sqs"
import { GetParameterCommand, PutParameterCommand } from "@aws-sdk/client-ssm"
import { afterAll, assert, beforeAll, describe, expect, it } from "vitest"
import { createResources } from "../../local/src/aws/createResources.ts"
import { startDynamo } from "../../local/src/aws/Dynamo.ts"
import { startFauxqs } from "../../local/src/aws/Fauxqs.ts"
import { clientsOf, errorName, startParts } from "./awsParts.ts"
import { isAlive } from "./fixtures.ts"
import { family } from "./processes.ts"

const folder = mkdtempSync(join(tmpdir(), "aws-engines-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe("DynamoDB", () => {
  it("says what to do where its program does not exist", async () => {
    const failure = await startDynamo({ platform: "aix-ppc64" }).catch((error: unknown) => error)
    assert.instanceOf(failure, Error)
    assert.match(
      failure.message,
      /^DynamoDB: there is no @dynoxide\/aix-ppc64 here; install it, or set DYNAMODB_URL [^\n]*$/
    )
  })

  it("uses an endpoint that is given, and refuses what is none", async () => {
    await using given = await startDynamo({ url: "http://127.0.0.1:8000/", platform: "aix-ppc64" })
    assert.strictEqual(given.url, "http://127.0.0.1:8000")
    assert.strictEqual(await errorName(startDynamo({ url: "localhost" })), "Error")
  })

  it("says why its program does not start", async () => {
    mkdirSync(join(folder, "broken", "dynamodb.sqlite"), { recursive: true })
    const failure = await startDynamo({ dataDir: join(folder, "broken") }).catch((error: unknown) => error)
    assert.instanceOf(failure, Error)
    assert.match(failure.message, /^DynamoDB: dynoxide did not start: \S[^\n]+$/)
  })

  it("answers when it is started and is gone when it is stopped", async () => {
    const dynamo = await startDynamo()
    assert.isTrue((await fetch(dynamo.url)).ok)
    const start = Date.now()
    await dynamo[Symbol.asyncDispose]()
    assert.isBelow(Date.now() - start, 600)
    assert.strictEqual(await errorName(fetch(dynamo.url)), "TypeError")
  })

  it("is gone when the process that started it is killed", async () => {
    const script = join(folder, "starter.ts")
    const module = new URL("../../local/src/aws/Dynamo.ts", import.meta.url).href
    writeFileSync(
      script,
      `import { startDynamo } from ${JSON.stringify(module)}\nconsole.log((await startDynamo()).url)`
    )
    const starter = spawn(process.execPath, [script], { stdio: ["ignore", "pipe", "inherit"] })
    const [url] = (await once(starter.stdout, "data")) as [Buffer]
    const [, ...below] = family(starter.pid ?? 0)
    assert.isNotEmpty(below)
    assert.isTrue((await fetch(url.toString().trim())).ok)
    starter.kill("SIGKILL")
    await expect.poll(() => below.filter(isAlive), { timeout: 2_000 }).toEqual([])
  })
})

describe("S3 refuses what AWS refuses", () => {
  let fauxqs: Awaited<ReturnType<typeof startFauxqs>>
  let s3: ReturnType<typeof clientsOf>["s3"]
  const Bucket = "box"
  const put = (Key: string, options: object = {}): Promise<string> =>
    errorName(s3.send(new PutObjectCommand({ Bucket, Key, Body: `of ${Key}`, ...options })))

  beforeAll(async () => {
    fauxqs = await startFauxqs({ sqsUrl: "" })
    const url = fauxqs.s3
    s3 = clientsOf({ dynamodb: url, s3: url, secretsmanager: url, sqs: url, ssm: url }).s3
    await s3.send(new CreateBucketCommand({ Bucket }))
  })
  afterAll(() => fauxqs[Symbol.asyncDispose]())

  it("conditional writes", async () => {
    assert.strictEqual(await put("a", { IfNoneMatch: "*" }), "no error")
    const failure = await s3
      .send(new PutObjectCommand({ Bucket, Key: "a", Body: "b", IfNoneMatch: "*" }))
      .catch((error: unknown) => error)
    assert.deepInclude(failure, {
      name: "PreconditionFailed",
      message: "At least one of the pre-conditions you specified did not hold"
    })
    assert.strictEqual(await put("a", { IfNoneMatch: '"x"' }), "NotImplemented")
    assert.strictEqual(await put("a", { IfMatch: '"0123"' }), "PreconditionFailed")
    assert.strictEqual(await put("none", { IfMatch: '"0123"' }), "NoSuchKey")
    const { Body, ETag } = await s3.send(new GetObjectCommand({ Bucket, Key: "a" }))
    assert.strictEqual(await Body?.transformToString(), "of a")
    assert.strictEqual(await put("a", { IfMatch: ETag, Body: "new" }), "no error")
    assert.strictEqual(await put("a", { Bucket: "no-such-box", IfNoneMatch: "*" }), "NoSuchBucket")
  })

  it("ten racing writes that may only create have one winner", async () => {
    const results = await Promise.all(
      Array.from({ length: 10 }, (_, index) => put("race", { IfNoneMatch: "*", Body: `w${index}` }))
    )
    assert.deepEqual(
      results.filter((result) => result !== "PreconditionFailed"),
      ["no error"]
    )
    const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key: "race" }))
    assert.strictEqual(await Body?.transformToString(), `w${results.indexOf("no error")}`)
  })

  it("a finished multipart upload onto what exists", async () => {
    const upload = async (Key: string, IfNoneMatch: string | undefined): Promise<string> => {
      const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key }))
      const one = await s3.send(
        new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 1, Body: Buffer.alloc(5 * 1024 * 1024) })
      )
      const two = await s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 2, Body: "end" }))
      const Parts = [
        { PartNumber: 1, ETag: one.ETag },
        { PartNumber: 2, ETag: two.ETag }
      ]
      return errorName(
        s3.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, IfNoneMatch, MultipartUpload: { Parts } }))
      )
    }
    assert.strictEqual(await upload("a", "*"), "PreconditionFailed")
    assert.strictEqual(await upload("multi", "*"), "no error")
    assert.strictEqual(await upload("multi", undefined), "no error")
  })

  it("a body that is not what it claims, and an object's tags", async () => {
    const md5 = (text: string): string => createHash("md5").update(text).digest("base64")
    assert.strictEqual(await put("sum", { Body: "x", ContentMD5: md5("y") }), "BadDigest")
    assert.strictEqual(await put("sum", { Body: "x", ContentMD5: md5("x") }), "no error")
    assert.strictEqual(
      await put("sum", { Body: "x", ChecksumSHA256: createHash("sha256").update("y").digest("base64") }),
      "BadDigest"
    )
    const tags = new PutObjectTaggingCommand({ Bucket, Key: "sum", Tagging: { TagSet: [{ Key: "k", Value: "v" }] } })
    assert.strictEqual(await errorName(s3.send(tags)), "NotImplemented")
    const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key: "sum" }))
    assert.strictEqual(await Body?.transformToString(), "x")
  })

  it("takes objects larger than the engine's own limit", async () => {
    assert.strictEqual(await put("large", { Body: Buffer.alloc(20 * 1024 * 1024, 1) }), "no error")
  })

  it("starts nothing for what is given", async () => {
    await using given = await startFauxqs({ sqsUrl: "http://127.0.0.1:1/", s3Url: "http://127.0.0.1:2" })
    assert.deepInclude(given, { sqs: "http://127.0.0.1:1", s3: "http://127.0.0.1:2" })
    await using half = await startFauxqs({ s3Url: "http://127.0.0.1:2" })
    assert.strictEqual(half.s3, "http://127.0.0.1:2")
    assert.notStrictEqual(half.sqs, half.s3)
  })
})

describe("resources", () => {
  it("are created once, work, and stay in the data folder with the new addresses", async () => {
    const dataDir = join(folder, "data")
    const create = (parts: Awaited<ReturnType<typeof startParts>>) =>
      createResources({ engines: parts.engines, proxy: parts.endpoints, stage: "CODE" })
    const key = { id: { S: "1" } }
    {
      await using parts = await startParts({ dataDir })
      const resources = await create(parts)
      const url = (name: string): string => `${parts.endpoints.sqs}/000000000000/${name}`
      assert.deepEqual(resources, {
        queues: {
          fallback: url("mparticle-api-fallback-code"),
          fallbackDlq: url("mparticle-api-fallback-code-dlq"),
          deletion: url("mparticle-api-deletion-code"),
          deletionDlq: url("mparticle-api-deletion-code-dlq"),
          whatsapp: url("ai-multi-comms-replies-whatsapp-queue-code"),
          whatsappDlq: url("ai-multi-comms-replies-whatsapp-queue-code-dlq"),
          sms: url("ai-multi-comms-replies-sms-queue-code"),
          smsDlq: url("ai-multi-comms-replies-sms-queue-code-dlq"),
          email: url("ai-multi-comms-replies-email-queue-code"),
          emailDlq: url("ai-multi-comms-replies-email-queue-code-dlq"),
          handoff: url("ai-multi-comms-replies-handoff-queue-code"),
          handoffDlq: url("ai-multi-comms-replies-handoff-queue-code-dlq"),
          parking: url("ai-multi-comms-replies-parking-queue-code"),
          parkingDlq: url("ai-multi-comms-replies-parking-queue-code-dlq"),
          idMinter: url("id-minter-code"),
          idMinterDlq: url("id-minter-code-dlq"),
          idMinterDownstream: url("id-minter-downstream-code"),
          idMinterDownstreamDlq: url("id-minter-downstream-code-dlq")
        },
        tables: {
          dsr: "mparticle-dsr-requests-code",
          correlation: "mparticle-baton-correlation-code",
          breaker: "circuit-breakers-code",
          conversations: "ai-multi-comms-conversations-code",
          stage: "ai-multi-comms-replies-conversations-stage-code",
          lock: "ai-multi-comms-replies-conversations-trigger-lock-code"
        },
        buckets: {
          results: "mparticle-sar-results-code",
          handoff: "ai-multi-comms-replies-handoff-code",
          dex: "dex-trigger-archive-code"
        }
      })
      assert.deepEqual(await create(parts), resources)
      assert.isEmpty(parts.sandbox.requests())
      const { dynamodb, s3, secretsmanager, sqs, ssm } = parts.through
      await dynamodb.send(
        new PutItemCommand({
          TableName: resources.tables["dsr"],
          Item: { ...key, email: { S: "a@b.c" }, submittedAt: { S: "2026" } }
        })
      )
      const { Items } = await dynamodb.send(
        new QueryCommand({
          TableName: resources.tables["dsr"],
          IndexName: "EmailIndex",
          KeyConditionExpression: "email = :email",
          ExpressionAttributeValues: { ":email": { S: "a@b.c" } }
        })
      )
      assert.lengthOf(Items ?? [], 1)
      const expiry = async (table: string) =>
        (await dynamodb.send(new DescribeTimeToLiveCommand({ TableName: resources.tables[table] })))
          .TimeToLiveDescription
      assert.deepEqual(await expiry("dsr"), { TimeToLiveStatus: "ENABLED", AttributeName: "expiresAt" })
      for (const table of ["stage", "lock"]) {
        assert.deepEqual(await expiry(table), { TimeToLiveStatus: "ENABLED", AttributeName: "expires_at" })
      }
      assert.deepEqual(await expiry("conversations"), { TimeToLiveStatus: "DISABLED" })
      for (const [queue, dlq, visibility, maxReceiveCount] of [
        ["fallback", "mparticle-api-fallback-code-dlq", "30", 5],
        ["whatsapp", "ai-multi-comms-replies-whatsapp-queue-code-dlq", "30", 3],
        ["idMinter", "id-minter-code-dlq", "10", 3],
        ["parking", "ai-multi-comms-replies-parking-queue-code-dlq", "60", 1_000]
      ] as const) {
        const { Attributes } = await sqs.send(
          new GetQueueAttributesCommand({ QueueUrl: resources.queues[queue], AttributeNames: ["All"] })
        )
        assert.strictEqual(Attributes?.["VisibilityTimeout"], visibility)
        assert.deepEqual(JSON.parse(Attributes?.["RedrivePolicy"] ?? ""), {
          deadLetterTargetArn: `arn:aws:sqs:eu-west-1:000000000000:${dlq}`,
          maxReceiveCount
        })
      }
      await sqs.send(new SendMessageCommand({ QueueUrl: resources.queues["fallback"], MessageBody: "kept" }))
      await s3.send(new PutObjectCommand({ Bucket: resources.buckets["results"], Key: "k", Body: "kept" }))
      await secretsmanager.send(new CreateSecretCommand({ Name: "s", SecretString: "kept" }))
      await ssm.send(
        new PutParameterCommand({ Name: "/mparticle-api/CODE/pod", Value: "us1", Type: "String", Overwrite: true })
      )
    }
    await using again = await startParts({ dataDir })
    const { buckets, queues, tables } = await create(again)
    const { dynamodb, s3, secretsmanager, sqs, ssm } = again.through
    const parameter = async (name: string) =>
      (await ssm.send(new GetParameterCommand({ Name: `/mparticle-api/CODE/${name}`, WithDecryption: true }))).Parameter
        ?.Value
    assert.lengthOf((await dynamodb.send(new ListTablesCommand({}))).TableNames ?? [], 6)
    assert.isDefined((await dynamodb.send(new GetItemCommand({ TableName: tables["dsr"], Key: key }))).Item)
    assert.strictEqual(
      (await sqs.send(new ReceiveMessageCommand({ QueueUrl: queues["fallback"] }))).Messages?.[0]?.Body,
      "kept"
    )
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: buckets["results"], Key: "k" }))
    assert.strictEqual(await Body?.transformToString(), "kept")
    assert.strictEqual((await secretsmanager.send(new GetSecretValueCommand({ SecretId: "s" }))).SecretString, "kept")
    assert.strictEqual(await parameter("pod"), "us1")
    assert.strictEqual(await parameter("fallback-queue-url"), queues["fallback"])
    assert.strictEqual(await parameter("sar-results-bucket"), buckets["results"])
  })
})
