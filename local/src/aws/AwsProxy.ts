/** The sandbox `aws`: one loopback port per service in front of the engines, with journal and fault rules. */
import type { IncomingMessage, ServerResponse } from "node:http"
import type { Sandbox } from "../sandboxes/Sandbox.ts"
import { type Answer, type Caller, readBody, serveHttp } from "../sandboxes/serveHttp.ts"
import { type CallRecorder, recorderFrom } from "./CallRecorder.ts"
import type { AwsEndpoints, AwsService } from "./Engine.ts"
import { awsErrorAnswer } from "./errorAnswers.ts"
import { Upstream } from "./forward.ts"
import { serveLoopback } from "./loopback.ts"
import { accessKeyId, s3Operation, targetOperation } from "./operations.ts"
import { moveQueueUrls } from "./queueUrls.ts"

export type { AwsEndpoints } from "./Engine.ts"

/** Knows the function processes of the platform. */
export interface Processes {
  caller(processId: string): Caller | undefined
}

export interface AwsProxyOptions {
  readonly sandbox: Sandbox
  readonly upstream: AwsEndpoints
  readonly processes: Processes
  /** Notes what functions call; the one that the environment asks for, when left out. */
  readonly recorder?: CallRecorder
}

/** A function process signs with this, followed by its id in upper case. */
export const accessKeyPrefix = "LOCAL"

const callerOf = (processes: Processes, keyId: string | undefined): Caller | undefined =>
  keyId?.startsWith(accessKeyPrefix) === true
    ? processes.caller(keyId.slice(accessKeyPrefix.length).toLowerCase())
    : undefined

/** What stands in a secret for the id of the process that reads it, so that whoever it calls knows who calls. */
export const processMark = "{process}"

const forCaller = (answer: Answer, keyId: string | undefined): Answer =>
  keyId?.startsWith(accessKeyPrefix) === true
    ? {
        ...answer,
        body: Buffer.from(
          answer.body.toString("utf8").replaceAll(processMark, keyId.slice(accessKeyPrefix.length).toLowerCase())
        )
      }
    : answer

/** Aborts when the client goes away. */
const goneSignal = (response: ServerResponse): AbortSignal => {
  const gone = new AbortController()
  response.once("close", () => gone.abort())
  return gone.signal
}

const operationOf = (
  service: AwsService,
  request: IncomingMessage,
  path: string,
  query: URLSearchParams
): string | undefined =>
  service === "s3"
    ? s3Operation(request.method ?? "GET", path, query, request.headers["x-amz-copy-source"] !== undefined)
    : targetOperation(request.headers["x-amz-target"]?.toString())

const serveService = async (
  service: AwsService,
  options: AwsProxyOptions,
  recorder: CallRecorder | undefined
): Promise<{ readonly url: string } & AsyncDisposable> => {
  const upstream = new Upstream(options.upstream[service])
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = "GET", url: target = "/", headers } = request
    const [path = "/", search = ""] = target.split(/\?(.*)/s)
    const query = new URLSearchParams(search)
    const operation = operationOf(service, request, path, query)
    const body = await readBody(request)
    const keyId = accessKeyId(headers.authorization, query)
    const caller = callerOf(options.processes, keyId)
    if (recorder !== undefined && caller !== undefined && operation !== undefined) {
      recorder.record(caller.function, { service, operation, path, query, headers, body })
    }
    // Only a long poll ends with its client: any other call that AWS has received is carried out.
    const signal = operation === "ReceiveMessage" ? goneSignal(response) : undefined
    const forward = (sent: Buffer): Promise<Answer> =>
      upstream.forward({ method, target, headers, body: sent, ...(signal === undefined ? {} : { signal }) })
    await serveHttp(request, response, {
      sandbox: options.sandbox,
      call: {
        method,
        path,
        body,
        ...(search === "" ? {} : { query: search }),
        ...(operation === undefined ? {} : { operation }),
        ...(caller === undefined ? {} : { caller })
      },
      perform: async () => {
        if (service === "secretsmanager") return forCaller(await forward(body), keyId)
        if (service !== "sqs") return forward(body)
        const answer = await forward(moveQueueUrls(body, new URL(upstream.url).origin))
        return { ...answer, body: moveQueueUrls(answer.body, server.url) }
      },
      errorAnswer: (error, status) => awsErrorAnswer(service, body, error, status)
    })
  }
  // An engine that does not answer looks like a network that does not: the connection is cut.
  const server = await serveLoopback(
    (request, response) => void handle(request, response).catch(() => response.destroy())
  )
  return {
    url: server.url,
    [Symbol.asyncDispose]: async () => {
      upstream[Symbol.dispose]()
      await server[Symbol.asyncDispose]()
    }
  }
}

/** Starts the proxy. Its endpoints are what the functions and the tests are given. */
export const startAwsProxy = async (
  options: AwsProxyOptions
): Promise<{ readonly endpoints: AwsEndpoints } & AsyncDisposable> => {
  await using started = new AsyncDisposableStack()
  const recorder = options.recorder ?? recorderFrom(process.env)
  const endpoint = async (service: AwsService): Promise<string> =>
    started.use(await serveService(service, options, recorder)).url
  const endpoints = {
    dynamodb: await endpoint("dynamodb"),
    sqs: await endpoint("sqs"),
    s3: await endpoint("s3"),
    secretsmanager: await endpoint("secretsmanager"),
    ssm: await endpoint("ssm")
  }
  const running = started.move()
  return { endpoints, [Symbol.asyncDispose]: () => running.disposeAsync() }
}
