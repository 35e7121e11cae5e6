/** Listening on the loopback interface, and only there. */
import { createServer, type Server } from "node:http"
import type { RequestListener } from "node:http"
import type { AddressInfo } from "node:net"

/** Longer than any client keeps an idle connection, so that no call meets a socket that is just being closed. */
const keepAliveMs = 65_000

const listening = (server: Server): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once("error", reject)
    server.listen(0, "127.0.0.1", () => {
      server.off("error", reject)
      resolve()
    })
  })

/** A server on a free port of 127.0.0.1. Stopping it cuts the connections that are still open. */
export const serveLoopback = async (
  listener: RequestListener
): Promise<{ readonly url: string; readonly server: Server } & AsyncDisposable> => {
  const server = createServer({ keepAliveTimeout: keepAliveMs, requestTimeout: 0 }, listener)
  await listening(server)
  return {
    server,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    }
  }
}

/** A port of 127.0.0.1 that is free now, for a program that cannot choose one itself. */
export const freePort = async (): Promise<number> => {
  await using reserved = await serveLoopback(() => {})
  return (reserved.server.address() as AddressInfo).port
}
