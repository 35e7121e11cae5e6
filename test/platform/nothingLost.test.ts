/** No request lost, none sent twice: the product's bundles under races, crashes and outages. */
import { afterAll, afterEach, assert, beforeAll, describe, it } from "vitest"
import { eventually, type Running, startTestPlatform } from "../support/platform.ts"
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

const submittedIds = async (): Promise<ReadonlyArray<string>> =>
  (await field.submissions())
    .filter(({ status }) => status === 201)
    .map(({ body }) => (JSON.parse(body) as { readonly subject_request_id: string }).subject_request_id)

describe("no request is lost and none is sent twice", () => {
  it("50 parallel initiates with one correlation id are one request", async () => {
    const event = field.initiation()
    const answers = await Promise.all(Array.from({ length: 50 }, () => field.baton(event)))
    for (const { functionError, payload } of answers) {
      assert.isUndefined(functionError)
      assert.include(payload, { success: true, status: "submitted" })
    }
    assert.lengthOf(new Set(answers.map(({ payload }) => payload["mparticleRequestId"])), 1)
    assert.lengthOf(await field.submissions(), 1)
    assert.include(await field.recordOf(answers[0]?.payload["mparticleRequestId"]), { status: "submitted" })
  })

  it("a kill between the claim and the submission, then a retry: the same id, one request", async () => {
    const event = field.initiation()
    await field.fault("aws", { match: { operation: "TransactWriteItems" }, times: 1, fault: { commitThenKill: true } })
    assert.strictEqual((await field.baton(event)).payload["errorType"], "Runtime.ExitError")
    const { payload } = await field.baton(event)
    assert.include(payload, { success: true, status: "submitted" })
    assert.deepStrictEqual(await submittedIds(), [String(payload["mparticleRequestId"])])
  })

  it("mParticle's answer lost after it accepted: one request, success", async () => {
    await field.fault("mparticle", {
      match: { method: "POST", path: "/v3/requests" },
      times: 1,
      fault: { commitThenReset: true }
    })
    const { payload } = await field.baton(field.initiation())
    assert.include(payload, { success: true, status: "submitted" })
    assert.lengthOf(await field.submissions(), 1)
    assert.include(await field.recordOf(payload["mparticleRequestId"]), { status: "submitted" })
  })

  it("the process killed after mParticle accepted, then a retry: one request, success", async () => {
    const event = field.initiation()
    await field.fault("mparticle", {
      match: { method: "POST", path: "/v3/requests" },
      times: 1,
      fault: { commitThenKill: true }
    })
    assert.strictEqual((await field.baton(event)).payload["errorType"], "Runtime.ExitError")
    const { payload } = await field.baton(event)
    assert.include(payload, { success: true, status: "submitted" })
    assert.lengthOf(await field.submissions(), 1)
  })

  it("DynamoDB throttled after mParticle accepted: success, and written down later", async () => {
    const event = field.initiation()
    // The claim goes through; mParticle takes its time, and the throttling starts meanwhile.
    await field.fault("mparticle", {
      match: { method: "POST", path: "/v3/requests" },
      times: 1,
      fault: { delayMs: 700 }
    })
    const answering = field.baton(event)
    await eventually(async () => assert.lengthOf(await field.submissions(), 1))
    await field.fault("aws", {
      match: { operation: "TransactWriteItems|UpdateItem" },
      times: 1_000,
      fault: { error: "ProvisionedThroughputExceededException" }
    })
    const { payload } = await answering
    assert.include(payload, { success: true, status: "submitted" })
    assert.include(await field.recordOf(payload["mparticleRequestId"]), { status: "received" })
    const submissions = await field.submissions()
    await field.clear()
    await eventually(
      async () => assert.include(await field.recordOf(payload["mparticleRequestId"]), { status: "submitted" }),
      60_000
    )
    assert.lengthOf(submissions, 1)
    assert.lengthOf(await field.submissions(), 0)
  }, 90_000)

  it("mParticle down for 30 s under 20 requests: all queued, then all submitted, none twice", async () => {
    const outage = 30_000
    const began = Date.now()
    await field.fault("mparticle", { match: { path: "/v3/.*" }, times: 100_000, fault: { status: 503 } })
    const answers = await Promise.all(Array.from({ length: 20 }, () => field.baton(field.initiation())))
    for (const { payload } of answers) assert.include(payload, { success: true, status: "queued" })
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, outage - (Date.now() - began))))
    await field.clear()
    const ids = answers.map(({ payload }) => String(payload["mparticleRequestId"]))
    await eventually(async () => {
      const records = await Promise.all(ids.map((id) => field.recordOf(id)))
      assert.deepStrictEqual([...new Set(records.map(({ status }) => status))], ["submitted"])
    }, 150_000)
    assert.deepStrictEqual((await submittedIds()).toSorted(), ids.toSorted())
  }, 240_000)
})
