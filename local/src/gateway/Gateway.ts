/** The platform's front door: the Invoke API, API Gateway, and the routes of the sandboxes, traces and state. */
import { createServer } from "node:http"
import type { IncomingMessage, ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import type { Traces } from "../observability/Traces.ts"
import { apiGateway } from "./apiGateway.ts"
import type { ApiGatewayOptions } from "./apiGateway.ts"
import { invokeApi, isInvocation } from "./invokeApi.ts"
import { sandboxRoutes } from "./sandboxRoutes.ts"
import type { SandboxEntry } from "./sandboxRoutes.ts"
import { traceRoutes } from "./traceRoutes.ts"

export interface GatewayOptions extends ApiGatewayOptions {
  readonly sandboxes: ReadonlyMap<string, SandboxEntry>
  readonly traces: Traces
  /** What `GET /_platform` answers. */
  readonly describe: () => object
}

/** The listening front door; what it serves may be given after its address is known. */
export interface Gateway extends AsyncDisposable {
  readonly url: string
  serve(options: GatewayOptions): void
}

const route = async (request: IncomingMessage, response: ServerResponse, options: GatewayOptions): Promise<void> => {
  const path = (request.url ?? "/").split("?")[0] ?? "/"
  if (isInvocation(path)) return invokeApi(request, response, options.lambda)
  if (path.startsWith("/_sandbox/")) return sandboxRoutes(request, response, options.sandboxes)
  if (path === "/_platform" && request.method === "GET") {
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(options.describe()))
    return
  }
  return traceRoutes(request, response, path, options.traces) ?? apiGateway(request, response, options)
}

/** The client has gone, the platform is stopping, or it has a fault of its own: whoever still listens is told. */
const fail = (response: ServerResponse, error: unknown): void => {
  if (response.headersSent || response.destroyed) return void response.destroy()
  response.writeHead(500, { "content-type": "application/json" })
  response.end(
    JSON.stringify({ message: `the local platform failed: ${error instanceof Error ? error.message : String(error)}` })
  )
}

const listenError = (error: NodeJS.ErrnoException, port: number): Error =>
  error.code === "EADDRINUSE"
    ? new Error(`port ${port} is in use; set PORT to another one, or to 0 for any free port`)
    : error

/** Listens on the loopback interface; requests that come before {@link Gateway.serve} wait for it. */
export const startGateway = async (port: number): Promise<Gateway> => {
  const ready = Promise.withResolvers<GatewayOptions>()
  const server = createServer({ keepAliveTimeout: 65_000, requestTimeout: 0 }, (request, response) => {
    void ready.promise
      .then((options) => route(request, response, options))
      .catch((error: unknown) => fail(response, error))
  })
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(listenError(error, port)))
    server.listen(port, "127.0.0.1", resolve)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    serve: (options) => ready.resolve(options),
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    }
  }
}
