/** A plain way to the MySQL engine, without journal and fault rules, for people and tests. */
import type { Socket } from "node:net"
import type { MysqlEngine } from "./Engine.ts"
import { connectFor, serveTcp, type TcpAddress } from "./tcp.ts"
import { errorPayload } from "./wire/answers.ts"
import { framed } from "./wire/packets.ts"

const unknownError = 1105

/** Connects a client to the engine, which may have to be started first; undefined when there is nobody to connect. */
export const enter = async (client: Socket, engine: () => Promise<MysqlEngine>): Promise<Socket | undefined> => {
  try {
    const started = await engine()
    return client.destroyed ? undefined : connectFor(client, started)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    client.end(framed(0, [errorPayload(unknownError, why, false)]))
    return undefined
  }
}

/** Starts the door; the engine starts with the first connection. */
export const startMysqlDoor = (options: {
  readonly engine: () => Promise<MysqlEngine>
}): Promise<TcpAddress & AsyncDisposable> =>
  serveTcp(async (client) => {
    const server = await enter(client, options.engine)
    if (server === undefined) return
    client.pipe(server)
    server.pipe(client)
  })
