/** The HTTP client for vendors' APIs: kept-alive connections, as many as one environment can use. */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Layer from "effect/Layer"

/** Node's own client with a pool of at most 50 sockets, 10 of them idle (seed [A], OptimizedHTTPClient). */
export const layer: Layer.Layer<HttpClient.HttpClient> = NodeHttpClient.layerWithoutAgent.pipe(
  Layer.provide(NodeHttpClient.makeAgentLayer({ keepAlive: true, maxSockets: 50, maxFreeSockets: 10, timeout: 60_000 }))
)
