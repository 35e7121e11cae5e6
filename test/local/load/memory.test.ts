/** Whether a function's memory grows under load, and how much of it a process has. */
import { afterAll, assert, describe, it } from "vitest"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { aliveIn, growthOf, tellAlive } from "../../../local/src/load/alive.ts"
import { largestOf, watchMemory } from "../../../local/src/load/memory.ts"

const folder = mkdtempSync(join(tmpdir(), "alive-"))
const children: Array<ChildProcess> = []
afterAll(() => {
  for (const child of children) child.kill("SIGKILL")
  rmSync(folder, { recursive: true, force: true })
})

/** A process that keeps 30 MB once it is told to, and makes much more garbage all the time. */
const program = `
const kept = []
const garbage = []
setInterval(() => { garbage.length = 0; for (let at = 0; at < 1e4; at += 1) garbage.push({ at }) }, 1)
process.stdin.on("data", () => { kept.push(Array.from({ length: 1e6 }, (_, at) => ({ at }))); console.log("kept") })
console.log("ready")
`

const started = async (): Promise<{ readonly pid: number; readonly keep: () => Promise<void> }> => {
  const env = { ...process.env, LOAD_ALIVE: folder }
  const child = spawn(process.execPath, ["--import", pathToFileURL(tellAlive).href, "--eval", program], { env })
  children.push(child)
  await once(child.stdout, "data")
  return {
    pid: child.pid ?? 0,
    keep: async () => {
      child.stdin.write("now")
      await once(child.stdout, "data")
    }
  }
}

describe("aliveIn", () => {
  it("tells of each process of the function what it keeps, whatever garbage it makes", async () => {
    const [one, other, strange] = [await started(), await started(), await started()]
    const processes = () =>
      [one, other, strange].map(({ pid }) => ({
        id: String(pid),
        pid,
        function: pid === strange.pid ? "another" : "staging"
      }))
    const before = await aliveIn({ processes }, "staging", folder)
    assert.deepStrictEqual([...before.keys()], [one.pid, other.pid])
    const same = await aliveIn({ processes }, "staging", folder)
    assert.closeTo(growthOf(before, same), 1, 0.1)
    await one.keep()
    const after = await aliveIn({ processes }, "staging", folder)
    assert.isAbove((after.get(one.pid) ?? 0) - (before.get(one.pid) ?? 0), 10)
    assert.closeTo((after.get(other.pid) ?? 0) / (before.get(other.pid) ?? 0), 1, 0.1)
  })
})

describe("growthOf", () => {
  it("is of the processes that were there both times: another one is no growth", () => {
    const before = new Map([
      [1, 20],
      [2, 40],
      [3, 10]
    ])
    const after = new Map([
      [1, 30],
      [2, 60],
      [4, 500]
    ])
    assert.strictEqual(growthOf(before, after), 1.5)
  })

  it("is no number where no process stayed", () => {
    assert.isNaN(growthOf(new Map([[1, 20]]), new Map([[2, 20]])))
  })
})

describe("watchMemory", () => {
  it("adds up a function's processes, and knows the largest", () => {
    const processes = () => [
      { id: "1", function: "staging", pid: process.pid },
      { id: "2", function: "staging", pid: process.pid }
    ]
    const { staging = [] } = watchMemory({ processes }).end()
    const [sample] = staging
    assert.strictEqual(sample?.processes, 2)
    assert.closeTo(sample?.megabytes ?? 0, 2 * largestOf(staging), 5)
    assert.isAbove(largestOf(staging), 10)
    assert.strictEqual(largestOf([]), 0)
  })
})
