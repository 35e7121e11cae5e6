/** The Lambda Runtime API of one function process: a loopback server that hands out one invocation at a time. */
import { createServer, validateHeaderValue } from "node:http"
import type { IncomingMessage, Server, ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { readLimited } from "../readLimited.ts"

/** Lambda's limit on an answer: 6 MB and a little for the envelope. */
export const maxResponseBytes = 6 * 1024 * 1024 + 100

/** One invocation as the Runtime API hands it out. */
export interface RuntimeInvocation {
  readonly requestId: string
  readonly payload: string
  readonly timeoutMs: number
  readonly functionArn: string
  readonly traceId: string
  readonly clientContext?: string
}

/** What the process tells through the Runtime API. */
export interface RuntimeListener {
  /** It asked for an invocation; the first time, its initialisation is over. */
  readonly onNext: () => void
  readonly onDelivered: (invocation: RuntimeInvocation) => void
  readonly onAnswer: (answer: { readonly kind: "response" | "error" | "tooLarge"; readonly body: string }) => void
  readonly onInitError: (body: string) => void
}

const prefix = "/2018-06-01/runtime"

/** JSON as a header carries it: what is not printable ASCII is written as an escape, or as a space between the tokens. */
const headerJson = (json: string): string =>
  json.replaceAll(/[^ -~]/g, (unit) => (unit < " " ? " " : `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`))

const headersOf = (invocation: RuntimeInvocation): Record<string, string> => ({
  "content-type": "application/json",
  "content-length": String(Buffer.byteLength(invocation.payload)),
  "Lambda-Runtime-Aws-Request-Id": invocation.requestId,
  "Lambda-Runtime-Invoked-Function-Arn": invocation.functionArn,
  "Lambda-Runtime-Trace-Id": invocation.traceId,
  ...(invocation.clientContext === undefined
    ? {}
    : { "Lambda-Runtime-Client-Context": headerJson(invocation.clientContext) })
})

const reply = (response: ServerResponse, status: number, body: object): void => {
  const text = JSON.stringify(body)
  response.writeHead(status, { "content-type": "application/json", "content-length": String(Buffer.byteLength(text)) })
  response.end(text)
}

/** Serves one function process. */
export class RuntimeApi implements AsyncDisposable {
  private readonly server: Server
  private readonly listener: RuntimeListener
  private waiting: ServerResponse | undefined
  private pending: { readonly invocation: RuntimeInvocation; readonly headers: Record<string, string> } | undefined
  private current: RuntimeInvocation | undefined

  private constructor(server: Server, listener: RuntimeListener) {
    this.server = server
    this.listener = listener
  }

  static async start(listener: RuntimeListener): Promise<RuntimeApi> {
    const server = createServer({ requestTimeout: 0, headersTimeout: 0, keepAliveTimeout: 0 })
    const api = new RuntimeApi(server, listener)
    server.on("request", (request, response) => void api.serve(request, response))
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject)
      server.listen(0, "127.0.0.1", resolve)
    })
    return api
  }

  /** The value of AWS_LAMBDA_RUNTIME_API. */
  get address(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  /** Hands the invocation out, now or as soon as the process asks for it. Throws when a header cannot carry it. */
  dispatch(invocation: RuntimeInvocation): void {
    const headers = headersOf(invocation)
    for (const [name, value] of Object.entries(headers)) validateHeaderValue(name, value)
    this.pending = { invocation, headers }
    this.deliver()
  }

  /** Takes an invocation back that was not handed out yet; false when it was. */
  withdraw(): boolean {
    if (this.pending === undefined) return false
    this.pending = undefined
    return true
  }

  /** Resolves when the process has closed its connections, so that everything it sent has been read. */
  async drained(): Promise<void> {
    while ((await this.connections()) > 0) await new Promise((resolve) => setTimeout(resolve, 2))
  }

  private connections(): Promise<number> {
    return new Promise((resolve) => this.server.getConnections((error, count) => resolve(error === null ? count : 0)))
  }

  private deliver(): void {
    const { pending, waiting } = this
    if (pending === undefined || waiting === undefined) return
    this.pending = undefined
    this.waiting = undefined
    const { invocation, headers } = pending
    this.current = invocation
    waiting.writeHead(200, { ...headers, "Lambda-Runtime-Deadline-Ms": String(Date.now() + invocation.timeoutMs) })
    waiting.end(invocation.payload)
    this.listener.onDelivered(invocation)
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? ""
    if (request.method === "GET" && path === `${prefix}/invocation/next`) {
      this.waiting = response
      response.once("close", () => {
        if (this.waiting === response) this.waiting = undefined
      })
      this.listener.onNext()
      return this.deliver()
    }
    const body = await readLimited(request, maxResponseBytes).catch(() => undefined)
    if (body === undefined) return
    if (request.method === "POST" && path === `${prefix}/init/error`) {
      this.listener.onInitError(body.bytes.toString("utf8"))
      return reply(response, 202, { status: "OK" })
    }
    const match = /^\/2018-06-01\/runtime\/invocation\/([^/]+)\/(response|error)$/.exec(path)
    if (request.method !== "POST" || match === null) return reply(response, 404, { errorMessage: "404 page not found" })
    if (this.current === undefined || match[1] !== encodeURIComponent(this.current.requestId)) {
      return reply(response, 400, { errorMessage: "Invalid request ID", errorType: "InvalidRequestID" })
    }
    this.current = undefined
    if (body.tooLarge) {
      const limit = `maximum allowed payload size (${maxResponseBytes} bytes).`
      const errorMessage = `Response payload size exceeded ${limit}`
      this.listener.onAnswer({
        kind: "tooLarge",
        body: JSON.stringify({ errorType: "Function.ResponseSizeTooLarge", errorMessage })
      })
      return reply(response, 413, { errorMessage: `Exceeded ${limit}`, errorType: "RequestEntityTooLarge" })
    }
    this.listener.onAnswer({ kind: match[2] === "error" ? "error" : "response", body: body.bytes.toString("utf8") })
    reply(response, 202, { status: "OK" })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve))
    this.server.closeAllConnections()
    await closed
  }
}
