/** The platform's intake of spans and log lines, and the path of one request that it shows. */
import { join } from "node:path"
import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs"
import { afterAll, assert, beforeAll, describe, expect, it } from "vitest"
import { Newest } from "../../local/src/observability/Newest.ts"
import { type Trace, Traces } from "../../local/src/observability/Traces.ts"
import { startPlatform } from "../../local/src/Platform.ts"
import { functionFolder } from "./fixtures.ts"
import { startParts } from "./platformParts.ts"
import { correlated, nanos, readSpan, spanId, traceId, wireDocument, wireSpan } from "./spans.ts"

describe("what is kept", () => {
  it("is the newest of all, in order", () => {
    const newest = new Newest<number>(3)
    assert.deepEqual(newest.all(), [])
    for (const [added, kept] of [
      [1, [1]],
      [2, [1, 2]],
      [3, [1, 2, 3]],
      [4, [2, 3, 4]],
      [5, [3, 4, 5]]
    ] as const) {
      newest.add(added)
      assert.deepEqual(newest.all(), kept)
    }
  })

  it("is 20,000 spans and as many lines", () => {
    const traces = new Traces()
    for (let number = 1; number <= 20_002; number += 1) {
      traces.addSpans([readSpan(number, `c-${number}`)])
      traces.addLine("a-function", JSON.stringify({ correlationId: `c-${number}` }))
    }
    for (const gone of ["c-1", "c-2"]) assert.deepEqual(traces.of(gone), { correlationId: gone, spans: [], logs: [] })
    for (const kept of ["c-3", "c-20002"]) {
      assert.lengthOf(traces.of(kept).spans, 1)
      assert.lengthOf(traces.of(kept).logs, 1)
    }
  })

  it("is of the log what names its request, in the order of its timestamps", () => {
    const traces = new Traces()
    const lines = [
      { timestamp: "2025-06-15T15:30:45.125Z", level: "INFO", message: "third", correlationId: "c" },
      { timestamp: "2025-06-15T15:30:45.123Z", message: "first", correlationId: "c", nested: { a: [1] } },
      { timestamp: "2025-06-15T15:30:45.124Z", message: "of another", correlationId: "d" },
      { timestamp: "2025-06-15T15:30:45.124Z", message: "of nobody", correlationId: "unknown" },
      { timestamp: "2025-06-15T15:30:45.124Z", message: "of no text", correlationId: 7 },
      { timestamp: "2025-06-15T15:30:45.124Z", message: "without" },
      [{ correlationId: "c" }],
      "c"
    ]
    for (const line of lines) traces.addLine("first-function", JSON.stringify(line))
    for (const line of ["START RequestId: c", "{", '{"correlationId":"c"', ""]) traces.addLine("first-function", line)
    traces.addLine("second-function", '{"timestamp":"2025-06-15T15:30:45.124Z","correlationId":"c"}')
    traces.addLine("second-function", '{"message":"no time","correlationId":"c"}')
    assert.deepEqual(traces.of("c").logs, [
      { function: "first-function", ...(lines[1] as object) },
      { function: "second-function", timestamp: "2025-06-15T15:30:45.124Z", correlationId: "c" },
      { function: "first-function", ...(lines[0] as object) },
      { function: "second-function", message: "no time", correlationId: "c" }
    ])
    assert.lengthOf(traces.of("unknown").logs, 0)
  })
})

