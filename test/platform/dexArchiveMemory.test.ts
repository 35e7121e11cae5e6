/** Ten thousand clients in the DEX archive's function, as a process. Most of its time it waits for that process. */
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { archiveFunction, dexField, type DexField, invokeMeasured } from "../support/dexPlatform.ts"
import { invoke, type Running, startTestPlatform } from "../support/platform.ts"

let running: Running
let field: DexField

beforeAll(async () => {
  // What is traced is kept until the invocation ends: its memory is not what is measured here.
  running = await startTestPlatform({}, { OTEL_EXPORTER_OTLP_ENDPOINT: "" })
  field = dexField(running)
})

afterAll(async () => {
  field[Symbol.dispose]()
  await running[Symbol.asyncDispose]()
})

describe("ten thousand clients", () => {
  // A hundred end before the process has filled its young generation once: what they take says nothing of ten thousand.
  it("take hardly more memory than a thousand", { timeout: 240_000 }, async () => {
    const measured: Record<string, number> = {}
    for (const [count, triggerDate] of [
      [100, "2024-11-23"],
      [1_000, "2024-11-25"],
      [10_000, "2024-11-24"]
    ] as const) {
      await field.clients(
        Array.from({ length: count }, (_, index) => ({ clientId: 100_000 + index, name: `Client ${index}` }))
      )
      // A process of its own for each.
      field.fault("lambda", { match: { function: archiveFunction }, fault: { kill: true } })
      await invoke(running.lambda, archiveFunction, { triggerDate, clientIds: [] })
      const began = performance.now()
      const { memoryMb, summary } = await invokeMeasured(running, archiveFunction, { triggerDate })
      measured[`seconds for ${count}`] = Math.round((performance.now() - began) / 100) / 10
      assert.deepInclude(summary, { total_clients: count, successful_archives: count, errors: [] })
      measured[count] = memoryMb
      field.clear()
    }
    console.log("memory in MB:", JSON.stringify(measured))
    assert.isAtMost((measured[10_000] ?? 0) / (measured[1_000] ?? 0), 1.2)
  })
})
