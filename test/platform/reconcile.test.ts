/** Nothing is forgotten: the scheduled function on the platform, through built bundles and real engines. */
import { PurgeQueueCommand, SQSClient } from "@aws-sdk/client-sqs"
import { GetObjectCommand, S3Client } from "@aws-sdk/client-s3"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, afterEach, assert, beforeAll, describe, it } from "vitest"
import { call, eventually, invoke, type Running, startTestPlatform } from "../support/platform.ts"
import { type Field, fieldOf } from "../support/sandbox.ts"

let running: Running
let field: Field
let sqs: SQSClient
let s3: S3Client

beforeAll(async () => {
  running = await startTestPlatform({}, { STATUS_REFRESH_SECONDS: "1", CLAIM_LEASE_SECONDS: "2" })
  field = fieldOf(running)
  const credentials = { accessKeyId: "test", secretAccessKey: "test" }
  const { aws } = running.platform.info
  sqs = new SQSClient({ endpoint: aws.sqs, region: "eu-west-1", credentials })
  s3 = new S3Client({ endpoint: aws.s3, region: "eu-west-1", credentials })
})

afterEach(() => field.clear())

afterAll(async () => {
  sqs.destroy()
  s3.destroy()
  field[Symbol.dispose]()
  await running[Symbol.asyncDispose]()
})

const reconcile = async (event: unknown = {}) => {
  const { functionError, payload } = await invoke(running.lambda, "mparticle-api-reconcile", event)
  assert.isUndefined(functionError)
  return payload
}

const nothing = { resubmitted: 0, refreshed: 0, copied: 0, stuck: 0, failed: 0, finished: true }

/** Long enough ago for everything to be due. */
const aSecondLater = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1_100))

const advance = async (body: object): Promise<void> => {
  const answer = await call(running, "POST", "/_sandbox/mparticle/advance", { callback: false, ...body })
  assert.deepStrictEqual(await answer.json(), { status: null })
}

/** A request that is with mParticle; its id. */
const filed = async (requestType: "delete" | "export"): Promise<unknown> => {
  const { payload } = await field.baton(field.initiation({ requestType }))
  assert.include(payload, { success: true, status: "submitted" })
  return payload["mparticleRequestId"]
}

const zip = Buffer.from("UEsDBA not quite a zip")

describe("the reconciliation", () => {
  it("T-57 finds an erasure completed whose callback was lost, once", async () => {
    const id = await filed("delete")
    await advance({ id, status: "completed" })
    await aSecondLater()
    assert.deepInclude(await reconcile(), { ...nothing, checked: 1, refreshed: 1 })
    const record = await field.recordOf(id)
    assert.include(record, { status: "completed" })
    assert.match(String(record["email"]), /^hmac-sha256:/)
    await aSecondLater()
    assert.deepInclude(await reconcile(), { ...nothing, checked: 0 })
    assert.deepStrictEqual(await field.recordOf(id), record)
  }, 60_000)

  it("T-57 ST-17 finds an export completed, and its results can be read", async () => {
    const id = await filed("export")
    await advance({ id, status: "completed", results: zip.toString("base64") })
    await aSecondLater()
    assert.deepInclude(await reconcile(), { ...nothing, checked: 1, refreshed: 1, copied: 1 })
    const bucket = running.platform.info.buckets["results"] ?? ""
    assert.deepInclude(await field.recordOf(id), {
      status: "completed",
      resultLocations: [`s3://${bucket}/${String(id)}.zip`]
    })
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: `${String(id)}.zip` }))
    assert.deepStrictEqual(Buffer.from((await Body?.transformToByteArray()) ?? []), zip)
    const { payload } = await field.baton({ action: "status", payload: { mparticleRequestId: id } })
    const [url = ""] = payload["downloadUrls"] as ReadonlyArray<string>
    assert.deepStrictEqual(Buffer.from(await (await fetch(url)).bytes()), zip)
    assert.deepInclude(await reconcile(), { ...nothing, checked: 0 })
  }, 60_000)

  it("T-57 copies the results that a callback could not, when S3 is back", async () => {
    const id = await filed("export")
    await field.fault("aws", { match: { operation: "PutObject" }, times: 2, fault: { status: 503 } })
    await advance({ id, status: "completed", results: zip.toString("base64") })
    await aSecondLater()
    assert.deepInclude(await reconcile(), { ...nothing, checked: 1, refreshed: 1, failed: 1 })
    assert.include(await field.recordOf(id), { status: "completed" })
    assert.deepInclude(await reconcile(), { ...nothing, checked: 1, failed: 1 })
    assert.deepInclude(await reconcile(), { ...nothing, checked: 1, copied: 1 })
    assert.deepInclude(await reconcile(), { ...nothing, checked: 0 })
  }, 60_000)

  it("T-57 sends a request whose message was lost, once", async () => {
    const queueUrl = running.platform.info.queues["fallback"] ?? ""
    // The queue's consumer does not get to it.
    await field.fault("lambda", { match: { function: "mparticle-api-retry" }, times: 1_000, fault: { kill: true } })
    await field.fault("mparticle", { match: { path: "/v3/.*" }, times: 100, fault: { status: 503 } })
    const { payload } = await field.baton(field.initiation())
    assert.include(payload, { success: true, status: "queued" })
    const id = payload["mparticleRequestId"]
    // Purged is what is on its way to the consumer as well.
    await sqs.send(new PurgeQueueCommand({ QueueUrl: queueUrl }))
    assert.deepInclude(await reconcile(), { checked: 1, resubmitted: 0 })
    assert.include(await field.recordOf(id), { status: "queued" })
    await field.clear()
    // The breaker of the function's process opens for a minute after five failures in a row.
    const summary = await eventually(async () => {
      const one = await reconcile()
      assert.strictEqual(one["resubmitted"], 1)
      return one
    }, 90_000)
    assert.deepInclude(summary, { ...nothing, checked: 1, resubmitted: 1 })
    assert.include(await field.recordOf(id), { status: "submitted" })
    assert.lengthOf(await field.submissions(), 1)
    await reconcile()
    assert.lengthOf(await field.submissions(), 1)
  }, 240_000)

  it("T-57 goes on after a process that was killed between mParticle and the record", async () => {
    const { payload } = await field.baton(field.initiation())
    const id = payload["mparticleRequestId"]
    await advance({ id, status: "completed" })
    await field.fault("mparticle", { match: { method: "GET" }, times: 1, fault: { commitThenKill: true } })
    await aSecondLater()
    const killed = await invoke(running.lambda, "mparticle-api-reconcile", {})
    assert.strictEqual(killed.payload["errorType"], "Runtime.ExitError")
    assert.include(await field.recordOf(id), { status: "submitted" })
    await eventually(async () => {
      await reconcile()
      assert.include(await field.recordOf(id), { status: "completed" })
    })
  }, 60_000)

  it("W-01 warms up for a warm-up alone: EventBridge's event is its schedule", async () => {
    assert.deepStrictEqual(await reconcile({ warmup: true }), { warmed: true })
    assert.lengthOf(await field.received("mparticle"), 0)
    const scheduled = { source: "aws.events", "detail-type": "Scheduled Event", detail: {} }
    assert.hasAllKeys(await reconcile(scheduled), [...Object.keys(nothing), "checked"])
    const log = await readFile(join(running.folder, ".local/logs/mparticle-api-reconcile.log"), "utf8")
    assert.include(log, '"StuckRequests"')
  }, 60_000)
})
