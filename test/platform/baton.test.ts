/** One privacy request end to end: the Lambda Invoke API, a built bundle, DynamoDB, and mParticle's protocol. */
import { DynamoDBClient, GetItemCommand, ScanCommand } from "@aws-sdk/client-dynamodb"
import { unmarshall } from "@aws-sdk/util-dynamodb"
import { afterAll, afterEach, assert, beforeAll, describe, it } from "vitest"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import type { JournalEntry } from "../../local/src/sandboxes/Sandbox.ts"
import { call, invoke, type Invoked, type Running, startTestPlatform } from "../support/platform.ts"

let running: Running
let dynamo: DynamoDBClient

beforeAll(async () => {
  running = await startTestPlatform()
  dynamo = new DynamoDBClient({
    endpoint: running.platform.info.aws.dynamodb,
    region: "eu-west-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" }
  })
})

afterEach(async () => {
  for (const name of ["aws", "lambda", "mparticle"]) await call(running, "DELETE", `/_sandbox/${name}`)
})

afterAll(async () => {
  dynamo.destroy()
  await running[Symbol.asyncDispose]()
})

const baton = (event: unknown): Promise<Invoked> => invoke(running.lambda, "mparticle-api-lambda", event)

let people = 0
const initiation = (overrides: object = {}) => {
  people += 1
  return {
    action: "initiate",
    payload: {
      identityId: `guardian-user-${people}`,
      email: `user-${people}@example.com`,
      requestType: "delete",
      regulation: "GDPR",
      correlationId: `workflow-${people}`,
      ...overrides
    }
  }
}

const fault = async (sandbox: string, rule: object): Promise<void> => {
  const answer = await call(running, "POST", `/_sandbox/${sandbox}/faults`, rule)
  assert.strictEqual(answer.status, 200)
}

const received = async (sandbox: string): Promise<ReadonlyArray<JournalEntry>> =>
  (await (await call(running, "GET", `/_sandbox/${sandbox}/requests`)).json()) as ReadonlyArray<JournalEntry>

const submissions = async (): Promise<ReadonlyArray<JournalEntry>> =>
  (await received("mparticle")).filter(({ method, path }) => method === "POST" && path === "/v3/requests")

const recordOf = async (id: unknown): Promise<Record<string, unknown>> => {
  const { Item } = await dynamo.send(
    new GetItemCommand({ TableName: running.platform.info.tables["dsr"] ?? "", Key: { id: { S: String(id) } } })
  )
  return Item === undefined ? {} : unmarshall(Item)
}

describe("a privacy request through Baton's door", () => {
  it("is on record, at mParticle, and found again", async () => {
    const filed = await baton(initiation())
    assert.isUndefined(filed.functionError)
    assert.include(filed.payload, { success: true, status: "submitted" })
    const id = filed.payload["mparticleRequestId"]
    assert.deepInclude(await recordOf(id), { id, status: "submitted", type: "delete", regulation: "GDPR" })
    const [submission, ...rest] = await submissions()
    assert.lengthOf(rest, 0)
    assert.deepInclude(JSON.parse(submission?.body ?? "{}"), {
      subject_request_id: id,
      subject_request_type: "erasure"
    })
    const found = await baton({ action: "status", payload: { mparticleRequestId: id } })
    assert.include(found.payload, { success: true, mparticleRequestId: id, status: "submitted" })
  })

  it("is one request however often it is sent", async () => {
    const event = initiation()
    const answers = await Promise.all([baton(event), baton(event), baton(event)])
    assert.lengthOf(new Set(answers.map(({ payload }) => payload["mparticleRequestId"])), 1)
  })

  it("answers a caller's mistake, and calls nothing", async () => {
    const { functionError, payload } = await baton(initiation({ email: "nobody" }))
    assert.isUndefined(functionError)
    assert.deepInclude(payload, { success: false })
    assert.lengthOf(await submissions(), 0)
  })

  it("survives its process being killed between the record and the submission: the retry is the same request", async () => {
    const event = initiation()
    await fault("aws", { match: { operation: "TransactWriteItems" }, times: 1, fault: { commitThenKill: true } })
    const killed = await baton(event)
    assert.strictEqual(killed.functionError, "Unhandled")
    assert.strictEqual(killed.payload["errorType"], "Runtime.ExitError")
    assert.lengthOf(await submissions(), 0)
    const { Items = [] } = await dynamo.send(new ScanCommand({ TableName: running.platform.info.tables["dsr"] ?? "" }))
    const written = Items.map((item) => unmarshall(item)).find(
      ({ identityId }) => identityId === event.payload.identityId
    )
    assert.strictEqual(written?.["status"], "received")
    const retried = await baton(event)
    assert.include(retried.payload, { success: true, status: "submitted", mparticleRequestId: written?.["id"] })
    assert.lengthOf(await submissions(), 1)
  })

  it("meets a fault of mParticle only where the rule matches", async () => {
    await fault("mparticle", { match: { method: "GET", path: "/v3/.*" }, times: 1, fault: { status: 500 } })
    await fault("mparticle", { match: { path: "/v3/requests/.+" }, times: 1, fault: { status: 500 } })
    assert.include((await baton(initiation())).payload, { success: true })
    await fault("mparticle", {
      match: { method: "POST", path: "/v3/requests", function: "mparticle-api-lambda" },
      times: 1,
      fault: { status: 400, body: { code: 400, message: "Invalid workspace configuration" } }
    })
    const { payload } = await baton(initiation())
    assert.deepInclude(payload, { success: false })
    assert.nestedInclude(payload, {
      "error.code": "SUBMISSION_FAILED",
      "error.details.mparticleError": "Invalid workspace configuration"
    })
    assert.include((await baton(initiation())).payload, { success: true })
  })

  it("leaves no personal data and no secret in the function's log", async () => {
    const log = await readFile(join(running.folder, ".local/logs/mparticle-api-lambda.log"), "utf8")
    assert.include(log, "batonInitiate_SUCCESS")
    assert.notMatch(log, /guardian-user-|@example\.com|Basic /)
  })

  it("warms up without a metric and without a call to mParticle", async () => {
    assert.deepEqual((await baton({ warmup: true })).payload, { warmed: true })
    assert.deepEqual((await baton({ source: "aws.events", "detail-type": "Scheduled Event" })).payload, {
      warmed: true
    })
    assert.lengthOf(await received("mparticle"), 0)
  })
})
