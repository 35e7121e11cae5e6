/** What the platform's proxy writes down of calls that the real clients make. */
import { existsSync, readFileSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as dynamodb from "@aws-sdk/client-dynamodb"
import * as s3 from "@aws-sdk/client-s3"
import { BatchGetSecretValueCommand, GetSecretValueCommand } from "@aws-sdk/client-secrets-manager"
import * as sqs from "@aws-sdk/client-sqs"
import { GetParameterCommand, GetParametersByPathCommand, GetParametersCommand } from "@aws-sdk/client-ssm"
import { afterAll, afterEach, assert, beforeAll, describe, it } from "vitest"
import { startAwsProxy } from "../../local/src/aws/AwsProxy.ts"
import { CallRecorder, recorderFrom } from "../../local/src/aws/CallRecorder.ts"
import { Sandbox } from "../../local/src/sandboxes/Sandbox.ts"
import { clientsOf, processId } from "../local/awsParts.ts"

type Clients = ReturnType<typeof clientsOf>

let folder: string
let clients: Clients
let caller: string | undefined = "staging"
let proxy: Awaited<ReturnType<typeof startAwsProxy>>
const sandbox = new Sandbox("aws")

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "recording-"))
  const nowhere = "http://127.0.0.1:9"
  proxy = await startAwsProxy({
    sandbox,
    upstream: { dynamodb: nowhere, sqs: nowhere, s3: nowhere, secretsmanager: nowhere, ssm: nowhere },
    processes: {
      caller: (id) => (id === processId && caller !== undefined ? { function: caller, kill: () => {} } : undefined)
    },
    recorder: new CallRecorder(folder)
  })
  // Nothing is behind the proxy: a call that fails was made all the same.
  clients = clientsOf(proxy.endpoints)
})

