/** The DEX archive's functions as processes, over SQL Server, the API and S3 as the platform has them. */
import { afterAll, afterEach, assert, beforeAll, describe, it } from "vitest"
import type { ArchiveSummary } from "../../src/schemas/DexArchive.ts"
import { campaignClients, slowMillis, trouble } from "../support/dexCampaign.ts"
import {
  archiveFunction,
  type Archived,
  dexField,
  type DexField,
  keyOf,
  sha256,
  summaryOf,
  verify
} from "../support/dexPlatform.ts"
import { invoke, type Running, startTestPlatform } from "../support/platform.ts"

const date = "2024-11-27"

let running: Running
let field: DexField

beforeAll(async () => {
  running = await startTestPlatform({}, { HTTP_TIMEOUT_MS: String(slowMillis / 2), MAX_CONCURRENCY: "16" })
  field = dexField(running)
})

afterEach(() => field.clear())

afterAll(async () => {
  field[Symbol.dispose]()
  await running[Symbol.asyncDispose]()
})

const archive = (event: object = { triggerDate: date }) => invoke(running.lambda, archiveFunction, event)

const addsUp = (summary: ArchiveSummary): void => {
  assert.strictEqual(summary.total_clients, summary.successful_archives + summary.failed_archives)
  assert.lengthOf(summary.errors, summary.failed_archives)
}

const count = 1_000
const clients = campaignClients(count)

/** Each archivable client has its one object, with the bytes that the API sends, and nobody else has one. */
const expectWhole = (objects: ReadonlyMap<string, Archived>): void => {
  assert.sameMembers(
    [...objects.keys()],
    clients.good.map(({ clientId }) => keyOf(clientId, date))
  )
  for (const { clientId, response } of clients.good) {
    const { hash, metadata, text } = objects.get(keyOf(clientId, date)) ?? { hash: "", metadata: {}, text: "" }
    assert.isTrue(text === response, `the bytes of ${clientId}`)
    assert.deepStrictEqual(
      { ...metadata, archived_at: "" },
      { client_id: String(clientId), trigger_date: date, archived_at: "", sha256: sha256(response) }
    )
    assert.strictEqual(hash, metadata["sha256"])
  }
}

describe("a thousand clients, an API of which one call in twenty fails, a storm of throttling and a process that dies", () => {
  it(
    "are all archived, once, by runs that are repeated; what is then damaged is found and mended",
    {
      timeout: 240_000
    },
    async () => {
      await field.clients(clients.all)
      const began = performance.now()
      const summaries: Array<ArchiveSummary> = []
      const figures: Record<string, number> = {}

      // A process that dies at a moment at which nobody knows whether the object was written.
      const match = { operation: "PutObject", function: archiveFunction }
      using first = trouble(field, [{ puts: 200, rule: { match, fault: { commitThenKill: true } } }])
      const dead = await archive()
      first[Symbol.dispose]()
      assert.strictEqual(dead.functionError, "Unhandled")
      assert.isTrue(first.isDone())
      figures["objectsAtTheKill"] = (await field.objects()).size
      figures["faultsBeforeTheKill"] = first.faults()
      field.clear()

      const storm = { match, times: 40, fault: { error: "SlowDown", status: 503 } }
      using second = trouble(field, [{ puts: 400, rule: storm }])
      summaries.push(summaryOf(await archive()))
      second[Symbol.dispose]()
      assert.isTrue(second.isDone())
      figures["calls"] = field.received("dex", "trigger")
      figures["faults"] = second.faults()
      field.clear()

      summaries.push(summaryOf(await archive()))
      for (const summary of summaries) {
        addsUp(summary)
        assert.strictEqual(summary.total_clients, count)
      }
      const lasting = clients.bad.length + clients.rowsWithoutId.length
      assert.strictEqual(summaries[1]?.failed_archives, lasting)
      assert.isAbove(summaries[0]?.failed_archives ?? 0, lasting)
      assert.isAbove(figures["faults"] + figures["faultsBeforeTheKill"], 50)
      const objects = await field.objects()
      expectWhole(objects)

      const keys = clients.good.map(({ clientId }) => String(clientId))
      const [gone, changed] = [keys.slice(100, 107), keys.slice(500, 505)]
      for (const id of gone) await field.remove(keyOf(id, date))
      for (const id of changed) {
        await field.alter(keyOf(id, date), '{"forged":true}', objects.get(keyOf(id, date))?.metadata ?? {})
      }
      const found = await verify(running, { triggerDate: date })
      assert.strictEqual(found.checked, count - clients.rowsWithoutId.length)
      assert.sameMembers(
        found.missing.map(({ client_id }) => client_id),
        [...gone, ...clients.bad.map(({ clientId }) => String(clientId))]
      )
      assert.sameMembers(
        found.altered.map(({ client_id }) => client_id),
        [...changed]
      )
      const mended = clients.all.map(({ clientId, name, response = "{}" }) => ({
        clientId,
        name,
        response: clients.bad.some((bad) => bad.clientId === clientId) ? "{}" : response
      }))
      await field.clients(mended)
      for (const event of found.backfill) {
        const summary = summaryOf(await archive(event))
        addsUp(summary)
        assert.strictEqual(summary.successful_archives, found.missing.length + found.altered.length)
      }
      const whole = await verify(running, { triggerDate: date })
      assert.deepStrictEqual(whole, { checked: found.checked, missing: [], altered: [], backfill: [] })

      console.log(
        "archive campaign:",
        JSON.stringify({
          ...figures,
          runs: summaries.map((run) => [run.total_clients, run.successful_archives, run.failed_archives]),
          objects: objects.size,
          gaps: [found.missing.length, found.altered.length],
          seconds: ((performance.now() - began) / 1000).toFixed(1)
        })
      )
    }
  )
})
