/**
 * What functions do with AWS only when something goes wrong, or for a secret that the platform does without, once each: a
 * run of all tests fails on a grant that none of them has shown (`test/support/PermissionsReporter.ts`).
 */
import { afterAll, afterEach, assert, beforeAll, describe, it } from "vitest"
import {
  batchOf,
  company,
  conversationOf,
  groundOf,
  type Ground,
  parkedOf,
  sees,
  wasOpen
} from "../support/permissionCalls.ts"
import { notification } from "../support/minterCalls.ts"
import { workId } from "../../local/src/minter/sampleWork.ts"
import { putWorks } from "../support/minterPlatform.ts"
import { call, eventually, invoke, type Running, startTestPlatform } from "../support/platform.ts"
import { type Field, fieldOf } from "../support/sandbox.ts"

const minterSecret = "id-minter/database-code"

let running: Running
let field: Field
let ground: Ground

beforeAll(async () => {
  running = await startTestPlatform(
    {},
    { STATUS_REFRESH_SECONDS: "1", CLAIM_LEASE_SECONDS: "1", BATCH_WINDOW_SECONDS: "1", db_secret_name: minterSecret }
  )
  field = fieldOf(running)
  ground = groundOf(running)
  // The name stands in the settings, where each process has its own.
  await ground.secret(minterSecret, { password: new URL(running.platform.info.mysql ?? "mysql://x:none@x").password })
})

afterEach(() => field.clear())

afterAll(async () => {
  field[Symbol.dispose]()
  ground[Symbol.dispose]()
  await running[Symbol.asyncDispose]()
})

const dsr = "mparticle-dsr"

/** Long enough for the longest of: a lease, and the time after which a request is due. */
const aSecondLater = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1_200))

/** A request on record that was not sent: its process died first. */
const unsent = async (): Promise<unknown> => {
  const event = field.initiation()
  const match = { function: "mparticle-api-lambda", method: "POST" }
  await field.fault("mparticle", { match, times: 1, fault: { kill: true } })
  const { functionError } = await invoke(running.lambda, "mparticle-api-lambda", event)
  assert.isDefined(functionError)
  const pointer = await ground.get("correlation", { correlationId: event.payload["correlationId"] })
  assert.isDefined(pointer)
  await aSecondLater()
  return pointer["requestId"]
}

/** What the fallback queue says of a request. */
const retryOf = (requestId: unknown): object =>
  batchOf({
    type: "DSR_RETRY",
    schemaVersion: 1,
    payload: { requestId },
    originalError: { code: "MPARTICLE_API_ERROR", status: 503 },
    correlationId: "permissions",
    firstFailedAt: new Date().toISOString(),
    attempt: 1
  })

/** mParticle refuses the next request that a function sends. */
const refuses = (name: string): Promise<void> =>
  field.fault("mparticle", {
    match: { function: name, method: "POST", path: "/v3/requests" },
    times: 1,
    fault: { status: 400, body: { code: 400, message: "Invalid workspace configuration" } }
  })

/** A function cannot write down what mParticle has taken. */
const losesWrites = (name: string): Promise<void> =>
  field.fault("aws", {
    match: { function: name, operation: "TransactWriteItems" },
    times: 20,
    fault: { error: "InternalServerError", status: 500 }
  })

const submitted = async (requestType: string): Promise<unknown> => {
  const { payload } = await field.baton(field.initiation({ requestType }))
  assert.include(payload, { success: true, status: "submitted" })
  return payload["mparticleRequestId"]
}

/** mParticle has done it, and its callback is lost. */
const completed = (id: unknown): Promise<unknown> =>
  ground.ask("POST", "/_sandbox/mparticle/advance", {
    id,
    status: "completed",
    results: Buffer.from("results").toString("base64"),
    callback: false
  })

describe("each of the functions around mParticle", () => {
  it("writes down that it probes after an outage", async () => {
    await ground.put("breaker", wasOpen(dsr))
    await submitted("delete")
    await sees(ground, "mparticle-api-lambda", "PutItem")
    await ground.put("breaker", wasOpen(dsr))
    const person = { email: "probe@example.com", type: "gdpr_delete" }
    await ground.ask("POST", "/dev/data-subject-requests", person)
    await sees(ground, "mparticle-api-http", "PutItem")
    const id = await unsent()
    await ground.put("breaker", wasOpen(dsr))
    await ground.run("mparticle-api-retry", retryOf(id))
    await sees(ground, "mparticle-api-retry", "PutItem")
    await aSecondLater()
    await ground.put("breaker", wasOpen(dsr))
    await ground.run("mparticle-api-reconcile")
    await sees(ground, "mparticle-api-reconcile", "PutItem")
    for (const key of ["mparticle-deletion", "braze"]) await ground.put("breaker", wasOpen(key))
    await ground.run("mparticle-api-deletion", batchOf({ userId: "guardian-user-1", brazeId: "braze-1" }))
    await sees(ground, "mparticle-api-deletion", "PutItem")
  }, 60_000)

  it("releases the lock of a request that has ended", async () => {
    await refuses("mparticle-api-lambda")
    assert.include((await field.baton(field.initiation())).payload, { success: false })
    await sees(ground, "mparticle-api-lambda", "DeleteItem")
    await refuses("mparticle-api-http")
    await call(running, "POST", "/dev/data-subject-requests", { email: "refused@example.com", type: "gdpr_delete" })
    await sees(ground, "mparticle-api-http", "DeleteItem")
    const id = await unsent()
    await refuses("mparticle-api-retry")
    await ground.run("mparticle-api-retry", retryOf(id))
    await sees(ground, "mparticle-api-retry", "DeleteItem")
    await completed(await submitted("delete"))
    await aSecondLater()
    await ground.run("mparticle-api-reconcile")
    await sees(ground, "mparticle-api-reconcile", "DeleteItem")
  }, 60_000)

  it("has it written down later when it cannot write down what mParticle took", async () => {
    const retried = await unsent()
    await losesWrites("mparticle-api-retry")
    await ground.run("mparticle-api-retry", retryOf(retried))
    await sees(ground, "mparticle-api-retry", "SendMessage")
    await unsent()
    await losesWrites("mparticle-api-reconcile")
    await ground.run("mparticle-api-reconcile")
    await sees(ground, "mparticle-api-reconcile", "SendMessage")
  }, 60_000)

  it("copies the results of an export, when it is the first to know of them", async () => {
    const asked = await submitted("export")
    await completed(asked)
    await aSecondLater()
    await field.baton({ action: "status", payload: { mparticleRequestId: asked } })
    await sees(ground, "mparticle-api-lambda", "HeadObject", "PutObject")
  }, 60_000)
})

