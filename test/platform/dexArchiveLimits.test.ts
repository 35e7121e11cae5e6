/** The DEX archive's functions at their limits: little time, a token that is taken back, other people's events. */
import { afterAll, afterEach, assert, beforeAll, describe, it } from "vitest"
import {
  archiveFunction,
  dexField,
  type DexField,
  invokeMeasured,
  keyOf,
  madeUp,
  type PlatformClient,
  summaryOf
} from "../support/dexPlatform.ts"
import { call, invoke, type Running, startTestPlatform } from "../support/platform.ts"

/** The deployed function has 900 s, and begins nothing in its last 45 s. */
const brief = "dexArchive"

let running: Running
let field: DexField

beforeAll(async () => {
  running = await startTestPlatform({ dexArchive: { timeoutSeconds: 49, memoryMb: 512 } })
  field = dexField(running)
})

afterEach(() => field.clear())

afterAll(async () => {
  field[Symbol.dispose]()
  await running[Symbol.asyncDispose]()
})

const clientsFrom = (first: number, count: number): ReadonlyArray<PlatformClient> =>
  Array.from({ length: count }, (_, index) => ({ clientId: first + index, name: `Client ${index}` }))

const archive = (event: unknown) => invoke(running.lambda, archiveFunction, event)

describe("a run with little time", () => {
  it(
    "DX-41 stops before its time is up, names the rest, and is finished by what it answers",
    {
      timeout: 60_000
    },
    async () => {
      const triggerDate = "2024-11-20"
      const clients = clientsFrom(1, 120)
      await field.clients(clients)
      field.fault("dex", { match: { operation: "trigger" }, times: 10_000, fault: { delayMs: 500 } })
      const { summary } = await invokeMeasured(running, brief, { triggerDate })
      const { continuation, errors, failed_archives, successful_archives, total_clients } = summary
      assert.strictEqual(total_clients, successful_archives + failed_archives)
      assert.isAbove(successful_archives, 0)
      assert.isAbove(failed_archives, 0)
      for (const { error } of errors) assert.strictEqual(error, "Not processed: time budget exhausted")
      assert.deepStrictEqual(continuation, {
        triggerDate,
        clientIds: errors.map(({ client_id }) => String(client_id))
      })
      assert.strictEqual((await field.objects()).size, successful_archives)
      field.clear()
      const rest = summaryOf(await archive(continuation))
      assert.deepInclude(rest, { total_clients: failed_archives, successful_archives: failed_archives })
      assert.isUndefined(rest.continuation)
      const objects = await field.objects()
      for (const { clientId } of clients) {
        assert.strictEqual(
          objects.get(keyOf(String(clientId), triggerDate))?.text,
          madeUp(String(clientId), triggerDate)
        )
      }
      console.log(
        "time budget:",
        JSON.stringify({ total_clients, inTime: successful_archives, later: failed_archives })
      )
    }
  )
})

describe("a token that is taken back while a run uses it", () => {
  it("DX-37 is got anew once, by all that share it", async () => {
    const triggerDate = "2024-11-21"
    await field.clients(clientsFrom(1_000, 200))
    const revoked = (async () => {
      while (field.received("dex", "trigger") < 50) await new Promise((resolve) => setTimeout(resolve, 2))
      await call(running, "POST", "/_sandbox/dex/revoke")
    })()
    const summary = summaryOf(await archive({ triggerDate }))
    await revoked
    assert.deepInclude(summary, { total_clients: 200, successful_archives: 200 })
    assert.strictEqual(field.received("dex", "token"), 2)
  })
})

describe("rows whose id is none", () => {
  it("DX-46 are told as what they are, a number where it is a safe one, and nothing is asked or written for them", async () => {
    const triggerDate = "2024-11-23"
    await field.clients([
      ...clientsFrom(3_000, 1),
      { clientId: -1, name: "negative" },
      { clientId: "-9007199254740993", name: "far below" },
      { clientId: "../x", name: "a path" },
      { clientId: null, name: null }
    ])
    const summary = summaryOf(await archive({ triggerDate }))
    assert.deepInclude(summary, { total_clients: 5, successful_archives: 1, failed_archives: 4 })
    const error = "Invalid client ID"
    assert.sameDeepMembers(
      [...summary.errors],
      [
        { client_id: -1, client_name: "negative", error },
        { client_id: "-9007199254740993", client_name: "far below", error },
        { client_id: "../x", client_name: "a path", error },
        { client_id: null, client_name: null, error }
      ]
    )
    assert.strictEqual(field.received("dex", "trigger"), 1)
  })
})

describe("what calls the function", () => {
  const scheduled = {
    version: "0",
    id: "e-1",
    "detail-type": "Scheduled Event",
    source: "aws.events",
    account: "000000000000",
    time: "2024-11-28T01:35:00Z",
    region: "us-east-1",
    resources: ["arn:aws:events:us-east-1:000000000000:rule/dex"],
    detail: {}
  }

  it("DX-49 may be EventBridge, whose time is not the day; a backfill; anything else; but no day that there is not", async () => {
    await field.clients(clientsFrom(2_000, 2))
    const today = (): string => new Date().toISOString().slice(0, 10)
    const before = today()
    for (const event of [scheduled, {}, [], "anything", null]) {
      assert.strictEqual(summaryOf(await archive(event)).successful_archives, 2)
    }
    const backfill = summaryOf(await archive({ triggerDate: "2024-11-22", clientIds: ["2001", "999"] }))
    assert.deepInclude(backfill, { total_clients: 1, successful_archives: 1 })
    const keys = [...(await field.objects()).keys()].filter((key) => key.startsWith("trigger/200"))
    const expected = [...new Set([before, today()])].flatMap((date) => [keyOf(2_000, date), keyOf(2_001, date)])
    assert.includeMembers(
      expected,
      keys.filter((key) => !key.includes("20241122"))
    )
    assert.include(keys, keyOf(2_001, "2024-11-22"))
    assert.notInclude(keys, keyOf(2_000, "2024-11-28"))
    for (const event of [{ triggerDate: "2024-02-30" }, { triggerDate: 7 }, { clientIds: ["../x"] }]) {
      const refused = await archive(event)
      assert.strictEqual(refused.functionError, "Unhandled")
      assert.notInclude(JSON.stringify(refused.payload), "2024-02-30")
    }
  })
})
