/** One privacy request end to end: the Lambda Invoke API, a built bundle, DynamoDB, and mParticle's protocol. */
import { DynamoDBClient, ScanCommand } from "@aws-sdk/client-dynamodb"
import { unmarshall } from "@aws-sdk/util-dynamodb"
import { afterAll, afterEach, assert, beforeAll, describe, it } from "vitest"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { type Running, startTestPlatform } from "../support/platform.ts"
import { type Field, fieldOf } from "../support/sandbox.ts"

let running: Running
let field: Field

beforeAll(async () => {
  running = await startTestPlatform({}, { CLAIM_LEASE_SECONDS: "2" })
  field = fieldOf(running)
})

afterEach(() => field.clear())

afterAll(async () => {
  field[Symbol.dispose]()
  await running[Symbol.asyncDispose]()
})

describe("a privacy request through Baton's door", () => {
  it("is on record, at mParticle, and found again", async () => {
    const filed = await field.baton(field.initiation())
    assert.isUndefined(filed.functionError)
    assert.include(filed.payload, { success: true, status: "submitted" })
    const id = filed.payload["mparticleRequestId"]
    assert.deepInclude(await field.recordOf(id), { id, status: "submitted", type: "delete", regulation: "GDPR" })
    const [submission, ...rest] = await field.submissions()
    assert.lengthOf(rest, 0)
    assert.deepInclude(JSON.parse(submission?.body ?? "{}"), {
      subject_request_id: id,
      subject_request_type: "erasure"
    })
    const found = await field.baton({ action: "status", payload: { mparticleRequestId: id } })
    assert.include(found.payload, { success: true, mparticleRequestId: id, status: "submitted" })
  })

  it("answers a caller's mistake, and calls nothing", async () => {
    const { functionError, payload } = await field.baton(field.initiation({ email: "nobody" }))
    assert.isUndefined(functionError)
    assert.deepInclude(payload, { success: false })
    assert.lengthOf(await field.submissions(), 0)
  })

  it("survives its process being killed between the record and the submission: the retry is the same request", async () => {
    const event = field.initiation()
    await field.fault("aws", { match: { operation: "TransactWriteItems" }, times: 1, fault: { commitThenKill: true } })
    const killed = await field.baton(event)
    assert.strictEqual(killed.functionError, "Unhandled")
    assert.strictEqual(killed.payload["errorType"], "Runtime.ExitError")
    assert.lengthOf(await field.submissions(), 0)
    const { aws, tables } = running.platform.info
    const credentials = { accessKeyId: "test", secretAccessKey: "test" }
    const dynamo = new DynamoDBClient({ endpoint: aws.dynamodb, region: "eu-west-1", credentials })
    const { Items = [] } = await dynamo.send(new ScanCommand({ TableName: tables["dsr"] ?? "" }))
    dynamo.destroy()
    const written = Items.map((item) => unmarshall(item)).find(
      ({ identityId }) => identityId === event.payload["identityId"]
    )
    assert.strictEqual(written?.["status"], "received")
    const retried = await field.baton(event)
    assert.include(retried.payload, { success: true, status: "submitted", mparticleRequestId: written?.["id"] })
    assert.lengthOf(await field.submissions(), 1)
  })

  it("meets a fault of mParticle only where the rule matches", async () => {
    await field.fault("mparticle", { match: { method: "GET", path: "/v3/.*" }, times: 1, fault: { status: 500 } })
    await field.fault("mparticle", { match: { path: "/v3/requests/.+" }, times: 1, fault: { status: 500 } })
    assert.include((await field.baton(field.initiation())).payload, { success: true })
    await field.fault("mparticle", {
      match: { method: "POST", path: "/v3/requests", function: "mparticle-api-lambda" },
      times: 1,
      fault: { status: 400, body: { code: 400, message: "Invalid workspace configuration" } }
    })
    const { payload } = await field.baton(field.initiation())
    assert.deepInclude(payload, { success: false })
    assert.nestedInclude(payload, {
      "error.code": "SUBMISSION_FAILED",
      "error.details.mparticleError": "Invalid workspace configuration"
    })
    assert.include((await field.baton(field.initiation())).payload, { success: true })
  })

  it("warms up without a metric and without a call to mParticle", async () => {
    const log = join(running.folder, ".local/logs/mparticle-api-lambda.log")
    const metrics = async (): Promise<number> => (await readFile(log, "utf8")).split('"_aws"').length
    const before = await metrics()
    assert.deepEqual((await field.baton({ warmup: true })).payload, { warmed: true })
    const scheduled = { source: "aws.events", "detail-type": "Scheduled Event" }
    assert.deepEqual((await field.baton(scheduled)).payload, { warmed: true })
    assert.lengthOf(await field.received("mparticle"), 0)
    assert.strictEqual(await metrics(), before)
    assert.isAbove(before, 1, "the other calls wrote theirs")
  })
})
