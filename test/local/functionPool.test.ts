/** What one invocation sees, answers and logs, in a real process. */
import { setTimeout as sleep } from "node:timers/promises"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { FunctionPool } from "../../local/src/functions/FunctionPool.ts"
import { functionFolder, isAlive, switchboard } from "./fixtures.ts"
import { json, poolOf, send, type TestPoolOptions } from "./poolOf.ts"

let folder: Awaited<ReturnType<typeof functionFolder>>

beforeAll(async () => {
  folder = await functionFolder({
    switchboard,
    loud: `console.log("loading"); export const handler = async () => { console.log("handling") }`
  })
})
afterAll(() => folder[Symbol.asyncDispose]())

const pool = (name: string, options: TestPoolOptions = {}): FunctionPool => poolOf(folder.file(name), name, options)

describe("an invocation", () => {
  it("reuses one process for calls in a row", async () => {
    await using functions = pool("switchboard")
    const first = json(await send(functions, { do: "echo", it: "ÄÖÜ✓" }))
    const second = json(await send(functions, { do: "echo" }))
    expect(first).toMatchObject({ event: { do: "echo", it: "ÄÖÜ✓" }, count: 1 })
    expect(second).toMatchObject({ count: 2, pid: (first as { pid: number }).pid })
    expect(functions.state()).toEqual({ processes: 1, busy: 0, waiting: 0, spawned: 1, invocations: 2 })
  })

  it("gets the context object of AWS's runtime client", async () => {
    await using functions = pool("switchboard", { timeoutSeconds: 5 })
    const result = await functions.invoke(`{"do":"context"}`, {
      traceId: "Root=1-2-3",
      clientContext: `{"custom":{"a":1}}`,
      requestId: "11111111-2222-4333-8444-555555555555"
    })
    const context = json(result) as Record<string, unknown>
    expect(context).toMatchObject({
      awsRequestId: "11111111-2222-4333-8444-555555555555",
      clientContext: { custom: { a: 1 } },
      functionName: "switchboard",
      functionVersion: "$LATEST",
      invokedFunctionArn: "arn:aws:lambda:eu-west-1:000000000000:function:switchboard",
      logGroupName: "/aws/lambda/switchboard",
      memoryLimitInMB: "256",
      trace: "Root=1-2-3",
      xRayTraceId: "Root=1-2-3"
    })
    expect(context["logStreamName"]).toMatch(/^\d{4}\/\d\d\/\d\d\/\[\$LATEST\][0-9a-f]{16}$/)
    expect(context["remaining"]).toBeGreaterThan(4_500)
    expect(context["remaining"]).toBeLessThanOrEqual(5_000)
  })

  it("sees the given settings and nothing of the platform's own environment", async () => {
    process.env["PLATFORM_ONLY"] = "secret"
    await using functions = pool("switchboard", { environment: { STAGE: "CODE" } })
    const environment = json(await send(functions, { do: "env" })) as Record<string, string>
    delete process.env["PLATFORM_ONLY"]
    expect(environment).toMatchObject({
      STAGE: "CODE",
      TZ: ":UTC",
      AWS_REGION: "eu-west-1",
      _HANDLER: "switchboard.handler"
    })
    expect(functions.owns(environment["PROCESS_ID"] ?? "")).toBe(true)
    expect(
      Object.keys(environment)
        .filter((name) => !/^(AWS_|LAMBDA_|_)/.test(name))
        .toSorted()
    ).toEqual(["LANG", "PROCESS_ID", "STAGE", "TZ"])
    const { execArgv, cwd } = json(await send(functions, { do: "argv" })) as { execArgv: Array<string>; cwd: string }
    expect(execArgv).toEqual(["--max-old-space-size=230", "--max-semi-space-size=12"])
    expect(cwd).toBe(folder.path)
  })

  it("answers errors in the client's format", async () => {
    await using functions = pool("switchboard")
    const thrown = await send(functions, { do: "throw", message: "a\x7Fb" })
    expect(thrown.functionError).toBe("Unhandled")
    expect(json(thrown)).toMatchObject({ errorType: "RangeError", errorMessage: "a%7Fb" })
    expect((json(thrown) as { trace: Array<string> }).trace[0]).toBe("RangeError: a%7Fb")
    expect(thrown.logs).toMatch(
      /\t[0-9a-f-]{36}\tERROR\tInvoke Error \t\{"errorType":"RangeError","errorMessage":"a\x7Fb","stack":\[/
    )
    expect(json(await send(functions, { do: "throwText" }))).toEqual({
      errorType: "string",
      errorMessage: "just text",
      trace: []
    })
    expect(json(await send(functions, { do: "circular" }))).toMatchObject({
      errorType: "Runtime.JSONStringifyError",
      errorMessage: "Unable to stringify response body"
    })
    expect(json(await send(functions, { do: "symbol" }))).toMatchObject({ errorType: "TypeError" })
    expect((await send(functions, { do: "nothing" })).payload).toBe("null")
    expect(functions.state().spawned).toBe(1)
  })

  it("fails with Runtime.ExitError when its process ends, and the next one is served anew", async () => {
    await using functions = pool("switchboard")
    const ends: ReadonlyArray<readonly [object, string]> = [
      [{ do: "exit", code: 3 }, "Runtime exited with error: exit status 3"],
      [{ do: "exit", code: 0 }, "Runtime exited without providing a reason"],
      [{ do: "hang" }, "Runtime exited without providing a reason"],
      [{ do: "uncaught" }, "Runtime exited with error: exit status 1"],
      [{ do: "rejected" }, "Runtime exited with error: exit status 1"]
    ]
    for (const [event, reason] of ends) {
      const result = await send(functions, event)
      expect(result.functionError).toBe("Unhandled")
      expect(json(result)).toEqual({
        errorType: "Runtime.ExitError",
        errorMessage: `RequestId: ${result.requestId} Error: ${reason}`
      })
      expect(result.logs).toContain("Status: error\tError Type: Runtime.ExitError")
    }
    expect(json(await send(functions, { do: "echo" }))).toMatchObject({ count: 1 })
  })

  it("fails when its process is killed from outside", async () => {
    await using functions = pool("switchboard")
    const { PROCESS_ID } = json(await send(functions, { do: "env" })) as { PROCESS_ID: string }
    const running = send(functions, { do: "wait", ms: 5_000 })
    await sleep(50)
    functions.kill(PROCESS_ID)
    expect(json(await running)).toMatchObject({
      errorType: "Runtime.ExitError",
      errorMessage: expect.stringContaining("signal: killed")
    })
    await expect.poll(() => functions.owns(PROCESS_ID)).toBe(false)
  })

  it("is killed as a fault says: after a time, or with its answer dropped", async () => {
    await using functions = pool("switchboard")
    const cut = await functions.invoke(`{"do":"wait","ms":5000}`, { kill: { afterMs: 30 } })
    expect(json(cut)).toMatchObject({ errorType: "Runtime.ExitError" })
    const dropped = await functions.invoke(`{"do":"log","lines":["carried out"]}`, { kill: "whenDone" })
    expect(json(dropped)).toMatchObject({ errorMessage: expect.stringContaining("signal: killed") })
    expect(dropped.logs).toContain("carried out")
  })

  it("is killed when its time is over, even in a loop that never yields", async () => {
    await using functions = pool("switchboard", { timeoutSeconds: 1 })
    for (const event of [{ do: "wait", ms: 5_000 }, { do: "spin" }]) {
      const result = await send(functions, event)
      expect(json(result)).toEqual({
        errorType: "Sandbox.Timedout",
        errorMessage: `RequestId: ${result.requestId} Error: Task timed out after 1.00 seconds`
      })
      expect(result.logs).toMatch(/Task timed out after 1\.00 seconds\nEND .*\nREPORT .*Status: timeout\n$/)
    }
  })

  it("is not failed by a process that exits after its answer", async () => {
    await using functions = pool("switchboard")
    for (const ms of [0, 0, 1, 5]) {
      const result = await send(functions, { do: "exitAfterAnswer", ms })
      expect(result.functionError).toBeUndefined()
      await expect.poll(() => isAlive((json(result) as { pid: number }).pid)).toBe(false)
      expect(json(await send(functions, { do: "echo" }))).toMatchObject({ event: { do: "echo" } })
    }
  })

  it("may answer 6 MB and no more", async () => {
    await using functions = pool("switchboard")
    expect((await send(functions, { do: "big", bytes: 6 * 1024 * 1024 })).payload).toHaveLength(6 * 1024 * 1024)
    const tooLarge = await send(functions, { do: "big", bytes: 6 * 1024 * 1024 + 101 })
    expect(tooLarge.functionError).toBe("Unhandled")
    expect(json(tooLarge)).toEqual({
      errorType: "Function.ResponseSizeTooLarge",
      errorMessage: "Response payload size exceeded maximum allowed payload size (6291556 bytes)."
    })
    expect(json(await send(functions, { do: "echo" }))).toMatchObject({ count: 3 })
  })
})

describe("the log of an invocation", () => {
  it("has the function's lines between Lambda's own, the start's lines before the first", async () => {
    const seen: Array<string> = []
    await using functions = pool("loud", { onLog: (name, line) => seen.push(`${name}: ${line}`) })
    const first = (await functions.invoke("{}")).logs.trimEnd().split("\n")
    expect(first[0]).toMatch(/^\d{4}-.*Z\t-\tINFO\tloading$/)
    expect(first[1]).toMatch(/^START RequestId: \S{36} Version: \$LATEST$/)
    expect(first[2]).toMatch(/\tINFO\thandling$/)
    expect(first[3]).toMatch(/^END RequestId: \S{36}$/)
    expect(first[4]).toMatch(
      /^REPORT RequestId: \S{36}\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\tMemory Size: 256 MB\t.*Init Duration: [\d.]+ ms$/
    )
    const second = (await functions.invoke("{}")).logs.trimEnd().split("\n")
    expect(second).toHaveLength(4)
    expect(second[3]).not.toContain("Init Duration")
    expect(seen).toEqual([...first, ...second].map((line) => `loud: ${line}`))
  })

  it("is complete, with stderr and line breaks as Lambda writes them", async () => {
    await using functions = pool("switchboard")
    const lines = Array.from({ length: 2_000 }, (_, at) => `line ${at} ${"x".repeat(100)}`)
    const { logs } = await send(functions, { do: "log", lines: [...lines, "two\nlines"] })
    for (const line of lines) expect(logs).toContain(`\t${line}\n`)
    expect(logs).toContain("two\rlines\n")
    expect(logs).toContain("to stderr\n")
  })

  it("is JSON when the function is set so", async () => {
    await using functions = pool("switchboard", {
      environment: { AWS_LAMBDA_LOG_FORMAT: "JSON", AWS_LAMBDA_LOG_LEVEL: "INFO" }
    })
    const { logs, requestId } = await send(functions, { do: "log", lines: ["one"] })
    const line = logs.split("\n").find((one) => one.includes(`"one"`))
    expect(JSON.parse(line ?? "{}")).toEqual({
      timestamp: expect.any(String),
      level: "INFO",
      requestId,
      message: "one"
    })
    const failed = await send(functions, { do: "throw" })
    const error = failed.logs.split("\n").find((one) => one.startsWith("{"))
    expect(JSON.parse(error ?? "{}")).toMatchObject({
      level: "ERROR",
      requestId: failed.requestId,
      message: { errorType: "RangeError", stackTrace: expect.any(Array) }
    })
  })
})
