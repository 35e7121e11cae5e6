/** The sandbox `sqlserver`: a SQL Server with the clients of the DEX API, as far as TDS 7.4 and their SELECTs go. */
import { randomBytes } from "node:crypto"
import type { Processes } from "../aws/AwsProxy.ts"
import { serveTcp } from "../mysql/tcp.ts"
import type { Sandbox } from "../sandboxes/Sandbox.ts"
import { makeCertificates } from "./certificates.ts"
import { Connection } from "./Connection.ts"
import type { Entrance } from "./entrance.ts"
import { ClientStore } from "./sql/ClientStore.ts"
import { Engine } from "./sql/Engine.ts"

export { sqlServerUserPrefix } from "./entrance.ts"

/** The database of the clients. */
export const sqlServerDatabase = "Mediant"

/** Who logs in when no function process does. */
export const sqlServerUser = "dex"

/** What it is started with. */
export interface SqlServerOptions {
  readonly sandbox: Sandbox
  readonly processes: Processes
  /** Of the user and of every function process; random when left out. */
  readonly password?: string | undefined
  /** A user besides the function processes; `dex` when left out. */
  readonly user?: string | undefined
  /** Keeps the clients between runs. */
  readonly file?: string | undefined
}

/** The SQL Server, listening. */
export interface RunningSqlServer extends Entrance, AsyncDisposable {
  readonly host: string
  readonly port: number
  /** The certificate of the authority that has signed the server's, which is for `localhost` and `127.0.0.1`. */
  readonly caPem: string
  /** What is in the tables. */
  readonly clients: ClientStore
}

/** Starts the SQL Server. */
export const startSqlServer = async (options: SqlServerOptions): Promise<RunningSqlServer> => {
  const { processes, sandbox } = options
  await using started = new AsyncDisposableStack()
  const clients = started.use(new ClientStore(options.file))
  const { caPem, context } = await makeCertificates()
  const entrance = {
    user: options.user ?? sqlServerUser,
    password: options.password ?? randomBytes(16).toString("hex"),
    database: sqlServerDatabase
  }
  const engine = new Engine(clients, entrance.database)
  const { host, port } = started.use(
    await serveTcp((socket) => void new Connection({ socket, sandbox, processes, engine, entrance, tls: context }))
  )
  const running = started.move()
  return { host, port, ...entrance, caPem, clients, [Symbol.asyncDispose]: () => running.disposeAsync() }
}
