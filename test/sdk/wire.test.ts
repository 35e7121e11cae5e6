/** The SDK through the real AWS client, against a server that speaks as Lambda does. */
import { once } from "node:events"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { text } from "node:stream/consumers"
import { LambdaClient } from "@aws-sdk/client-lambda"
import { assert, describe, it, vi } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Tracer from "effect/Tracer"
import { type BatonClientOptions, make, promiseClient, retrySchedule } from "../../src/sdk/Baton.ts"
import { anonymous, refusal, request, requestId, standing } from "../support/fakeLambda.ts"
import { eventually } from "../support/platform.ts"

interface Call {
  readonly path: string | undefined
  readonly headers: IncomingMessage["headers"]
  readonly body: string
}

type Respond = (response: ServerResponse) => void

const json =
  (value: unknown, headers: Record<string, string> = {}, status = 200): Respond =>
  (response) => {
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(value))
  }

/** A server that answers the calls in turn, the last answer for ever, and a client over it. */
const serving = (...responses: ReadonlyArray<Respond>) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const calls: Array<Call> = []
      const closed: Array<string> = []
      const server = createServer((incoming, response) => {
        response.on("close", () => closed.push(response.writableFinished ? "answered" : "cut off"))
        void text(incoming).then((body) => {
          calls.push({ path: incoming.url, headers: incoming.headers, body })
          const respond = responses[calls.length - 1] ?? responses.at(-1)
          respond?.(response)
        })
      })
      await once(server.listen(0, "127.0.0.1"), "listening")
      const { port } = server.address() as AddressInfo
      const lambda = new LambdaClient({
        endpoint: `http://127.0.0.1:${port}`,
        region: "eu-west-1",
        credentials: { accessKeyId: "test", secretAccessKey: "test" },
        maxAttempts: 1
      })
      const options: BatonClientOptions = { lambda, retry: { ...retrySchedule, baseMillis: 1 } }
      return { server, lambda, options, calls, closed }
    }),
    ({ lambda, server }) =>
      Effect.promise(async () => {
        lambda.destroy()
        server.closeAllConnections()
        await new Promise((resolve) => server.close(resolve))
      })
  )

const filed = json(standing("submitted"))

describe("on the wire", () => {
  it.scopedLive("a call is a synchronous invocation of the function, by name or by ARN", () =>
    Effect.gen(function* () {
      const { calls, options } = yield* serving(filed)
      yield* Effect.flatMap(make(options), (client) => client.initiate(request))
      const functionName = "arn:aws:lambda:eu-west-1:111111111111:function:mparticle-api-lambda"
      yield* Effect.flatMap(make({ ...options, functionName }), (client) => client.status(requestId))
      assert.deepEqual(
        calls.map(({ path }) => decodeURIComponent(path ?? "")),
        ["mparticle-api-lambda", functionName].map((name) => `/2015-03-31/functions/${name}/invocations`)
      )
      assert.deepEqual(JSON.parse(calls[0]?.body ?? ""), {
        action: "initiate",
        payload: { ...request, regulation: "GDPR" }
      })
    })
  )

  it.scopedLive("a refusal, a crash and a throttled call are told apart", () =>
    Effect.gen(function* () {
      const { calls, options } = yield* serving(
        json(refusal("REQUEST_NOT_FOUND")),
        json({ errorType: "TypeError", errorMessage: "x", trace: [] }, { "x-amz-function-error": "Unhandled" }),
        json({ message: "Rate exceeded" }, { "x-amzn-errortype": "TooManyRequestsException", "retry-after": "1" }, 429),
        filed
      )
      const client = yield* make(options)
      assert.include(yield* Effect.flip(client.status(requestId)), { _tag: "REQUEST_NOT_FOUND" })
      assert.include(yield* Effect.flip(client.status(requestId)), { _tag: "FunctionFailed", errorType: "TypeError" })
      const [elapsed, { status }] = yield* Effect.timed(client.initiate(anonymous))
      assert.strictEqual(status, "submitted")
      assert.isAtLeast(Duration.toMillis(elapsed), 1_000)
      assert.lengthOf(calls, 4)
    })
  )

  it.scopedLive("what Lambda refuses has its name, and is not tried again", () =>
    Effect.gen(function* () {
      const denied = json({ message: "No" }, { "x-amzn-errortype": "AccessDeniedException" }, 403)
      const absent = json({ Message: "No" }, { "x-amzn-errortype": "ResourceNotFoundException" }, 404)
      const { calls, options } = yield* serving(denied, absent)
      const client = yield* make(options)
      const errors = yield* Effect.all([Effect.flip(client.initiate(request)), Effect.flip(client.initiate(request))])
      assert.deepInclude(errors[0], { errorName: "AccessDeniedException", status: 403, retryable: false })
      assert.deepInclude(errors[1], { errorName: "ResourceNotFoundException", status: 404, retryable: false })
      assert.lengthOf(calls, 2)
    })
  )

  const broken: Readonly<Record<string, Respond>> = {
    "a connection that is reset": (response) => response.socket?.resetAndDestroy(),
    "an answer that is cut": (response) => {
      response.writeHead(200, { "content-length": "1000" }).write('{"success":')
      setTimeout(() => response.destroy(), 20)
    },
    "a page of a proxy": (response) => {
      response.writeHead(503, { "content-type": "text/html" }).end("<h1>Service Unavailable</h1>")
    },
    "a status of 500": json({ Message: "No" }, { "x-amzn-errortype": "ServiceException" }, 500)
  }
  for (const [what, respond] of Object.entries(broken)) {
    it.scopedLive(`${what} leaves the outcome open`, () =>
      Effect.gen(function* () {
        const { calls, options } = yield* serving(respond)
        const client = yield* make(options)
        const error = yield* Effect.flip(client.initiate(anonymous))
        assert.include(error, { _tag: "InvocationFailed", retryable: true, ambiguous: true })
        assert.lengthOf(calls, 1)
        yield* Effect.flip(client.initiate(request))
        assert.lengthOf(calls, 5)
      })
    )
  }

  it.scopedLive("a port where nobody listens leaves nothing open", () =>
    Effect.gen(function* () {
      const { options, server } = yield* serving(filed)
      yield* Effect.promise(() => new Promise((resolve) => server.close(resolve)))
      const error = yield* Effect.flatMap(make(options), (client) => Effect.flip(client.initiate(anonymous)))
      assert.include(error, { _tag: "InvocationFailed", errorName: "ECONNREFUSED", retryable: true, ambiguous: false })
    })
  )
})

