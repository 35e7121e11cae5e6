/** The breakers' shared state between real function processes: what one has found out, the others need not. */
import { DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb"
import { afterAll, afterEach, assert, beforeAll, describe, it } from "vitest"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { call, type Running, startTestPlatform } from "../support/platform.ts"
import { type Field, fieldOf } from "../support/sandbox.ts"

let running: Running
let field: Field
let dynamo: DynamoDBClient

beforeAll(async () => {
  running = await startTestPlatform()
  field = fieldOf(running)
  const credentials = { accessKeyId: "test", secretAccessKey: "test" }
  dynamo = new DynamoDBClient({ endpoint: running.platform.info.aws.dynamodb, region: "eu-west-1", credentials })
})

afterEach(() => field.clear())

afterAll(async () => {
  dynamo.destroy()
  field[Symbol.dispose]()
  await running[Symbol.asyncDispose]()
})

const breaker = async (): Promise<string | undefined> => {
  const TableName = running.platform.info.tables["breaker"] ?? ""
  const { Item } = await dynamo.send(new GetItemCommand({ TableName, Key: { key: { S: "mparticle-dsr" } } }))
  return Item?.["_tag"]?.S
}

const asked = async (operation: string): Promise<number> =>
  (await field.received("aws")).filter((entry) => entry.operation === operation).length

/** Ends the processes of the function that take so many calls at once. */
const killAll = async (processes: number): Promise<void> => {
  await field.fault("aws", {
    match: { operation: "TransactWriteItems", function: "mparticle-api-lambda" },
    times: processes,
    fault: { kill: true }
  })
  const killed = await Promise.all(Array.from({ length: processes }, () => field.baton(field.initiation())))
  for (const { payload } of killed) assert.strictEqual(payload["errorType"], "Runtime.ExitError")
}

const byHttp = () =>
  call(running, "POST", "/dev/data-subject-requests", { email: "somebody@example.com", type: "gdpr_delete" })

describe("the shared state of the breakers", () => {
  it("cannot be had: requests go through, and the table is left alone for a while", async () => {
    for (const fault of [{ error: "ResourceNotFoundException" }, { reset: true }, { delayMs: 3_000 }]) {
      await killAll(1)
      await field.clear()
      await field.fault("aws", {
        match: { operation: "GetItem|PutItem", function: "mparticle-api-lambda" },
        times: 1_000,
        fault
      })
      const began = Date.now()
      for (let times = 0; times < 3; times += 1) {
        assert.include((await field.baton(field.initiation())).payload, { success: true, status: "submitted" })
      }
      assert.isBelow(Date.now() - began, 3_000, "nobody waited for the table's answer")
      assert.lengthOf(await field.submissions(), 3)
      const reads = await asked("GetItem")
      assert.isAtLeast(reads, 1)
      assert.isAtMost(reads, 2, "one read and its retry")
      assert.strictEqual(await asked("PutItem"), 0)
    }
    const log = await readFile(join(running.folder, ".local/logs/mparticle-api-lambda.log"), "utf8")
    assert.lengthOf(log.split("the breaker of mparticle-dsr goes on by itself").slice(1), 3, "once for each process")
  })

  it("costs one read for many requests, and no write while all is well", async () => {
    await killAll(1)
    await field.clear()
    for (let times = 0; times < 5; times += 1) {
      assert.include((await field.baton(field.initiation())).payload, { success: true, status: "submitted" })
    }
    // A second one where the machine is so slow that the first is five seconds old by then.
    assert.include([1, 2], await asked("GetItem"))
    assert.strictEqual(await asked("PutItem"), 0)
    assert.isUndefined(await breaker())
  })

  it("open: other processes and other functions do not call mParticle either", async () => {
    await field.fault("mparticle", { match: { path: "/v3/.*" }, times: 100_000, fault: { status: 503 } })
    // Four attempts for the first one, so the second one's first attempt is the one too many.
    for (let times = 0; times < 2; times += 1) {
      assert.include((await field.baton(field.initiation())).payload, { success: true, status: "queued" })
    }
    assert.strictEqual(await breaker(), "Open")
    await field.clear()
    // mParticle is well again, but nobody is to find that out before the minute is over.
    await killAll(3)
    const fresh = await field.baton(field.initiation())
    assert.include(fresh.payload, { success: true, status: "queued" })
    const accepted = await byHttp()
    assert.deepInclude(await accepted.json(), { status: "queued" })
    assert.isEmpty(await field.submissions())
    assert.strictEqual(await breaker(), "Open")
  }, 60_000)
})
