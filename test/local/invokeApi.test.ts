import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import {
  InvalidParameterValueException,
  InvalidRequestContentException,
  InvokeCommand,
  LambdaClient,
  RequestTooLargeException,
  ResourceNotFoundException,
  ServiceException,
  TooManyRequestsException
} from "@aws-sdk/client-lambda"
import type { InvokeCommandInput, InvokeCommandOutput } from "@aws-sdk/client-lambda"
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import { switchboard } from "./fixtures.ts"
import { startParts } from "./platformParts.ts"

let parts: Awaited<ReturnType<typeof startParts>>
let client: LambdaClient

const attempts = `
import { appendFileSync, readFileSync } from "node:fs"
export const handler = async (event) => {
  const file = process.env.FOLDER + "/" + event.file
  appendFileSync(file, "x")
  if (readFileSync(file, "utf8").length <= event.failures) throw new Error("not yet")
}`

beforeAll(async () => {
  parts = await startParts({ functions: { switchboard, attempts } })
  client = new LambdaClient({
    endpoint: parts.url,
    region: "eu-west-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    maxAttempts: 1
  })
})
afterEach(() => parts.sandbox.clear())
afterAll(async () => {
  client.destroy()
  await parts[Symbol.asyncDispose]()
})

const invoke = (event: unknown, input: Partial<InvokeCommandInput> = {}): Promise<InvokeCommandOutput> =>
  client.send(new InvokeCommand({ FunctionName: "switchboard", Payload: Buffer.from(JSON.stringify(event)), ...input }))

const answer = (output: InvokeCommandOutput): unknown => JSON.parse(output.Payload?.transformToString() ?? "null")

const invocations = (): number | undefined => parts.pools.get("switchboard")?.state().invocations

const fault = (rule: object): void => void parts.sandbox.faults.add(rule)

describe("RequestResponse", () => {
  it("answers what the function answers", async () => {
    const output = await invoke({ do: "echo", it: "✓" })
    expect(output).toMatchObject({ StatusCode: 200, ExecutedVersion: "$LATEST" })
    expect(output.FunctionError).toBeUndefined()
    expect(output.LogResult).toBeUndefined()
    expect(output.$metadata.requestId).toMatch(/^[0-9a-f-]{36}$/)
    expect(answer(output)).toMatchObject({ event: { do: "echo", it: "✓" } })
  })

  it("takes a name, a partial and a full ARN, with and without a qualifier", async () => {
    const arn = "arn:aws:lambda:eu-west-1:000000000000:function:switchboard"
    const named: ReadonlyArray<readonly [Partial<InvokeCommandInput>, string]> = [
      [{ FunctionName: "switchboard:$LATEST" }, `${arn}:$LATEST`],
      [{ FunctionName: "000000000000:function:switchboard" }, arn],
      [{ FunctionName: "function:switchboard:live" }, `${arn}:live`],
      [{ FunctionName: arn }, arn],
      [{ FunctionName: `${arn}:live` }, `${arn}:live`],
      [{ FunctionName: "switchboard", Qualifier: "live" }, `${arn}:live`]
    ]
    for (const [input, invokedFunctionArn] of named) {
      expect(answer(await invoke({ do: "context" }, input))).toMatchObject({ invokedFunctionArn })
    }
  })

  it("gives an empty event for an empty body", async () => {
    expect(answer(await client.send(new InvokeCommand({ FunctionName: "switchboard" })))).toBeNull()
  })

  it("passes the client context on and refuses one that is no JSON", async () => {
    const context = Buffer.from(`{"custom":{"key":"value"}}`).toString("base64")
    expect(answer(await invoke({ do: "context" }, { ClientContext: context }))).toMatchObject({
      clientContext: { custom: { key: "value" } }
    })
    await expect(invoke({}, { ClientContext: "bm9wZQ==" })).rejects.toThrow(InvalidRequestContentException)
  })

  it("passes a client context on whatever characters it has, and the function lives on", async () => {
    const custom = { schlüssel: "Zoë ✓ 😀 \u007f \\ \u0000 \n" }
    for (const text of [
      JSON.stringify({ custom }),
      JSON.stringify({ custom }, undefined, "\t").replaceAll("\n", "\r\n")
    ]) {
      const ClientContext = Buffer.from(text).toString("base64")
      expect(answer(await invoke({ do: "context" }, { ClientContext }))).toMatchObject({ clientContext: { custom } })
    }
    expect(answer(await invoke({ do: "echo" }))).toMatchObject({ event: { do: "echo" } })
    expect(parts.pools.get("switchboard")?.state()).toMatchObject({ busy: 0 })
  })

  it("marks a function's error", async () => {
    const output = await invoke({ do: "throw" })
    expect(output).toMatchObject({ StatusCode: 200, FunctionError: "Unhandled" })
    expect(answer(output)).toMatchObject({
      errorType: "RangeError",
      errorMessage: "out of range",
      trace: expect.any(Array)
    })
  })

  it("answers the last 4 KB of the log when asked for its tail", async () => {
    const lines = Array.from({ length: 100 }, (_, at) => `line ${at} ${"x".repeat(80)}`)
    const output = await invoke({ do: "log", lines }, { LogType: "Tail" })
    const log = Buffer.from(output.LogResult ?? "", "base64").toString()
    expect(Buffer.byteLength(log)).toBe(4096)
    expect(log).toContain("line 99")
    expect(log).toMatch(/\nREPORT RequestId: .*\n$/)
  })

  it("takes 6 MB each way", async () => {
    const event = { do: "big", bytes: 6 * 1024 * 1024, fill: "" }
    const fill = "x".repeat(6 * 1024 * 1024 - JSON.stringify(event).length)
    const output = await invoke({ ...event, fill })
    expect(output.Payload).toHaveLength(6 * 1024 * 1024)
    await expect(invoke({ ...event, fill: `${fill}x` })).rejects.toThrow(RequestTooLargeException)
    expect(answer(await invoke({ do: "big", bytes: 7_000_000 }))).toMatchObject({
      errorType: "Function.ResponseSizeTooLarge"
    })
  })
})

