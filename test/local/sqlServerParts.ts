/** A SQL Server for its tests, the one function process that it knows, and real clients of it. */
import { afterAll, beforeEach } from "vitest"
import { Sandbox } from "../../local/src/sandboxes/Sandbox.ts"
import { sqlServerUserPrefix, startSqlServer } from "../../local/src/sqlserver/SqlServer.ts"
import { type DriverConfig, type DriverPool, mssql } from "./mssqlDriver.ts"

export const processId = "0a1b2c3d"

export const password = "Pa55 wörd&+%"

/** The statement of the archive, as its contract has it. */
export const seedQuery = `
  SELECT DISTINCT c.ClientID, c.name
  FROM Client c
  INNER JOIN ClientServiceExt cse ON c.ClientID = cse.ClientID
  WHERE c.OAuth2ClientCredentialsID IS NOT NULL
    AND cse.ServiceID IN (2, 8, 3, 4, 5)
  ORDER BY c.ClientID`

/** A pool that ends with its test. */
export type Pool = DriverPool & AsyncDisposable

/** What a call fails with: the server's error number, or the driver's code for everything else. */
export const errorOf = async (call: Promise<unknown>): Promise<number | string> => {
  try {
    await call
    return "no error"
  } catch (error) {
    const { code, number } = error as { readonly number?: number; readonly code?: string }
    return number ?? code ?? String(error)
  }
}

/** Lives as long as the test file; each test finds an empty sandbox and no clients. */
export const startServer = async (options: { readonly file?: string } = {}) => {
  const sandbox = new Sandbox("sqlserver")
  const kills: Array<number> = []
  const server = await startSqlServer({
    sandbox,
    password,
    ...options,
    processes: {
      caller: (id) =>
        id === processId ? { function: "a-function", kill: () => void kills.push(Date.now()) } : undefined
    }
  })
  afterAll(() => server[Symbol.asyncDispose]())
  beforeEach(() => {
    sandbox.clear()
    kills.length = 0
    server.clients.replace([])
  })
  const { database, host, port } = server
  /** A stranger's way in. */
  const stranger: DriverConfig = {
    server: host,
    port,
    user: server.user,
    password,
    database,
    options: { encrypt: false, connectionRetryInterval: 10 }
  }
  return {
    server,
    sandbox,
    kills,
    stranger,
    /** The function process's way in. */
    known: { ...stranger, user: `${sqlServerUserPrefix}${processId}` },
    rule: (match: object, fault: object, times = 1): string => sandbox.faults.add({ match, fault, times }),
    /** What the sandbox has received, without what drivers send on their own. */
    journal: () =>
      sandbox
        .requests()
        .filter(({ operation }) => operation !== "set" && operation !== "validate")
        .map(({ body, method, operation, path, status }) => ({ body, method, operation, path, status }))
  }
}

/** A connected pool. Errors of connections that nobody uses are not thrown. */
export const poolOf = async (config: DriverConfig): Promise<Pool> => {
  const pool = new mssql.ConnectionPool({ validateConnection: true, pool: { max: 1 }, ...config })
  pool.on("error", () => {})
  await pool.connect()
  return Object.assign(pool, { [Symbol.asyncDispose]: () => pool.close() })
}