describe("a call that nobody waits for any more", () => {
  it.scopedLive("is cut off by its time limit", () =>
    Effect.gen(function* () {
      const { closed, options } = yield* serving(() => {})
      const client = yield* make({ ...options, attemptMillis: 100 })
      const error = yield* Effect.flip(client.initiate(anonymous))
      assert.include(error, { _tag: "InvocationTimeout" })
      yield* Effect.promise(() => eventually(() => assert.deepEqual(closed, ["cut off"])))
    })
  )

  it.scopedLive("is cut off by interruption", () =>
    Effect.gen(function* () {
      const { calls, closed, options } = yield* serving(() => {})
      const fiber = yield* Effect.fork(Effect.flatMap(make(options), (client) => client.initiate(request)))
      yield* Effect.promise(() => eventually(() => assert.lengthOf(calls, 1)))
      yield* Fiber.interrupt(fiber)
      yield* Effect.promise(() => eventually(() => assert.deepEqual(closed, ["cut off"])))
      assert.lengthOf(calls, 1)
    })
  )

  it.scopedLive("is cut off by an AbortSignal", () =>
    Effect.gen(function* () {
      const { closed, options } = yield* serving(() => {})
      const call = promiseClient(options).initiate(request, { signal: AbortSignal.timeout(100) })
      const error = yield* Effect.flip(Effect.tryPromise({ try: () => call, catch: (error) => error }))
      assert.instanceOf(error, DOMException)
      assert.strictEqual(error.name, "TimeoutError")
      yield* Effect.promise(() => eventually(() => assert.deepEqual(closed, ["cut off"])))
    })
  )
})

describe("the trace", () => {
  it.scopedLive("of the caller's span is continued: the call's own span is the parent", () =>
    Effect.gen(function* () {
      const { calls, options } = yield* serving(filed)
      const client = yield* make(options)
      const spans: Array<Tracer.Span> = []
      const native = yield* Effect.tracer
      const tracer = Tracer.make({
        ...native,
        span: (...facts) => {
          const span = native.span(...facts)
          spans.push(span)
          return span
        }
      })
      yield* client.initiate(request).pipe(Effect.withSpan("workflow"), Effect.withTracer(tracer))
      const [workflow, call] = spans
      assert.isDefined(call)
      assert.strictEqual(call.name, "Baton initiate")
      assert.strictEqual(call.kind, "client")
      assert.strictEqual(call.traceId, workflow?.traceId)
      const id = call.traceId
      assert.strictEqual(
        calls[0]?.headers["x-amzn-trace-id"],
        `Root=1-${id.slice(0, 8)}-${id.slice(8)};Parent=${call.spanId};Sampled=1`
      )
    })
  )

  it.scopedLive("of another system is continued", () =>
    Effect.gen(function* () {
      const { calls, options } = yield* serving(filed)
      const outside = Tracer.externalSpan({ traceId: "5759e988bd862e3fe1be46a994272793", spanId: "53995c3f42cd8ad8" })
      yield* Effect.flatMap(make(options), (client) => client.initiate(request)).pipe(Effect.withParentSpan(outside))
      assert.match(
        String(calls[0]?.headers["x-amzn-trace-id"]),
        /^Root=1-5759e988-bd862e3fe1be46a994272793;Parent=[0-9a-f]{16};Sampled=1$/
      )
    })
  )

  it.scopedLive("is not made up for a caller who has none, or wants none", () =>
    Effect.gen(function* () {
      const { calls, options } = yield* serving(filed)
      const client = yield* make(options)
      yield* client.initiate(request)
      yield* Effect.promise(() => promiseClient(options).initiate(request))
      yield* client.initiate(request).pipe(Effect.withSpan("workflow"), Effect.withTracerEnabled(false))
      assert.deepEqual(
        calls.map(({ headers }) => headers["x-amzn-trace-id"]),
        [undefined, undefined, undefined]
      )
    })
  )

  it.scopedLive("that Lambda gave the caller goes on as the AWS SDK sends it", () =>
    Effect.gen(function* () {
      const { calls, options } = yield* serving(filed)
      const lambdas = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0"
      vi.stubEnv("AWS_LAMBDA_FUNCTION_NAME", "caller")
      vi.stubEnv("_X_AMZN_TRACE_ID", lambdas)
      yield* Effect.addFinalizer(() => Effect.sync(() => vi.unstubAllEnvs()))
      yield* Effect.promise(() => promiseClient(options).initiate(request))
      assert.strictEqual(calls[0]?.headers["x-amzn-trace-id"], lambdas)
    })
  )
})
