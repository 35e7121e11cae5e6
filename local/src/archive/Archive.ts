/** What the DEX archive's functions stand on here: SQL Server, and the DEX API with its token endpoint. */
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { type Processes, processMark } from "../aws/AwsProxy.ts"
import { startDex } from "../sandboxes/dex/Dex.ts"
import type { Sandbox } from "../sandboxes/Sandbox.ts"
import { sqlServerUserPrefix, startSqlServer } from "../sqlserver/SqlServer.ts"

export interface ArchiveOptions {
  readonly sqlserver: Sandbox
  readonly dex: Sandbox
  readonly processes: Processes
  /** Where the certificate is written that the functions are to trust. */
  readonly folder: string
  /** Where data is kept between runs; without it it is gone at the end. */
  readonly dataDir?: string | undefined
}

/** The archive's side of the platform. */
export interface Archive extends AsyncDisposable {
  /** Host and port. */
  readonly sqlserver: string
  /** The secrets of the functions, by their names. */
  readonly secrets: Readonly<Record<string, object>>
  /** The routes of the sandbox `dex`. */
  readonly actions: Readonly<Record<string, (input: unknown) => Promise<unknown>>>
  /** The settings of the functions, for one process. */
  readonly environment: (processId: string) => Record<string, string>
}

const names = { database: "dex-archive/db-credentials", api: "dex-archive/api-credentials" }
const credentials = { clientId: "local-dex-client", clientSecret: "local-dex-secret" }

/** Starts it. */
export const startArchive = async (options: ArchiveOptions): Promise<Archive> => {
  const { dataDir, folder, processes } = options
  if (dataDir !== undefined) mkdirSync(dataDir, { recursive: true })
  const file = (name: string): { file?: string } => (dataDir === undefined ? {} : { file: join(dataDir, name) })
  await using started = new AsyncDisposableStack()
  const server = started.use(
    await startSqlServer({ sandbox: options.sqlserver, processes, ...file("sqlserver.sqlite") })
  )
  const dex = started.use(
    await startDex({ sandbox: options.dex, processes, clients: server.clients, credentials, ...file("dex.json") })
  )
  mkdirSync(folder, { recursive: true })
  const certificate = join(folder, "sqlserver-ca.pem")
  writeFileSync(certificate, server.caPem)
  const running = started.move()
  return {
    sqlserver: `${server.host}:${server.port}`,
    secrets: {
      [names.database]: {
        // The driver warns of a certificate for an address.
        host: "localhost",
        port: server.port,
        username: `${sqlServerUserPrefix}${processMark}`,
        password: server.password,
        database: server.database
      },
      [names.api]: {
        token_url: `${dex.url}/p/${processMark}/oauth2/token`,
        client_id: credentials.clientId,
        client_secret: credentials.clientSecret
      }
    },
    actions: { "PUT clients": dex.replaceClients, "POST revoke": dex.revoke },
    environment: (processId) => ({
      DB_SECRET_NAME: names.database,
      API_SECRET_NAME: names.api,
      DEX_API_BASE_URL: `${dex.url}/p/${processId}`,
      NODE_EXTRA_CA_CERTS: certificate
    }),
    [Symbol.asyncDispose]: () => running.disposeAsync()
  }
}