describe("a call that Lambda refuses", () => {
  it("is decoded by the SDK as its exception", async () => {
    await expect(invoke({}, { FunctionName: "nobody" })).rejects.toMatchObject({
      constructor: ResourceNotFoundException,
      Type: "User",
      message: "Function not found: arn:aws:lambda:eu-west-1:000000000000:function:nobody",
      $metadata: { httpStatusCode: 404 }
    })
    await expect(invoke({}, { Payload: Buffer.from("{") })).rejects.toMatchObject({
      constructor: InvalidRequestContentException,
      message: expect.stringContaining("Could not parse request body into json"),
      $metadata: { httpStatusCode: 400 }
    })
    await expect(invoke({}, { InvocationType: "Sometimes" as "Event" })).rejects.toThrow(InvalidParameterValueException)
    await expect(invoke({}, { FunctionName: "no such name!" })).rejects.toMatchObject({ name: "ValidationException" })
  })

  it("is one whose path has a malformed escape", async () => {
    const asked = await fetch(`${parts.url}/2015-03-31/functions/%E0%A4%A/invocations`, { method: "POST", body: "{}" })
    expect([asked.status, asked.headers.get("x-amzn-errortype")]).toEqual([400, "ValidationException"])
    for (const path of ["%zz/faults", "%zz", "lambda/%zz", "lambda%/requests"]) {
      expect([path, (await fetch(`${parts.url}/_sandbox/${path}`)).status]).toEqual([path, 404])
    }
  })

  it("is one over 6 MB, or 1 MB for an event", async () => {
    const payload = (bytes: number): Buffer => Buffer.from(JSON.stringify("x".repeat(bytes - 2)))
    await expect(invoke({}, { Payload: payload(6_291_457) })).rejects.toMatchObject({
      constructor: RequestTooLargeException,
      message: "Request must be smaller than 6291456 bytes for the InvokeFunction operation",
      $metadata: { httpStatusCode: 413 }
    })
    const event = { InvocationType: "Event" } as const
    await expect(invoke({}, { ...event, Payload: payload(1_048_577) })).rejects.toThrow(RequestTooLargeException)
    expect(await invoke({}, { ...event, Payload: payload(1_048_576) })).toMatchObject({ StatusCode: 202 })
  })
})

describe("DryRun", () => {
  it("checks and does not call", async () => {
    const before = invocations()
    expect(await invoke({}, { InvocationType: "DryRun" })).toMatchObject({ StatusCode: 204 })
    await expect(invoke({}, { InvocationType: "DryRun", FunctionName: "nobody" })).rejects.toThrow(
      ResourceNotFoundException
    )
    expect(invocations()).toBe(before)
  })
})

