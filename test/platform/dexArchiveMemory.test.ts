/** Ten thousand clients in the DEX archive's function, as a process. Most of its time it waits for that process. */
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { archiveFunction, dexField, type DexField, invokeMeasured } from "../support/dexPlatform.ts"
import { invoke, type Running, startTestPlatform } from "../support/platform.ts"

let running: Running
let field: DexField

beforeAll(async () => {
  running = await startTestPlatform()
  field = dexField(running)
})

afterAll(async () => {
  field[Symbol.dispose]()
  await running[Symbol.asyncDispose]()
})

/** What a fresh process takes at most that archives a day of so many clients. */
const memoryFor = async (clients: number, triggerDate: string): Promise<number> => {
  await field.clients(
    Array.from({ length: clients }, (_, index) => ({ clientId: 100_000 + index, name: `Client ${index}` }))
  )
  // The process that gets this call ends with it; the next call starts another one.
  field.fault("lambda", { match: { function: archiveFunction }, fault: { kill: true } })
  await invoke(running.lambda, archiveFunction, { triggerDate, clientIds: [] })
  const { memoryMb, summary } = await invokeMeasured(running, archiveFunction, { triggerDate })
  assert.deepInclude(summary, { total_clients: clients, successful_archives: clients, errors: [] })
  field.clear()
  return memoryMb
}

describe("ten thousand clients", () => {
  it("take hardly more memory than a hundred, each in a fresh process", { timeout: 240_000 }, async () => {
    const hundred = await memoryFor(100, "2024-11-02")
    const tenThousand = await memoryFor(10_000, "2024-11-24")
    console.log("memory in MB:", JSON.stringify({ hundred, tenThousand }))
    // Nothing is kept for a client, and docs/dex-archive.md says what else keeps it so.
    assert.isAtMost(tenThousand / hundred, 1.2)
    assert.isAtMost(tenThousand, 512 * 0.25)
  })
})