describe("the routes", () => {
  let parts: Awaited<ReturnType<typeof startParts>>
  beforeAll(async () => {
    const chatty = `
      export const handler = async ({ lines }) => {
        for (const line of lines) process.stdout.write(line + "\\n")
      }`
    parts = await startParts({ functions: { chatty } })
  })
  afterAll(() => parts[Symbol.asyncDispose]())

  const send = async (body: string, headers: Record<string, string> = { "content-type": "application/json" }) => {
    const response = await fetch(`${parts.url}/_platform/otlp/v1/traces`, { method: "POST", headers, body })
    const answer: unknown = await response.json()
    return { status: response.status, type: response.headers.get("content-type"), answer }
  }
  const look = async (path: string): Promise<Trace> => {
    const response = await fetch(`${parts.url}/_platform/traces/${path}`)
    assert.strictEqual(response.status, 200)
    assert.strictEqual(response.headers.get("content-type"), "application/json")
    return (await response.json()) as Trace
  }
  const ok = { status: 200, type: "application/json", answer: {} }

  it("take spans and show one request's, with the spans around them and no others", async () => {
    const other = "c".repeat(32)
    const batch = wireDocument(
      [
        // As an exporter has them: what ended first comes first.
        wireSpan(6, { ...correlated("the one"), parentSpanId: spanId(5), kind: 3, status: { code: 2 } }),
        wireSpan(5, {
          ...correlated("the one"),
          parentSpanId: spanId(2),
          links: [{ traceId: other, spanId: spanId(9) }]
        }),
        wireSpan(4, { ...correlated("another"), parentSpanId: spanId(2) }),
        wireSpan(3, { parentSpanId: spanId(2) }),
        wireSpan(2, { parentSpanId: spanId(1), kind: 5 }),
        wireSpan(1, { parentSpanId: "f".repeat(16), kind: 2 })
      ],
      "mparticle-api-retry"
    )
    const first = wireDocument([
      wireSpan(9, { ...correlated("the one"), traceId: other, startTimeUnixNano: nanos(-500), kind: 4 }),
      wireSpan(2, { traceId: other })
    ])
    assert.deepEqual(await send(JSON.stringify(batch)), ok)
    assert.deepEqual(await send(JSON.stringify(first), { "content-type": "application/json; charset=utf-8" }), ok)
    assert.deepEqual(await send(JSON.stringify(batch)), ok)
    const { correlationId, spans } = await look("the%20one?any=query")
    assert.strictEqual(correlationId, "the one")
    assert.deepEqual(
      spans.map((span) => [span.function, span.name, span.traceId]),
      [
        ["a-function", "work 9", other],
        ["mparticle-api-retry", "work 1", traceId],
        ["mparticle-api-retry", "work 2", traceId],
        ["mparticle-api-retry", "work 5", traceId],
        ["mparticle-api-retry", "work 6", traceId]
      ]
    )
    assert.deepEqual(spans[0], {
      traceId: other,
      spanId: spanId(9),
      function: "a-function",
      name: "work 9",
      kind: "producer",
      start: "2025-06-15T15:30:44.623Z",
      durationMs: 519,
      status: "unset",
      attributes: { "correlation.id": "the one" },
      links: []
    })
    assert.deepInclude(spans[3], {
      parentSpanId: spanId(2),
      kind: "internal",
      start: "2025-06-15T15:30:45.128Z",
      durationMs: 10,
      links: [{ traceId: other, spanId: spanId(9) }]
    })
    assert.deepInclude(spans[4], { kind: "client", status: "error" })
  })

  it("show a request's parent before its child when both start together, and survive spans in a circle", async () => {
    const start = { startTimeUnixNano: nanos(0) }
    await send(
      JSON.stringify(
        wireDocument([
          wireSpan(22, { ...correlated("together"), ...start, parentSpanId: spanId(23), endTimeUnixNano: nanos(1) }),
          wireSpan(23, { ...correlated("together"), ...start, parentSpanId: spanId(22), endTimeUnixNano: nanos(2) })
        ])
      )
    )
    const { spans } = await look("together")
    assert.deepEqual(
      spans.map(({ name }) => name),
      ["work 23", "work 22"]
    )
  })

  it("show the log lines of a function that ran", async () => {
    const line = { timestamp: new Date().toISOString(), level: "INFO", message: "wörk", correlationId: "a/b c" }
    const lines = [JSON.stringify(line), JSON.stringify({ ...line, correlationId: "unknown" }), "plain text"]
    const invoked = await fetch(`${parts.url}/2015-03-31/functions/chatty/invocations`, {
      method: "POST",
      body: JSON.stringify({ lines })
    })
    assert.strictEqual(await invoked.text(), "null")
    const expected = { correlationId: "a/b c", spans: [], logs: [{ function: "chatty", ...line }] }
    assert.deepEqual(await look(encodeURIComponent("a/b c")), expected)
    assert.deepEqual(await look("a/b%20c"), expected)
  })

  it("show nothing of a request that is not known", async () => {
    assert.deepEqual(await look("nobody"), { correlationId: "nobody", spans: [], logs: [] })
    assert.deepEqual(await look("%E0%A4%A"), { correlationId: "%E0%A4%A", spans: [], logs: [] })
  })

  it("refuse what is no document of spans, and keep nothing of it", async () => {
    const half = wireDocument([wireSpan(30, correlated("half")), wireSpan(31, { ...correlated("half"), name: null })])
    const message = "resourceSpans[0].scopeSpans[0].spans[1].name must be a string"
    assert.deepEqual(await send(JSON.stringify(half)), { status: 400, type: ok.type, answer: { message } })
    assert.lengthOf((await look("half")).spans, 0)
    assert.deepInclude(await send("no JSON"), { status: 400, answer: { message: "the body must be JSON" } })
    const foreign = await send("{}", { "content-type": "application/x-protobuf" })
    assert.deepInclude(foreign, { status: 415, answer: { message: "the content type must be application/json" } })
  })

  it("have one method each, like the platform's other route", async () => {
    for (const [method, path] of [
      ["GET", "otlp/v1/traces"],
      ["POST", "traces/the%20one"],
      ["DELETE", "traces/the%20one"],
      ["GET", "traces/"],
      ["POST", "otlp/v1/metrics"]
    ] as const) {
      const response = await fetch(`${parts.url}/_platform/${path}`, { method })
      assert.strictEqual(response.status, 403, `${method} ${path}`)
      await response.arrayBuffer()
    }
  })
})