afterAll(async () => {
  await proxy[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

afterEach(() => {
  sandbox.clear()
  caller = "staging"
})

const file = (): string => {
  const path = join(folder, `${process.pid}.jsonl`)
  return existsSync(path) ? readFileSync(path, "utf8") : ""
}

/** What is written down while calls are made, as `action resource`. */
const written = async (...calls: ReadonlyArray<Promise<unknown>>): Promise<ReadonlyArray<string>> => {
  const before = file().length
  const outcomes = await Promise.allSettled(calls)
  assert.isTrue(outcomes.every(({ status }) => status === "rejected"))
  return file()
    .slice(before)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as { function: string; action: string; resource: string })
    .map((use) => `${use.action} ${use.resource}`)
    .toSorted()
}

const id = { id: { S: "1" } }

describe("the actions of DynamoDB", () => {
  it("are those of a transaction's parts, each on its own table", async () => {
    const parts = [
      { Put: { TableName: "a", Item: id } },
      { Update: { TableName: "b", Key: id, UpdateExpression: "SET x = :x" } },
      { Delete: { TableName: "c", Key: id } },
      { ConditionCheck: { TableName: "d", Key: id, ConditionExpression: "attribute_exists(id)" } }
    ]
    assert.deepEqual(
      await written(
        clients.dynamodb.send(new dynamodb.TransactWriteItemsCommand({ TransactItems: parts })),
        clients.dynamodb.send(
          new dynamodb.TransactGetItemsCommand({ TransactItems: [{ Get: { TableName: "e", Key: id } }] })
        )
      ),
      [
        "dynamodb:ConditionCheckItem table/d",
        "dynamodb:DeleteItem table/c",
        "dynamodb:GetItem table/e",
        "dynamodb:PutItem table/a",
        "dynamodb:UpdateItem table/b"
      ]
    )
  })

  it("are those of their own for batches, on every table of theirs, and an index's for a query of it", async () => {
    const Keys = [id]
    assert.deepEqual(
      await written(
        clients.dynamodb.send(
          new dynamodb.BatchGetItemCommand({ RequestItems: { batch1: { Keys }, batch2: { Keys } } })
        ),
        clients.dynamodb.send(
          new dynamodb.BatchWriteItemCommand({ RequestItems: { batch1: [{ PutRequest: { Item: id } }] } })
        ),
        clients.dynamodb.send(new dynamodb.QueryCommand({ TableName: "q", IndexName: "ByMail" })),
        clients.dynamodb.send(new dynamodb.QueryCommand({ TableName: "q" })),
        clients.dynamodb.send(new dynamodb.ScanCommand({ TableName: "arn:aws:dynamodb:eu-west-1:1:table/s" }))
      ),
      [
        "dynamodb:BatchGetItem table/batch1",
        "dynamodb:BatchGetItem table/batch2",
        "dynamodb:BatchWriteItem table/batch1",
        "dynamodb:Query table/q",
        "dynamodb:Query table/q/index/ByMail",
        "dynamodb:Scan table/s"
      ]
    )
  })
})

describe("the actions of SQS", () => {
  it("are the same for a batch as for one message", async () => {
    const QueueUrl = "http://127.0.0.1/000000000000/orders"
    const Entries = [{ Id: "1", ReceiptHandle: "h", MessageBody: "m", VisibilityTimeout: 1 }]
    assert.deepEqual(
      await written(
        clients.sqs.send(new sqs.SendMessageBatchCommand({ QueueUrl, Entries })),
        clients.sqs.send(new sqs.DeleteMessageBatchCommand({ QueueUrl, Entries })),
        clients.sqs.send(new sqs.ChangeMessageVisibilityBatchCommand({ QueueUrl, Entries })),
        clients.sqs.send(new sqs.ReceiveMessageCommand({ QueueUrl }))
      ),
      [
        "sqs:ChangeMessageVisibility queue/orders",
        "sqs:DeleteMessage queue/orders",
        "sqs:ReceiveMessage queue/orders",
        "sqs:SendMessage queue/orders"
      ]
    )
  })
})

describe("the actions of S3", () => {
  const Bucket = "box"

  it("are those on objects", async () => {
    const upload = { Bucket, Key: "big", UploadId: "u" }
    assert.deepEqual(
      await written(
        clients.s3.send(new s3.PutObjectCommand({ Bucket, Key: "a/bücher 1", Body: "x" })),
        clients.s3.send(new s3.HeadObjectCommand({ Bucket, Key: "head" })),
        clients.s3.send(new s3.GetObjectCommand({ Bucket, Key: "old", VersionId: "1" })),
        clients.s3.send(new s3.UploadPartCommand({ ...upload, PartNumber: 1, Body: "x" })),
        clients.s3.send(new s3.AbortMultipartUploadCommand(upload)),
        clients.s3.send(new s3.CopyObjectCommand({ Bucket, Key: "copy", CopySource: "other/from%20here" })),
        clients.s3.send(new s3.PutObjectCommand({ Bucket, Key: "open", Body: "x", ACL: "public-read" }))
      ),
      [
        "s3:AbortMultipartUpload object/box/big",
        "s3:GetObject object/box/head",
        "s3:GetObject object/other/from here",
        "s3:GetObjectVersion object/box/old",
        "s3:PutObject object/box/a/bücher 1",
        "s3:PutObject object/box/big",
        "s3:PutObject object/box/copy",
        "s3:PutObject object/box/open",
        "s3:PutObjectAcl object/box/open"
      ]
    )
  })

  it("are those on a bucket, and on the objects that a call on it deletes", async () => {
    const Delete = { Objects: [{ Key: "x/1" }, { Key: "x/2" }] }
    assert.deepEqual(
      await written(
        clients.s3.send(new s3.ListObjectsV2Command({ Bucket })),
        clients.s3.send(new s3.HeadBucketCommand({ Bucket: "head" })),
        clients.s3.send(new s3.ListObjectVersionsCommand({ Bucket })),
        clients.s3.send(new s3.DeleteObjectsCommand({ Bucket, Delete }))
      ),
      [
        "s3:DeleteObject object/box/x/1",
        "s3:DeleteObject object/box/x/2",
        "s3:ListBucket bucket/box",
        "s3:ListBucket bucket/head",
        "s3:ListBucketVersions bucket/box"
      ]
    )
  })
})

describe("the actions of the stores", () => {
  it("are on each parameter and each secret, by their names", async () => {
    const arn = "arn:aws:secretsmanager:eu-west-1:000000000000:secret:team/db-AbCdEf"
    assert.deepEqual(
      await written(
        clients.ssm.send(new GetParametersCommand({ Names: ["/one/a", "/one/b"] })),
        clients.ssm.send(new GetParameterCommand({ Name: "/one/a" })),
        clients.ssm.send(new GetParametersByPathCommand({ Path: "/one" })),
        clients.secretsmanager.send(new GetSecretValueCommand({ SecretId: "team/api" })),
        clients.secretsmanager.send(new GetSecretValueCommand({ SecretId: arn })),
        clients.secretsmanager.send(new BatchGetSecretValueCommand({ SecretIdList: ["team/x"] }))
      ),
      [
        "secretsmanager:BatchGetSecretValue secret/team/x",
        "secretsmanager:GetSecretValue secret/team/api",
        "secretsmanager:GetSecretValue secret/team/db",
        "ssm:GetParameter parameter/one/a",
        "ssm:GetParameters parameter/one/a",
        "ssm:GetParameters parameter/one/b",
        "ssm:GetParametersByPath parameter/one"
      ]
    )
  })
})

describe("what is written down", () => {
  const get = (name: string) => clients.dynamodb.send(new dynamodb.GetItemCommand({ TableName: name, Key: id }))

  it("is there once, however often it is done", async () => {
    assert.deepEqual(await written(get("often"), get("often")), ["dynamodb:GetItem table/often"])
    assert.deepEqual(await written(get("often")), [])
  })

  it("counts a call that was answered with a fault", async () => {
    sandbox.faults.add({ match: { operation: "GetItem" }, fault: { error: "ThrottlingException" }, times: 1 })
    assert.deepEqual(await written(get("throttled")), ["dynamodb:GetItem table/throttled"])
  })

  it("is nothing of a test function, of a process that nobody knows, or of a test itself", async () => {
    caller = "a-fixture"
    assert.deepEqual(await written(get("fixture")), [])
    caller = undefined
    assert.deepEqual(await written(get("unknown")), [])
  })

  it("names the function", async () => {
    await written(get("named"))
    assert.include(
      file(),
      `${JSON.stringify({ function: "staging", action: "dynamodb:GetItem", resource: "table/named" })}\n`
    )
  })

  it("is written where the environment says so, and nowhere else", () => {
    assert.isUndefined(recorderFrom({}))
    assert.isUndefined(recorderFrom({ AWS_CALLS_FOLDER: "" }))
    assert.instanceOf(recorderFrom({ AWS_CALLS_FOLDER: folder }), CallRecorder)
  })
})
