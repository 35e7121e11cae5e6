/** One request's path, followed by its correlation id through every process that touches it. */
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { call, eventually, type Running, startTestPlatform } from "../support/platform.ts"
import { type Field, fieldOf } from "../support/sandbox.ts"

let running: Running
let field: Field

beforeAll(async () => {
  running = await startTestPlatform()
  field = fieldOf(running)
})

afterAll(async () => {
  field[Symbol.dispose]()
  await running[Symbol.asyncDispose]()
})

interface TracedSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly function: string
  readonly name: string
  readonly kind: string
  readonly status: string
  readonly attributes: Readonly<Record<string, unknown>>
  readonly links: ReadonlyArray<{ readonly traceId: string; readonly spanId: string }>
}

interface Path {
  readonly spans: ReadonlyArray<TracedSpan>
  readonly logs: ReadonlyArray<Readonly<Record<string, unknown>>>
}

const pathOf = async (correlationId: string): Promise<Path> =>
  (await (await call(running, "GET", `/_platform/traces/${encodeURIComponent(correlationId)}`)).json()) as Path

describe("one correlation id", () => {
  it("leads from Baton's invoke through the fallback queue and the retry to the status answer", async () => {
    const correlationId = "followed / everywhere"
    await field.fault("mparticle", {
      match: { method: "POST", path: "/v3/requests" },
      times: 4,
      fault: { status: 503 }
    })
    const initiated = await field.baton(field.initiation({ correlationId }))
    assert.include(initiated.payload, { status: "queued", correlationId })
    const mparticleRequestId = initiated.payload["mparticleRequestId"]
    await eventually(
      async () => assert.include(await field.recordOf(mparticleRequestId), { status: "submitted" }),
      30_000
    )
    const status = await field.baton({ action: "status", payload: { mparticleRequestId } })
    assert.include(status.payload, { status: "submitted", correlationId })

    // The consumer's spans are sent when its invocation ends, a moment after the record has moved.
    await eventually(async () => {
      const { logs, spans } = await pathOf(correlationId)
      const named = (name: string, functionName: string): TracedSpan => {
        const found = spans.find((span) => span.name === name && span.function === functionName)
        assert.isDefined(found, `${name} of ${functionName}`)
        return found
      }
      const door = named("lambda.invoke", "mparticle-api-lambda")
      named("DynamoDB.TransactWriteItems", "mparticle-api-lambda")
      assert.include(named("mParticle POST", "mparticle-api-lambda"), { traceId: door.traceId, kind: "client" })
      const queued = named("SQS.SendMessage", "mparticle-api-lambda")
      const message = named("sqs.message", "mparticle-api-retry")
      assert.deepStrictEqual(message.links, [{ traceId: queued.traceId, spanId: String(queued.parentSpanId) }])
      assert.strictEqual(message.parentSpanId, named("lambda.invoke", "mparticle-api-retry").spanId)
      assert.strictEqual(named("mParticle POST", "mparticle-api-retry").traceId, message.traceId)

      const told = logs.map((line) => `${String(line["function"])} ${String(line["operation"])}`)
      for (const step of ["mparticle-api-lambda batonInitiate_SUCCESS", "mparticle-api-retry dsrResubmit_SUCCESS"]) {
        assert.include(told, step)
      }
      assert.isTrue(logs.every((line) => line["correlationId"] === correlationId))
      // Only what belongs to the request: every span is its own, or the invocation around one.
      const parents = new Set(spans.map(({ parentSpanId }) => parentSpanId))
      for (const span of spans) {
        if (span.attributes["correlation.id"] !== correlationId) assert.isTrue(parents.has(span.spanId), span.name)
      }
    }, 20_000)

    // mParticle was told of the trace, and of the correlation id.
    const submissions = await field.submissions()
    assert.isNotEmpty(submissions)
    for (const { headers } of submissions) {
      assert.match(String(headers["traceparent"]), /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)
      assert.strictEqual(headers["x-correlation-id"], encodeURIComponent(correlationId))
    }
    const text = JSON.stringify(await pathOf(correlationId))
    for (const personal of ["@example.com", "guardian-user-"]) assert.notInclude(text, personal)
  }, 90_000)

  it("shows nothing for an id that nobody used", async () => {
    const { logs, spans } = await pathOf("nobody")
    assert.deepStrictEqual({ logs, spans }, { logs: [], spans: [] })
  })
})
