/** The HTTP client for vendors' APIs: kept-alive connections, as many as one environment can use. */
import * as HttpClient from "@effect/platform/HttpClient"
import type { HttpClientError } from "@effect/platform/HttpClientError"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/** Node's own client with a pool of at most 50 sockets, 10 of them idle (seed [A], OptimizedHTTPClient). */
export const layer: Layer.Layer<HttpClient.HttpClient> = NodeHttpClient.layerWithoutAgent.pipe(
  Layer.provide(NodeHttpClient.makeAgentLayer({ keepAlive: true, maxSockets: 50, maxFreeSockets: 10, timeout: 60_000 }))
)

/** Whether the connection was cut before there was an answer. */
const isCut = ({ cause }: HttpClientError): boolean =>
  cause instanceof Error && "code" in cause && cause.code === "ECONNRESET"

/**
 * The same client, which sends a GET at once a second time when its connection is cut: after a function was frozen, its
 * idle connections may be dead without its knowing. Anything else may have been carried out, and is left to the caller.
 */
export const reconnecting: Layer.Layer<HttpClient.HttpClient> = Layer.effect(
  HttpClient.HttpClient,
  Effect.map(
    HttpClient.HttpClient,
    HttpClient.transform((answer, { method }) =>
      method === "GET" ? Effect.retry(answer, { times: 1, while: isCut }) : answer
    )
  )
).pipe(Layer.provide(layer))
