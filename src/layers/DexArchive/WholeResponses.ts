/**
 * The HTTP client of the archive's many small calls: Node's own, in one step of one fiber, the body read at once. The one
 * of `@effect/platform-node` runs three fibers for each call, which for thousands of clients is most of the garbage, and
 * what of that lives through two small collections is what lets the heap grow.
 */
import * as Http from "node:http"
import * as Https from "node:https"
import * as Cookies from "@effect/platform/Cookies"
import * as Headers from "@effect/platform/Headers"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as HttpIncomingMessage from "@effect/platform/HttpIncomingMessage"
import * as UrlParams from "@effect/platform/UrlParams"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Inspectable from "effect/Inspectable"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { mostConcurrency } from "./Settings.ts"

const { RequestError, ResponseError } = HttpClientError

/** An answer whose body is there already. */
class WholeResponse extends Inspectable.Class implements HttpClientResponse.HttpClientResponse {
  readonly [HttpIncomingMessage.TypeId]: HttpIncomingMessage.TypeId = HttpIncomingMessage.TypeId
  readonly [HttpClientResponse.TypeId]: HttpClientResponse.TypeId = HttpClientResponse.TypeId
  readonly remoteAddress = Option.none()
  readonly request: HttpClientRequest.HttpClientRequest
  readonly status: number
  private readonly source: Http.IncomingMessage
  private readonly bytes: Buffer

  constructor(request: HttpClientRequest.HttpClientRequest, source: Http.IncomingMessage, bytes: Buffer) {
    super()
    this.request = request
    this.status = source.statusCode ?? 0
    this.source = source
    this.bytes = bytes
  }

  get headers(): Headers.Headers {
    return Headers.fromInput(this.source.headers)
  }

  get cookies(): Cookies.Cookies {
    return Cookies.fromSetCookie(this.source.headers["set-cookie"] ?? [])
  }

  get arrayBuffer(): Effect.Effect<ArrayBuffer> {
    return Effect.sync(() => new Uint8Array(this.bytes).buffer)
  }

  get text(): Effect.Effect<string> {
    return Effect.sync(() => this.bytes.toString("utf8"))
  }

  get json(): Effect.Effect<unknown, HttpClientError.ResponseError> {
    return this.decoded((text): unknown => (text === "" ? null : JSON.parse(text)))
  }

  get urlParamsBody(): Effect.Effect<UrlParams.UrlParams, HttpClientError.ResponseError> {
    return this.decoded((text) => UrlParams.fromInput(new URLSearchParams(text)))
  }

  get formData(): Effect.Effect<FormData, HttpClientError.ResponseError> {
    return this.decoded(() => {
      throw new Error("no form is read here")
    })
  }

  get stream(): Stream.Stream<Uint8Array> {
    return Stream.succeed(this.bytes)
  }

  /** Without the body, which is somebody's data or a token, and without the request, which may hold a secret. */
  toJSON(): unknown {
    return { _id: "WholeResponse", status: this.status }
  }

  private decoded<A>(read: (text: string) => A): Effect.Effect<A, HttpClientError.ResponseError> {
    return Effect.tryMap(this.text, {
      try: read,
      catch: (cause) => new ResponseError({ request: this.request, response: this, reason: "Decode", cause })
    })
  }
}

interface Agents {
  readonly http: Http.Agent
  readonly https: Https.Agent
}

const execute = (
  agents: Agents,
  request: HttpClientRequest.HttpClientRequest
): Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.RequestError> =>
  Effect.async((resume) => {
    const failed = (reason: "Transport" | "InvalidUrl" | "Encode", cause: unknown): void =>
      resume(Effect.fail(new RequestError({ request, reason, cause })))
    const { body, method } = request
    if (body._tag !== "Empty" && body._tag !== "Uint8Array") return failed("Encode", "only bytes are sent here")
    const url = UrlParams.makeUrl(request.url, request.urlParams, request.hash)
    if (Either.isLeft(url)) return failed("InvalidUrl", url.left)
    const { headers } = request
    const call =
      url.right.protocol === "https:"
        ? Https.request(url.right, { agent: agents.https, method, headers })
        : Http.request(url.right, { agent: agents.http, method, headers })
    call.on("error", (cause) => failed("Transport", cause))
    // After the end of an answer it says nothing new.
    call.on("close", () => failed("Transport", "the connection was closed"))
    call.on("response", (response) => {
      const chunks: Array<Buffer> = []
      response.on("data", (chunk: Buffer) => void chunks.push(chunk))
      response.on("error", (cause) => failed("Transport", cause))
      response.on("end", () => resume(Effect.succeed(new WholeResponse(request, response, Buffer.concat(chunks)))))
    })
    call.end(body._tag === "Uint8Array" ? body.body : undefined)
    return Effect.sync(() => void call.destroy())
  })

/** Kept-alive connections, made when they are needed, and one for each client that is worked on. */
const options = { keepAlive: true, maxSockets: mostConcurrency, maxFreeSockets: 10, timeout: 60_000 }

/** `HttpClient` whose answers are there as a whole: for APIs whose answers are small and whose calls are many. */
export const layer: Layer.Layer<HttpClient.HttpClient> = Layer.scoped(
  HttpClient.HttpClient,
  Effect.map(
    Effect.acquireRelease(
      Effect.sync((): Agents => ({ http: new Http.Agent(options), https: new Https.Agent(options) })),
      ({ http, https }) =>
        Effect.sync(() => {
          http.destroy()
          https.destroy()
        })
    ),
    (agents) =>
      HttpClient.makeWith<HttpClientError.HttpClientError, never, HttpClientError.HttpClientError, never>(
        Effect.flatMap((request) => execute(agents, request)),
        Effect.succeed
      )
  )
)