describe("Event", () => {
  const event = (file: string, failures: number): Promise<InvokeCommandOutput> =>
    invoke({ file, failures }, { FunctionName: "attempts", InvocationType: "Event" })
  const count = async (file: string): Promise<number> =>
    (await readFile(join(parts.folder.path, file), "utf8").catch(() => "")).length

  it("is accepted at once and run", async () => {
    const output = await event("well", 0)
    expect(output).toMatchObject({ StatusCode: 202 })
    expect(output.Payload ?? "").toHaveLength(0)
    await expect.poll(() => count("well")).toBe(1)
  })

  it("is tried again twice after errors of the function", async () => {
    await event("second", 1)
    await expect.poll(() => count("second")).toBe(2)
    await event("never", 9)
    await expect.poll(() => count("never")).toBe(3)
    await sleep(150)
    expect([await count("second"), await count("never")]).toEqual([2, 3])
    expect(parts.sandbox.requests().map(({ function: name, status }) => [name, status])).toEqual([
      ["attempts", 202],
      ["attempts", 200],
      ["attempts", 202],
      ["attempts", 200],
      ["attempts", 200]
    ])
  })

  it("is tried again after its process was killed", async () => {
    fault({ match: { function: "attempts" }, fault: { commitThenKill: true }, times: 2 })
    await event("killed", 0)
    await expect.poll(() => count("killed")).toBe(3)
  })

  it("does not outlive the platform", async () => {
    const stopping = await startParts({ functions: { attempts }, retryDelaysMs: [60_000, 60_000] })
    await fetch(`${stopping.url}/2015-03-31/functions/attempts/invocations`, {
      method: "POST",
      headers: { "x-amz-invocation-type": "Event" },
      body: `{"file":"x","failures":9}`
    })
    await expect.poll(() => stopping.log.some((line) => line.startsWith("REPORT"))).toBe(true)
    const began = performance.now()
    await stopping[Symbol.asyncDispose]()
    expect(performance.now() - began).toBeLessThan(1_500)
  })
})

describe("the lambda sandbox", () => {
  it("lists invocations", async () => {
    await invoke({ do: "echo" })
    await invoke({ do: "throw" }, { FunctionName: "switchboard:live" })
    expect(parts.sandbox.requests()).toEqual([
      expect.objectContaining({
        method: "POST",
        path: "/2015-03-31/functions/switchboard/invocations",
        function: "switchboard",
        body: `{"do":"echo"}`,
        status: 200
      }),
      expect.objectContaining({ path: "/2015-03-31/functions/switchboard%3Alive/invocations", status: 200 })
    ])
  })

  it("answers AWS errors and plain statuses", async () => {
    fault({ match: { function: "switch.*" }, fault: { error: "TooManyRequestsException" } })
    await expect(invoke({})).rejects.toMatchObject({
      constructor: TooManyRequestsException,
      $metadata: { httpStatusCode: 429 }
    })
    fault({ fault: { error: "ServiceException" } })
    await expect(invoke({})).rejects.toMatchObject({ constructor: ServiceException, Type: "Service" })
    fault({ fault: { status: 503, body: { message: "later" } } })
    await expect(invoke({})).rejects.toMatchObject({ $metadata: { httpStatusCode: 503 } })
    expect(answer(await invoke({ do: "echo" }))).toMatchObject({ event: { do: "echo" } })
  })

  it("kills: at once, after a time, or with the work done", async () => {
    for (const what of [{ kill: true }, { kill: true, afterMs: 30 }, { commitThenKill: true }]) {
      fault({ match: { function: "switchboard" }, fault: what })
      const output = await invoke({ do: "wait", ms: 150 })
      expect(output.FunctionError).toBe("Unhandled")
      expect(answer(output)).toMatchObject({
        errorType: "Runtime.ExitError",
        errorMessage: expect.stringMatching(/^RequestId: \S{36} Error: Runtime exited with error: signal: killed$/)
      })
    }
  })

  it("cuts connections before and after the work, delays and truncates", async () => {
    const before = invocations() ?? 0
    fault({ fault: { reset: true } })
    await expect(invoke({ do: "echo" })).rejects.toMatchObject({ code: "ECONNRESET" })
    expect(invocations()).toBe(before)
    fault({ fault: { commitThenReset: true } })
    await expect(invoke({ do: "echo" })).rejects.toMatchObject({ code: "ECONNRESET" })
    expect(invocations()).toBe(before + 1)
    fault({ fault: { truncate: 3 } })
    await expect(invoke({ do: "echo" })).rejects.toThrow()
    fault({ fault: { delayMs: 120 } })
    const began = performance.now()
    await invoke({ do: "echo" })
    expect(performance.now() - began).toBeGreaterThanOrEqual(115)
  })
})
