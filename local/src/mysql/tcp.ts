/** TCP on the loopback interface, and only there. */
import { type AddressInfo, connect, createServer, type Socket } from "node:net"
import type { MysqlEngine } from "./Engine.ts"

/** Where something listens. */
export interface TcpAddress {
  readonly host: string
  readonly port: number
}

/** A socket whose errors nobody hears of other than by its end. */
const quiet = (socket: Socket): Socket => {
  socket.setNoDelay(true)
  return socket.on("error", () => {})
}

/** A TCP server on a free port of 127.0.0.1. Stopping it cuts the connections that are still open. */
export const serveTcp = async (serve: (socket: Socket) => void): Promise<TcpAddress & AsyncDisposable> => {
  const open = new Set<Socket>()
  const server = createServer((socket) => {
    open.add(quiet(socket))
    socket.once("close", () => open.delete(socket))
    serve(socket)
  })
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject)
    server.listen(0, "127.0.0.1", () => {
      server.off("error", reject)
      resolve()
    })
  })
  return {
    host: "127.0.0.1",
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of open) socket.destroy()
      await closed
    }
  }
}

/** A connection to the engine. It and the client's end each other. */
export const connectFor = (client: Socket, engine: MysqlEngine): Socket => {
  const server = quiet(connect({ host: engine.host, port: engine.port }))
  client.once("close", () => server.destroy())
  server.once("close", () => client.end())
  return server
}
