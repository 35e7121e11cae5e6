/** The processes of a function: how they start, how many there are, and how they end. */
import { spawn } from "node:child_process"
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { PoolClosed } from "../../local/src/functions/FunctionPool.ts"
import type { FunctionPool } from "../../local/src/functions/FunctionPool.ts"
import { functionFolder, isAlive, switchboard } from "./fixtures.ts"
import { json, poolOf, send, type TestPoolOptions } from "./poolOf.ts"

let folder: Awaited<ReturnType<typeof functionFolder>>

beforeAll(async () => {
  folder = await functionFolder({
    switchboard,
    broken: `throw Object.assign(new Error("no such setting"), { name: "ConfigError" })`,
    syntax: `export const handler = async ( => {}`,
    missing: `export const other = 1`,
    noFunction: `export const handler = 1`,
    callback: `export const handler = (event, context, callback) => callback(null, 1)`,
    exits: `process.exit(7)`,
    never: `await new Promise(() => {})`,
    slow: `await new Promise((resolve) => setTimeout(resolve, 30_000)); export const handler = async () => 1`,
    once: `
      import { existsSync, writeFileSync } from "node:fs"
      if (!existsSync(process.env.MARK)) { writeFileSync(process.env.MARK, ""); throw new TypeError("first start fails") }
      export const handler = async () => "fine"`,
    polite: `
      import { writeFileSync } from "node:fs"
      process.once("SIGTERM", () => { writeFileSync(process.env.MARK, "bye"); process.exit(0) })
      export const handler = async () => process.pid`,
    stubborn: `process.on("SIGTERM", () => {}); export const handler = async () => process.pid`
  })
})
afterAll(() => folder[Symbol.asyncDispose]())

const pool = (name: string, options: TestPoolOptions = {}): FunctionPool => poolOf(folder.file(name), name, options)

describe("a start that fails", () => {
  it("is answered to the caller that waited, with the error's own type", async () => {
    const cases: ReadonlyArray<readonly [string, string, string]> = [
      ["broken", "ConfigError", "no such setting"],
      ["syntax", "Runtime.UserCodeSyntaxError", "SyntaxError: "],
      ["missing", "Runtime.HandlerNotFound", "missing.handler is undefined or not exported"],
      ["noFunction", "Runtime.HandlerNotFound", "noFunction.handler is not a function"],
      ["callback", "Runtime.CallbackHandlerDeprecated", "ERROR: AWS Lambda has removed support"],
      ["absent", "Runtime.ImportModuleError", "Cannot find module"]
    ]
    for (const [name, errorType, message] of cases) {
      await using functions = pool(name)
      const result = await functions.invoke("{}")
      expect(result.functionError).toBe("Unhandled")
      expect(json(result)).toMatchObject({ errorType, errorMessage: expect.stringContaining(message) })
      expect(result.logs).toContain(`INIT_REPORT`)
    }
  })

  it("is Runtime.ExitError when the process just ends", async () => {
    for (const [name, reason] of [
      ["exits", "exit status 7"],
      ["never", "without providing a reason"]
    ] as const) {
      await using functions = pool(name)
      expect(json(await functions.invoke("{}"))).toMatchObject({
        errorType: "Runtime.ExitError",
        errorMessage: expect.stringContaining(reason)
      })
    }
  })

  it("is given up after the longest initialisation", async () => {
    await using functions = pool("slow", { maxInitMs: 200 })
    expect(json(await functions.invoke("{}"))).toMatchObject({
      errorType: "Sandbox.Timedout",
      errorMessage: expect.stringContaining("Task timed out after 0.20 seconds")
    })
  })

  it("is not remembered", async () => {
    await using functions = pool("once", { environment: { MARK: join(folder.path, "started") } })
    expect(json(await functions.invoke("{}"))).toMatchObject({ errorType: "TypeError" })
    expect(json(await functions.invoke("{}"))).toBe("fine")
    expect(functions.state()).toMatchObject({ spawned: 2 })
  })
})

