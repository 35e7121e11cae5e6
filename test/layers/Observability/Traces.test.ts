import { createServer, type IncomingHttpHeaders, type Server } from "node:http"
import { createSocket, type Socket } from "node:dgram"
import type { AddressInfo } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as TestClock from "effect/TestClock"
import type * as Tracer from "effect/Tracer"
import * as Traces from "../../../src/layers/Observability/Traces.ts"
import * as Otlp from "../../../src/layers/Observability/Traces/Otlp.ts"
import * as XRay from "../../../src/layers/Observability/Traces/XRay.ts"
import * as Spans from "../../../src/services/Spans.ts"
import { written } from "../../support/logs.ts"

class Refused extends Data.TaggedError("Refused")<{ readonly email: string }> {
  override get message(): string {
    return `refused for ${this.email}`
  }
}

const header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"

/** One invocation's spans: a call to AWS that worked, and one to a vendor that failed. */
const spansWith = Effect.fnUntraced(function* (work: Effect.Effect<void>) {
  const { finished, record } = yield* Spans.begin(header, 0)
  const aws = Effect.withSpan(work, "DynamoDB.GetItem", {
    kind: "client",
    attributes: { "rpc.system": "aws-api", items: 2, ratio: 0.5, fresh: true, keys: ["a"] }
  })
  const vendor = Effect.withSpan(Effect.fail(new Refused({ email: "user@example.com" })), "mParticle POST", {
    kind: "client",
    links: [{ _tag: "SpanLink", span: { ...externalSpan }, attributes: {} }]
  })
  yield* Effect.zipRight(aws, Effect.either(vendor)).pipe(
    Effect.withSpan("lambda.invoke", {
      kind: "server",
      attributes: { "correlation.id": "workflow-1", email: "user@example.com", note: "for user@example.com" }
    }),
    record
  )
  return finished
})

const spans = spansWith(TestClock.adjust(20))

const externalSpan: Tracer.ExternalSpan = {
  _tag: "ExternalSpan",
  traceId: "a".repeat(32),
  spanId: "b".repeat(16),
  sampled: true,
  context: undefined as never
}

const configured = (settings: Readonly<Record<string, string>>) =>
  Effect.withConfigProvider(Traces.make, ConfigProvider.fromMap(new Map(Object.entries(settings))))

