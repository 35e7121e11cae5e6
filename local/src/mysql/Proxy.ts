/** The sandbox `mysql`: a TCP proxy in front of the MySQL engine, with journal and fault rules. */
import type { Processes } from "../aws/AwsProxy.ts"
import type { Sandbox } from "../sandboxes/Sandbox.ts"
import { enter } from "./Door.ts"
import type { MysqlEngine } from "./Engine.ts"
import { ProxyConnection } from "./ProxyConnection.ts"
import { serveTcp, type TcpAddress } from "./tcp.ts"

export interface MysqlProxyOptions {
  readonly sandbox: Sandbox
  /** Asked at each connection; the engine starts at the first one. */
  readonly engine: () => Promise<MysqlEngine>
  readonly processes: Processes
}

/** A function process logs in with this, followed by its id, and with the engine's password. */
export const mysqlUserPrefix = "local_"

/** Starts the proxy. Its address is what the functions are given. */
export const startMysqlProxy = (options: MysqlProxyOptions): Promise<TcpAddress & AsyncDisposable> =>
  serveTcp(async (client) => {
    let engine: MysqlEngine | undefined
    const server = await enter(client, async () => (engine = await options.engine()))
    if (server === undefined) return
    const connection = new ProxyConnection({
      sandbox: options.sandbox,
      client,
      server,
      identify: (user) =>
        engine !== undefined && user.startsWith(mysqlUserPrefix)
          ? { user: engine.user, caller: options.processes.caller(user.slice(mysqlUserPrefix.length).toLowerCase()) }
          : undefined
    })
    connection.start()
  })