describe("the pool", () => {
  it("starts more processes when all are busy, up to its limit", async () => {
    await using functions = pool("switchboard", { maxProcesses: 2 })
    const results = await Promise.all([1, 2, 3, 4].map(() => send(functions, { do: "wait", ms: 300 })))
    expect(new Set(results.map((result) => (json(result) as { pid: number }).pid)).size).toBe(2)
    expect(functions.state()).toMatchObject({ spawned: 2, processes: 2, busy: 0, waiting: 0 })
  })

  it("serves the calls that wait in their order", async () => {
    await using functions = pool("switchboard", { maxProcesses: 1 })
    const order: Array<number> = []
    await Promise.all(
      [0, 1, 2, 3, 4, 5].map(async (at) => {
        await send(functions, { do: "echo" })
        order.push(at)
      })
    )
    expect(order).toEqual([0, 1, 2, 3, 4, 5])
  })

  it("serves the calls that wait when a process dies", async () => {
    await using functions = pool("switchboard", { maxProcesses: 1 })
    const [first, second] = await Promise.all([
      send(functions, { do: "exit", code: 1 }),
      send(functions, { do: "echo" })
    ])
    expect(first.functionError).toBe("Unhandled")
    expect(json(second)).toMatchObject({ count: 1 })
  })

  it("gives its place back when a call cannot be sent to the process", async () => {
    await using functions = pool("switchboard", { maxProcesses: 1 })
    const unsendable = functions.invoke("{}", { traceId: "Root=✓" })
    const waiting = send(functions, { do: "echo" })
    await expect(unsendable).rejects.toMatchObject({ code: "ERR_INVALID_CHAR" })
    expect(json(await waiting)).toMatchObject({ count: 1 })
    await expect(functions.invoke("{}", { traceId: "Root=✓" })).rejects.toMatchObject({ code: "ERR_INVALID_CHAR" })
    expect(json(await send(functions, { do: "echo" }))).toMatchObject({ count: 1 })
    expect(functions.state()).toMatchObject({ processes: 1, busy: 0, waiting: 0 })
  })

  it("lets an idle process go, politely first", async () => {
    const mark = join(folder.path, "polite-idle")
    await using functions = pool("polite", { idleMs: 50, environment: { MARK: mark } })
    const pid = json(await functions.invoke("{}")) as number
    await expect.poll(() => functions.state().processes).toBe(0)
    expect(isAlive(pid)).toBe(false)
    expect(await readFile(mark, "utf8")).toBe("bye")
    expect(json(await functions.invoke("{}"))).not.toBe(pid)
  })

  it("leaves no process behind, not even one that ignores SIGTERM", async () => {
    const functions = pool("stubborn")
    const pid = json(await functions.invoke("{}")) as number
    const began = performance.now()
    await functions[Symbol.asyncDispose]()
    expect(isAlive(pid)).toBe(false)
    expect(performance.now() - began).toBeLessThan(1_500)
    await expect(functions.invoke("{}")).rejects.toThrow(PoolClosed)
  })

  it("ends what runs and refuses what waits when it is shut down", async () => {
    const functions = pool("switchboard", { maxProcesses: 1 })
    await send(functions, { do: "echo" })
    const running = send(functions, { do: "wait", ms: 10_000 })
    const waiting = expect(send(functions, { do: "echo" })).rejects.toThrow(PoolClosed)
    await sleep(50)
    await functions[Symbol.asyncDispose]()
    expect(json(await running)).toMatchObject({ errorMessage: expect.stringContaining("signal: terminated") })
    await waiting
  })

  it("leaves no orphan when the platform itself is killed", async () => {
    await writeFile(
      join(folder.path, "platform.ts"),
      `
      import { FunctionPool } from ${JSON.stringify(new URL("../../local/src/functions/FunctionPool.ts", import.meta.url).href)}
      const functions = new FunctionPool(
        { name: "switchboard", bundle: ${JSON.stringify(folder.file("switchboard"))}, timeoutSeconds: 60, memoryMb: 128, environment: () => ({}) },
        { maxProcesses: 2, idleMs: 60_000, onLog: () => {} })
      const { payload } = await functions.invoke('{"do":"echo"}')
      void functions.invoke('{"do":"wait","ms":60000}')
      setTimeout(() => console.log(JSON.parse(payload).pid), 50)`
    )
    const platform = spawn(process.execPath, [join(folder.path, "platform.ts")], {
      stdio: ["ignore", "pipe", "inherit"]
    })
    const pid = Number(
      await new Promise((resolve) => platform.stdout.once("data", (data: Buffer) => resolve(data.toString())))
    )
    expect(isAlive(pid)).toBe(true)
    platform.kill("SIGKILL")
    await expect.poll(() => isAlive(pid)).toBe(false)
  })
})
