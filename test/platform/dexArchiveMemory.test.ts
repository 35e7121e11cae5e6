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

/** What a process of its own takes at most that archives so many clients, one day after the other. */
const memoryFor = async (clients: number, days: ReadonlyArray<string>): Promise<number> => {
  await field.clients(
    Array.from({ length: clients }, (_, index) => ({ clientId: 100_000 + index, name: `Client ${index}` }))
  )
  field.fault("lambda", { match: { function: archiveFunction }, fault: { kill: true } })
  await invoke(running.lambda, archiveFunction, { triggerDate: days[0], clientIds: [] })
  let most = 0
  for (const triggerDate of days) {
    const { memoryMb, summary } = await invokeMeasured(running, archiveFunction, { triggerDate })
    assert.deepInclude(summary, { total_clients: clients, successful_archives: clients, errors: [] })
    most = Math.max(most, memoryMb)
  }
  field.clear()
  return most
}

describe("ten thousand clients", () => {
  it("take hardly more memory than a hundred", { timeout: 240_000 }, async () => {
    const first = await memoryFor(100, ["2024-11-02"])
    // V8 lets its heap grow with what is allocated in all, and a hundred clients are over before it has done so: what
    // the clients take is seen beside a process that has archived a hundred for some days.
    const days = Array.from({ length: 15 }, (_, day) => `2024-11-${day + 3}`.replace(/-(\d)$/, "-0$1"))
    const hundred = await memoryFor(100, days)
    const tenThousand = await memoryFor(10_000, ["2024-11-24"])
    console.log("memory in MB:", JSON.stringify({ first, hundred, tenThousand }))
    assert.isAtMost(tenThousand / hundred, 1.2)
    assert.isAtMost(tenThousand, 512 * 0.7)
  })
})
