/** A process of the DEX archive that dies at any moment of a run: the next run archives everything, once. */
import { afterAll, afterEach, assert, beforeAll, describe, it } from "vitest"
import { archiveFunction, dexField, type DexField, keyOf, madeUp, sha256, summaryOf } from "../support/dexPlatform.ts"
import { invoke, type Running, startTestPlatform } from "../support/platform.ts"

let running: Running
let field: DexField

beforeAll(async () => {
  running = await startTestPlatform()
  field = dexField(running)
})

afterEach(() => field.clear())

afterAll(async () => {
  field[Symbol.dispose]()
  await running[Symbol.asyncDispose]()
})

const ids = Array.from({ length: 12 }, (_, index) => 500 + index)

const moments = [
  ["aws", "GetSecretValue"],
  ["dex", "token"],
  ["sqlserver", "login"],
  ["sqlserver", "query"],
  ["dex", "trigger"],
  ["aws", "PutObject"],
  // Only a run that finds an object looks at it.
  ["aws", "GetObject"]
] as const

const endings = [{ kill: true }, { commitThenKill: true }] as const

describe("a process that dies", () => {
  for (const [at, [sandbox, operation]] of moments.entries()) {
    for (const [which, fault] of endings.entries()) {
      const when = "kill" in fault ? "before" : "after"
      it(`${when} ${operation} of ${sandbox} leaves no more to do than to run again`, async () => {
        const triggerDate = `2024-10-${String(10 + 2 * at + which)}`
        const archive = () => invoke(running.lambda, archiveFunction, { triggerDate })
        await field.clients(ids.map((clientId) => ({ clientId, name: null })))
        if (operation === "GetObject") await archive()
        field.fault(sandbox, { match: { operation, function: archiveFunction }, fault })
        const dead = await archive()
        assert.strictEqual(dead.payload["errorType"], "Runtime.ExitError")
        const summary = summaryOf(await archive())
        assert.deepInclude(summary, { total_clients: ids.length, successful_archives: ids.length, errors: [] })
        const day = triggerDate.replaceAll("-", "")
        const objects = [...(await field.objects())].filter(([key]) => key.includes(day))
        assert.sameDeepMembers(
          objects.map(([key, { metadata, text }]) => [key, text, metadata["sha256"]]),
          ids.map((id) => [keyOf(id, triggerDate), madeUp(id, triggerDate), sha256(madeUp(id, triggerDate))])
        )
      })
    }
  }
})