describe("the whole platform", () => {
  it("shows a request's way through a queue to a function, from what the function sent and logged", async () => {
    const worker = `
      const hex = (text) => Buffer.from(text).toString("hex")
      export const handler = async ({ Records }) => {
        for (const { body, attributes } of Records) {
          const [, root, parent] = /^Root=1-(.{8}-.{24});Parent=(.{16});/.exec(attributes.AWSTraceHeader)
          const own = Object.fromEntries(process.env._X_AMZN_TRACE_ID.split(";").map((field) => field.split("=")))
          const now = String(BigInt(Date.now()) * 1000000n)
          const span = {
            traceId: own.Root.replaceAll("-", "").slice(1), spanId: hex("worker 1"), parentSpanId: own.Parent,
            name: "work", kind: 5, startTimeUnixNano: now, endTimeUnixNano: now,
            attributes: [{ key: "correlation.id", value: { stringValue: body } }],
            links: [{ traceId: root.replace("-", ""), spanId: parent }]
          }
          const resource = { attributes: [{ key: "service.name", value: { stringValue: process.env.AWS_LAMBDA_FUNCTION_NAME } }] }
          const answer = await fetch(process.env.OTEL_EXPORTER_OTLP_ENDPOINT + "/v1/traces", {
            method: "POST",
            headers: { "content-type": "application/json" },
            body: JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans: [span] }] }] })
          })
          const line = { timestamp: new Date().toISOString(), correlationId: body, message: "sent", status: answer.status }
          process.stdout.write(JSON.stringify(line) + "\\n")
        }
      }`
    await using folder = await functionFolder({ worker })
    await using platform = await startPlatform({
      port: 0,
      folder: join(folder.path, ".local"),
      environment: {},
      extraFunctions: { worker: { bundle: folder.file("worker"), queue: "own" } },
      extraQueues: { own: { name: "queue-of-ones-own", visibilitySeconds: 30, maxReceiveCount: 5 } }
    })
    const { aws, gateway, queues } = platform.info
    const credentials = { accessKeyId: "test", secretAccessKey: "test" }
    const sqs = new SQSClient({ region: "eu-west-1", credentials, endpoint: aws.sqs })
    const sender = "53995c3f42cd8ad8"
    await sqs.send(
      new SendMessageCommand({
        QueueUrl: queues["own"],
        MessageBody: "request-1",
        MessageSystemAttributes: {
          AWSTraceHeader: {
            DataType: "String",
            StringValue: `Root=1-67891233-abcdef012345678912345678;Parent=${sender};Sampled=1`
          }
        }
      })
    )
    sqs.destroy()
    const look = async () => (await (await fetch(`${gateway}/_platform/traces/request-1`)).json()) as Trace
    await expect.poll(async () => (await look()).logs.length, { timeout: 10_000 }).toBe(1)
    const { spans, logs } = await look()
    expect(logs).toEqual([
      { function: "worker", timestamp: expect.any(String), correlationId: "request-1", message: "sent", status: 200 }
    ])
    expect(spans).toEqual([
      {
        traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
        spanId: Buffer.from("worker 1").toString("hex"),
        parentSpanId: expect.stringMatching(/^[0-9a-f]{16}$/),
        function: "worker",
        name: "work",
        kind: "consumer",
        start: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        durationMs: 0,
        status: "unset",
        attributes: { "correlation.id": "request-1" },
        links: [{ traceId: "67891233abcdef012345678912345678", spanId: sender }]
      }
    ])
    const state = (await (await fetch(`${gateway}/_platform`)).json()) as { state: { traces: string } }
    expect(state.state.traces).toBe(`${gateway}/_platform/traces/{correlationId}`)
  })
})