interface Received {
  readonly url: string | undefined
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** A collector that answers at once, or never. */
const collector = (answers: boolean) =>
  Effect.gen(function* () {
    const received: Array<Received> = []
    const server = yield* Effect.acquireRelease(
      Effect.async<Server>((resume) => {
        const server = createServer((request, response) => {
          let body = ""
          request.on("data", (part) => (body += String(part)))
          request.on("end", () => {
            received.push({ url: request.url, headers: request.headers, body })
            if (answers) response.writeHead(200, { "content-type": "application/json" }).end("{}")
          })
        })
        server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
      }),
      (server) =>
        Effect.sync(() => {
          server.close()
          server.closeAllConnections()
        })
    )
    return { received, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
  })

describe("spans as OTLP", () => {
  it.effect("name times, attributes, links and failures, and no personal data", () =>
    Effect.gen(function* () {
      const document = Otlp.document(yield* spans, "mparticle-api-lambda")
      const text = JSON.stringify(document)
      assert.notInclude(text, "user@example.com")
      const [{ resource, scopeSpans } = { resource: {}, scopeSpans: [] }] = (
        document as {
          readonly resourceSpans: ReadonlyArray<{
            readonly resource: object
            readonly scopeSpans: ReadonlyArray<{ readonly spans: ReadonlyArray<Record<string, unknown>> }>
          }>
        }
      ).resourceSpans
      assert.deepInclude(resource, {
        attributes: [
          { key: "service.name", value: { stringValue: "mparticle-api-lambda" } },
          { key: "cloud.provider", value: { stringValue: "aws" } },
          { key: "cloud.platform", value: { stringValue: "aws_lambda" } },
          { key: "faas.name", value: { stringValue: "mparticle-api-lambda" } }
        ]
      })
      const [aws, vendor, root] = scopeSpans[0]?.spans ?? []
      assert.deepInclude(aws, {
        traceId: "5759e988bd862e3fe1be46a994272793",
        name: "DynamoDB.GetItem",
        kind: 3,
        parentSpanId: root?.["spanId"],
        startTimeUnixNano: "0",
        endTimeUnixNano: "20000000",
        status: { code: 0 },
        links: [],
        attributes: [
          { key: "rpc.system", value: { stringValue: "aws-api" } },
          { key: "items", value: { intValue: "2" } },
          { key: "ratio", value: { doubleValue: 0.5 } },
          { key: "fresh", value: { boolValue: true } },
          { key: "keys", value: { stringValue: '["a"]' } }
        ]
      })
      assert.deepInclude(vendor, {
        status: { code: 2 },
        attributes: [{ key: "error.type", value: { stringValue: "Refused" } }],
        links: [{ traceId: "a".repeat(32), spanId: "b".repeat(16) }]
      })
      assert.deepInclude(root, { name: "lambda.invoke", kind: 2, parentSpanId: "53995c3f42cd8ad8" })
    })
  )

  it.scopedLive("reach the collector once, with its headers", () =>
    Effect.gen(function* () {
      const { received, url } = yield* collector(true)
      const exporter = yield* configured({
        OTEL_EXPORTER_OTLP_ENDPOINT: `${url}/`,
        OTEL_EXPORTER_OTLP_HEADERS: "x-key=a%20b+c==, other=1"
      })
      assert.strictEqual(exporter.ratio, 1)
      yield* exporter.export(yield* spansWith(Effect.void), "f")
      yield* exporter.export([], "f")
      assert.lengthOf(received, 1)
      assert.strictEqual(received[0]?.url, "/v1/traces")
      assert.deepInclude(received[0]?.headers, { "content-type": "application/json", "x-key": "a b+c==", other: "1" })
      assert.property(JSON.parse(received[0]?.body ?? ""), "resourceSpans")
    })
  )

  it.scopedLive("hold an answer back for a moment only, and leave a silent collector alone afterwards", () =>
    Effect.gen(function* () {
      const { received, url } = yield* collector(false)
      const exporter = yield* configured({ OTEL_EXPORTER_OTLP_ENDPOINT: url })
      const some = yield* spansWith(Effect.void)
      const { exit, lines } = yield* written(Effect.zipRight(exporter.export(some, "f"), exporter.export(some, "f")))
      assert.isTrue(Exit.isSuccess(exit))
      assert.lengthOf(received, 1)
      assert.deepStrictEqual(
        lines.map(({ level, message }) => ({ level, message })),
        [{ level: "WARN", message: "the traces could not be exported" }]
      )
    })
  )
})

describe("spans as X-Ray's documents", () => {
  it.effect("are subsegments of the function's own segment", () =>
    Effect.gen(function* () {
      const [aws, vendor, root] = (yield* spans).map((span) => XRay.segment(span, "f") as Record<string, unknown>)
      assert.deepInclude(root, {
        name: "lambda.invoke",
        type: "subsegment",
        trace_id: "1-5759e988-bd862e3fe1be46a994272793",
        parent_id: "53995c3f42cd8ad8",
        annotations: { correlation_id: "workflow-1" },
        start_time: 0,
        end_time: 0.02
      })
      assert.deepInclude(aws, { name: "DynamoDB.GetItem", namespace: "aws", parent_id: root?.["id"] })
      assert.deepInclude(vendor, { namespace: "remote", fault: true })
      assert.notInclude(JSON.stringify([aws, vendor, root]), "user@example.com")
    })
  )

  it.scopedLive("reach the daemon as datagrams", () =>
    Effect.gen(function* () {
      const received: Array<string> = []
      const socket = yield* Effect.acquireRelease(
        Effect.async<Socket>((resume) => {
          const socket = createSocket("udp4")
          socket.bind(0, "127.0.0.1", () => resume(Effect.succeed(socket)))
        }),
        (socket) => Effect.sync(() => socket.close())
      )
      const all = Effect.async<void>((resume) => {
        socket.on("message", (datagram) => {
          received.push(datagram.toString("utf8"))
          if (received.length === 3) resume(Effect.void)
        })
      })
      const exporter = yield* configured({ AWS_XRAY_DAEMON_ADDRESS: `127.0.0.1:${socket.address().port}` })
      const some = yield* spansWith(Effect.void)
      yield* Effect.all([all, exporter.export(some, "f")], { concurrency: "unbounded" })
      for (const datagram of received) {
        const [head, document] = datagram.split("\n")
        assert.deepStrictEqual(JSON.parse(head ?? ""), { format: "json", version: 1 })
        assert.property(JSON.parse(document ?? ""), "trace_id")
      }
    })
  )

  it.scopedLive("go nowhere, and break nothing, without a daemon", () =>
    Effect.gen(function* () {
      const exporter = yield* configured({ AWS_XRAY_DAEMON_ADDRESS: "tcp:127.0.0.1:1 udp:127.0.0.1:1" })
      yield* exporter.export(yield* spansWith(Effect.void), "f")
    })
  )
})

describe("the settings of the traces", () => {
  it.effect("without a collector and a daemon nothing is recorded", () =>
    Effect.map(configured({}), ({ ratio }) => assert.strictEqual(ratio, 0))
  )

  it.effect("a share of traces can be asked for", () =>
    Effect.gen(function* () {
      const url = "https://collector.example"
      const { ratio } = yield* configured({ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_TRACES_SAMPLER_ARG: "0.1" })
      assert.strictEqual(ratio, 0.1)
    })
  )

  const wrong: ReadonlyArray<readonly [name: string, value: string, reason: string]> = [
    ["OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector.example", "must be an https URL"],
    ["OTEL_EXPORTER_OTLP_HEADERS", "secret", "must be name=value pairs, separated by commas"],
    ["OTEL_TRACES_SAMPLER_ARG", "1.5", "must be a number from 0 to 1"],
    ["AWS_XRAY_DAEMON_ADDRESS", "nowhere", "must be host:port"]
  ]
  for (const [name, value, reason] of wrong) {
    it.effect(`${name} ${reason}`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(configured({ [name]: value }))
        assert.include(JSON.stringify(error), reason)
      })
    )
  }
})
