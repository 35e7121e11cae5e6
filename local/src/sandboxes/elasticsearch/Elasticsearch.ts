/** The simulated Elasticsearch 8: the part of it that works and identifiers go through, on one loopback port. */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http"
import { promisify } from "node:util"
import { gunzip } from "node:zlib"
import type { Processes } from "../../aws/AwsProxy.ts"
import { serveLoopback } from "../../aws/loopback.ts"
import { readLimited } from "../../readLimited.ts"
import type { LimitedBody } from "../../readLimited.ts"
import type { Sandbox } from "../Sandbox.ts"
import { serveHttp } from "../serveHttp.ts"
import type { Answer } from "../serveHttp.ts"
import { ElasticError, errorBody, namedError } from "./elasticError.ts"
import { Indexes } from "./Indexes.ts"
import { answerType, checkVersions, contentTypeFlaw } from "./mediaTypes.ts"
import { checkParameters, findRoute } from "./routes.ts"
import { callerOf, checkCredentials } from "./security.ts"
import type { Credentials } from "./security.ts"

/** What it is started with. */
export interface ElasticsearchOptions {
  readonly sandbox: Sandbox
  readonly processes: Processes
  /** Keeps the indexes between runs. */
  readonly file?: string | undefined
  /** The longest body that is read; 100 MB when left out, as in the product. */
  readonly limitBytes?: number | undefined
  /** Who is let in; everybody when left out. */
  readonly credentials?: Credentials | undefined
  readonly now?: () => number
}

/** Elasticsearch, listening. */
export interface RunningElasticsearch extends AsyncDisposable {
  readonly url: string
  /** What is in it. */
  readonly store: Indexes
}

/** A request that was read. */
interface Received {
  readonly method: string
  /** With the query. */
  readonly target: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingMessage["headers"]
  readonly body: LimitedBody
}

const defaultLimitBytes = 100 * 1024 * 1024

/** What is not even looked at is answered without a word. */
const tooLarge: Answer = { status: 413, headers: {}, body: Buffer.alloc(0) }

const simpleError = (status: number, error: object, headers: Record<string, string>): Answer => ({
  status,
  headers,
  body: Buffer.from(JSON.stringify(error))
})

const unpack = promisify(gunzip)

const isTooLong = (error: unknown): boolean =>
  error instanceof Error && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE"

const readBody = async (request: IncomingMessage, limit: number): Promise<LimitedBody> => {
  const body = await readLimited(request, limit)
  if (request.headers["content-encoding"] !== "gzip" || body.tooLarge) return body
  try {
    return { bytes: await unpack(body.bytes, { maxOutputLength: limit }), tooLarge: false }
  } catch (error) {
    if (isTooLong(error)) return { bytes: Buffer.alloc(0), tooLarge: true }
    throw error
  }
}

const carryOut = (received: Received, indexes: Indexes): Answer => {
  const { body, headers, method, path, query, target } = received
  const contentType = { "content-type": answerType(headers) }
  if (body.bytes.length > 0) checkVersions(headers)
  const found = findRoute(method, path)
  if ("length" in found) {
    if (found.length === 0)
      return simpleError(400, { error: `no handler found for uri [${target}] and method [${method}]` }, contentType)
    const error = `Incorrect HTTP method for uri [${target}] and method [${method}], allowed: [${found.join(", ")}]`
    return simpleError(405, { error, status: 405 }, { ...contentType, allow: found.join(",") })
  }
  const flaw = body.bytes.length > 0 ? contentTypeFlaw(headers["content-type"]) : undefined
  if (flaw !== undefined) return simpleError(406, { error: flaw, status: 406 }, contentType)
  const { route, ...place } = found
  checkParameters(route, path, query)
  const reply = route.carryOut({ indexes, query, body: body.bytes.toString("utf8"), ...place })
  return { status: reply.status, headers: { ...contentType, ...reply.headers }, body: Buffer.from(reply.json) }
}

const errorAnswer = (error: ElasticError, headers: Received["headers"]): Answer => ({
  status: error.status,
  headers: { "content-type": answerType(headers), ...error.headers },
  body: Buffer.from(JSON.stringify(errorBody(error)))
})

const perform = (received: Received, indexes: Indexes, credentials: Credentials | undefined): Answer => {
  const { body, headers, target } = received
  try {
    if (credentials !== undefined) checkCredentials(credentials, headers.authorization, target)
    return body.tooLarge ? tooLarge : carryOut(received, indexes)
  } catch (error) {
    if (error instanceof ElasticError) return errorAnswer(error, headers)
    throw error
  }
}

/** The product does not say its name to those whom it does not let in, nor before it has read the request. */
const nameless = new Set([401, 403, 413])

/** Every answer says whose it is, one of a fault rule too. */
const asElasticsearch = (response: ServerResponse): ServerResponse => {
  const writeHead = response.writeHead.bind(response)
  return Object.assign(response, {
    writeHead: (status: number, headers: OutgoingHttpHeaders) =>
      writeHead(status, nameless.has(status) ? headers : { "x-elastic-product": "Elasticsearch", ...headers })
  })
}

/** Starts Elasticsearch. */
export const startElasticsearch = async (options: ElasticsearchOptions): Promise<RunningElasticsearch> => {
  const { credentials, limitBytes = defaultLimitBytes, processes, sandbox } = options
  await using started = new AsyncDisposableStack()
  const store = started.use(
    new Indexes({ file: options.file, ...(options.now === undefined ? {} : { now: options.now }) })
  )
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { headers, method = "GET", url: target = "/" } = request
    const [path = "/", search = ""] = target.split(/\?(.*)/s)
    const body = await readBody(request, limitBytes)
    const received: Received = { method, target, path, query: new URLSearchParams(search), headers, body }
    const found = findRoute(method, path)
    const caller = callerOf(processes, headers.authorization)
    await serveHttp(request, asElasticsearch(response), {
      sandbox,
      call: {
        method,
        path,
        body: body.bytes,
        ...(search === "" ? {} : { query: search }),
        ...("length" in found ? {} : { operation: found.route.operation }),
        ...(caller === undefined ? {} : { caller })
      },
      perform: async () => perform(received, store, credentials),
      errorAnswer: (error, status) => errorAnswer(namedError(error, status), headers)
    })
  }
  const server = started.use(
    await serveLoopback((request, response) => void serve(request, response).catch(() => response.destroy()))
  )
  const running = started.move()
  return { url: server.url, store, [Symbol.asyncDispose]: () => running.disposeAsync() }
}
