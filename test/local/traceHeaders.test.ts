/** The trace header of an invocation, as it comes from a caller or from Lambda itself. */
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, expect, it } from "vitest"
import { traceHeader } from "../../local/src/functions/traceHeader.ts"
import { startParts } from "./platformParts.ts"

const root = "1-67891233-abcdef012345678912345678"
const parent = "53995c3f42cd8ad8"
const fresh = /^Root=1-([0-9a-f]{8})-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=1$/

describe("a trace header", () => {
  it("stays as it is when it is whole", () => {
    for (const sampled of ["0", "1"]) {
      const whole = `Root=${root};Parent=${parent};Sampled=${sampled}`
      assert.strictEqual(traceHeader(whole), whole)
      assert.strictEqual(
        traceHeader(`${whole};Lineage=a87bd80c:1|68fd508a:5`),
        `${whole};Lineage=a87bd80c:1|68fd508a:5`
      )
    }
  })

  it("gets what it lacks", () => {
    assert.match(traceHeader(`Root=${root}`), new RegExp(`^Root=${root};Parent=[0-9a-f]{16};Sampled=1$`))
    assert.strictEqual(
      traceHeader(` Parent=${parent} ; Root=${root};Sampled=?;`),
      `Root=${root};Parent=${parent};Sampled=1`
    )
    assert.match(
      traceHeader(`Root=${root};Sampled=0;Lineage=a:1`),
      new RegExp(`^Root=${root};Parent=[0-9a-f]{16};Sampled=0;Lineage=a:1$`)
    )
    assert.match(traceHeader(`Root=${root};Parent=short`), new RegExp(`^Root=${root};Parent=[0-9a-f]{16};Sampled=1$`))
  })

  it("is that of a new trace when it names none, or there is none", () => {
    const before = Math.floor(Date.now() / 1000)
    for (const given of [undefined, "", "nonsense", "Root=1-2-3", `Parent=${parent};Sampled=0`, `root=${root}`]) {
      const header = traceHeader(given)
      const seconds = Number.parseInt(fresh.exec(header)?.[1] ?? "", 16)
      assert.isAtLeast(seconds, before, header)
      assert.isAtMost(seconds, Date.now() / 1000, header)
      assert.notInclude(header, parent)
    }
    assert.notStrictEqual(traceHeader(), traceHeader())
  })
})

describe("an invocation", () => {
  const traced = `
    import { appendFileSync } from "node:fs"
    export const handler = async (event, { xRayTraceId }) => {
      const variable = process.env._X_AMZN_TRACE_ID
      if (event.headers !== undefined) {
        return { statusCode: 200, body: JSON.stringify({ variable, header: event.headers["X-Amzn-Trace-Id"] }) }
      }
      if (event.fail === undefined) return { variable, context: xRayTraceId }
      appendFileSync(process.env.FOLDER + "/traces.txt", variable + "\\n")
      throw new Error("again")
    }`
  let parts: Awaited<ReturnType<typeof startParts>>
  beforeAll(async () => {
    parts = await startParts({ functions: { traced }, routes: [{ prefix: "/api", function: "traced" }] })
  })
  afterAll(() => parts[Symbol.asyncDispose]())

  const invoke = async (event: object, headers: Record<string, string> = {}) => {
    const response = await fetch(`${parts.url}/2015-03-31/functions/traced/invocations`, {
      method: "POST",
      headers,
      body: JSON.stringify(event)
    })
    const text = await response.text()
    const answer = (text === "" ? {} : JSON.parse(text)) as { variable?: string; context?: string }
    return { ...answer, answered: response.headers.get("x-amzn-trace-id") }
  }

  it("has the caller's header, whole or completed, and the caller is told", async () => {
    const whole = `Root=${root};Parent=${parent};Sampled=0;Lineage=a:1`
    assert.deepInclude(await invoke({}, { "X-Amzn-Trace-Id": whole }), {
      variable: whole,
      context: whole,
      answered: whole
    })
    const completed = await invoke({}, { "x-amzn-trace-id": `Root=${root}` })
    assert.match(completed.variable ?? "", new RegExp(`^Root=${root};Parent=[0-9a-f]{16};Sampled=1$`))
    assert.strictEqual(completed.context, completed.variable)
    assert.strictEqual(completed.answered, completed.variable)
  })

  it("has a new one for each call that brings none", async () => {
    const first = await invoke({})
    const second = await invoke({})
    for (const { variable, answered } of [first, second]) {
      assert.match(variable ?? "", fresh)
      assert.strictEqual(answered, variable ?? "")
    }
    assert.notStrictEqual(first.variable, second.variable)
    const outcome = await parts.lambda.invoke({ name: "traced", payload: "{}" })
    assert.strictEqual(outcome.kind, "answered")
    if (outcome.kind === "answered") {
      assert.match((JSON.parse(outcome.result.payload) as { variable: string }).variable, fresh)
    }
  })

  it("has the same one when an event is tried again", async () => {
    const { answered } = await invoke({ fail: true }, { "x-amz-invocation-type": "Event" })
    assert.match(answered ?? "", fresh)
    const attempts = () => readFile(join(parts.folder.path, "traces.txt"), "utf8").catch(() => "")
    await expect.poll(attempts, { timeout: 5_000 }).toBe(`${answered}\n`.repeat(3))
  })

  it("through the API has the trace that the event's header names", async () => {
    const api = async (headers: Record<string, string>) => {
      const response = await fetch(`${parts.url}/dev/api`, { headers })
      return (await response.json()) as { variable: string; header: string }
    }
    const given = `Root=${root};Sampled=0`
    const passedOn = await api({ "X-Amzn-Trace-Id": given })
    assert.strictEqual(passedOn.header, given)
    assert.match(passedOn.variable, new RegExp(`^Root=${root};Parent=[0-9a-f]{16};Sampled=0$`))
    const { header, variable } = await api({})
    assert.match(header, /^Root=1-[0-9a-f]{8}-[0-9a-f]{24}$/)
    assert.match(variable, fresh)
    assert.isTrue(variable.startsWith(`${header};`), variable)
  })
})