/** More than a queue takes, so that a handoff goes by way of S3. */
const large = "x".repeat(270_000)

const human = { hand_off_to_human: true }

describe("Staging", () => {
  const customer = "+447700900201"

  const write = (from: string, changes: object = {}): Promise<unknown> =>
    ground.ask("POST", "/_sandbox/twilio/messages", {
      channel: "whatsapp",
      from,
      to: company.whatsapp,
      body: "Hi",
      ...changes
    })

  it("reads each channel's secret under its own name, and hands over to people", async () => {
    const email = "mail@example.com"
    await ground.ask("PUT", "/_sandbox/twilio/conversations", [
      conversationOf("whatsapp", customer),
      conversationOf("sms", "+447700900202", human),
      conversationOf("email", email, { ...human, notes: large })
    ])
    await write(customer)
    await write("+447700900202", { channel: "sms" })
    await write(email, { channel: "email", to: company.email })
    await sees(ground, "staging", "GetSecretValue", "SendMessage", "PutObject")
    assert.strictEqual(ground.done("staging").filter((operation) => operation === "GetSecretValue").length, 3)
  }, 60_000)

  it("gives a claim back when its trigger cannot be sent", async () => {
    const match = { function: "staging", operation: "SendMessage" }
    await field.fault("aws", { match, times: 1, fault: { error: "QueueDoesNotExist", status: 400 } })
    await write(customer)
    await sees(ground, "staging", "DeleteItem")
  }, 60_000)

  it("looks whether a message that is refused was taken before", async () => {
    await ground.ask("PUT", "/_sandbox/twilio/conversations", [
      conversationOf("whatsapp", customer, { project_status: "ended" })
    ])
    await write(customer)
    assert.strictEqual(ground.done("staging").filter((operation) => operation === "GetItem").length, 2)
  }, 60_000)

  it("takes up, with its sweeper, what was parked on any channel", async () => {
    const [locked, taken, asks, writes, refused] = [203, 204, 205, 206, 207].map((end) => `+447700900${end}`) as [
      string,
      string,
      string,
      string,
      string
    ]
    await ground.ask("PUT", "/_sandbox/twilio/conversations", [
      conversationOf("whatsapp", locked),
      conversationOf("sms", taken),
      conversationOf("email", "parked@example.com"),
      conversationOf("sms", asks, human),
      conversationOf("sms", writes, { ...human, notes: large }),
      conversationOf("sms", refused, { project_status: "ended" })
    ])
    // The first trigger meets a queue that is not there, and its claim is given back.
    const match = { function: "staging-sweeper", operation: "SendMessage" }
    await field.fault("aws", { match, times: 1, fault: { error: "QueueDoesNotExist", status: 400 } })
    await ground.send("parking", parkedOf("whatsapp", locked))
    await eventually(async () => {
      await ground.run("staging-sweeper")
      assert.include(ground.done("staging-sweeper"), "DeleteItem")
    }, 30_000)
    for (const one of [taken, asks, writes, refused]) await ground.send("parking", parkedOf("sms", one))
    await ground.send("parking", parkedOf("email", "parked@example.com"))
    await ground.send("parking", { ...parkedOf("whatsapp", locked), parked_at: "2026-01-01T00:00:00Z" })
    const outcomes = { taken: 0, refused: 0 }
    await eventually(async () => {
      const summary = await ground.run("staging-sweeper")
      outcomes.taken += Number(summary["taken"])
      outcomes.refused += Number(summary["refused"])
      assert.deepStrictEqual(outcomes, { taken: 5, refused: 1 })
    }, 30_000)
    await sees(
      ground,
      "staging-sweeper",
      "GetItem",
      "PutItem",
      "TransactWriteItems",
      "UpdateItem",
      "PutObject",
      "ChangeMessageVisibility",
      "DeleteMessage"
    )
  }, 90_000)
})

describe("the id minter's functions", () => {
  it("read their login from its secret", async () => {
    await putWorks(running, ["b1000001"])
    await ground.run("id-minter-stepfunction", { sourceIdentifiers: [workId("b1000001")], jobId: "permissions" })
    await ground.run("id-minter-sqs", { Records: [notification("1", workId("b1000001"))] })
    await ground.run("id-minter-pool")
    for (const name of ["migrate", "pool", "sqs", "stepfunction"])
      await sees(ground, `id-minter-${name}`, "GetSecretValue")
    await sees(ground, "id-minter-sqs", "SendMessageBatch")
  }, 120_000)
})
