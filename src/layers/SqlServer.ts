/** One query to SQL Server: a connection of its own, opened for it and closed with it, its rows read as they come. */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import sql from "mssql"
import { DexDatabaseError } from "../schemas/DexArchiveError.ts"

/** Where the server is, and who we are for it. */
export interface SqlServerOptions {
  readonly host: string
  readonly port: number
  readonly database: string
  readonly username: string
  readonly password: Redacted.Redacted
  readonly trustServerCertificate: boolean
  /** Shown to whoever looks at the server's sessions. */
  readonly applicationName: string
}

const connectMillis = 15_000
const queryMillis = 60_000

/** The server is moving, full or restarting, or chose us in a deadlock: the same query passes when it is made anew. */
const transient = new Set([
  1205, 1222, 4060, 10_053, 10_054, 10_060, 10_928, 10_929, 40_143, 40_197, 40_501, 40_540, 40_613, 49_918, 49_919,
  49_920
])

/** The driver's codes of a connection that could not be made, or broke. */
const broken = new Set(["ESOCKET", "ECONNRESET", "ECONNCLOSED", "ETIMEOUT", "ENOTOPEN", "EINSTLOOKUP", "ECONNREFUSED"])

interface DriverError {
  readonly code?: unknown
  readonly number?: unknown
  readonly originalError?: unknown
}

const partsOf = (error: unknown): DriverError => (typeof error === "object" && error !== null ? error : {})

const numberOf = (error: unknown): number | undefined => {
  const { number, originalError } = partsOf(error)
  if (typeof number === "number") return number
  // A refused login hides the server's number in the error that the driver wraps.
  return originalError === undefined ? undefined : numberOf(originalError)
}

/** The driver's error as ours: without its text, which names the host, the login and the statement. */
export const classify = (error: unknown): DexDatabaseError => {
  const number = numberOf(error)
  const { code } = partsOf(error)
  const reason = typeof code === "string" ? code : "no code"
  const refused = number === 18_456 || (reason === "ELOGIN" && number === undefined)
  return new DexDatabaseError({
    reason,
    retryable: !refused && (number === undefined ? broken.has(reason) : transient.has(number)),
    ...(number === undefined ? {} : { number })
  })
}

/** The rows of a query, each read into what is kept of it. Interrupted, it is cancelled, and the connection closed. */
export const query = <A>(
  options: SqlServerOptions,
  statement: string,
  read: (row: Readonly<Record<string, unknown>>) => A
): Effect.Effect<ReadonlyArray<A>, DexDatabaseError> =>
  Effect.acquireUseRelease(
    Effect.tryPromise({
      try: () =>
        new sql.ConnectionPool({
          server: options.host,
          port: options.port,
          database: options.database,
          user: options.username,
          password: Redacted.value(options.password),
          connectionTimeout: connectMillis,
          requestTimeout: queryMillis,
          pool: { max: 1, min: 0 },
          options: {
            appName: options.applicationName,
            encrypt: true,
            trustServerCertificate: options.trustServerCertificate,
            enableArithAbort: true
          }
        }).connect(),
      catch: classify
    }),
    (pool) =>
      Effect.async<ReadonlyArray<A>, DexDatabaseError>((resume) => {
        const rows: Array<A> = []
        let failure: unknown
        const request = pool.request()
        request.stream = true
        request.on("row", (row: Record<string, unknown>) => void rows.push(read(row)))
        request.on("error", (error) => {
          failure ??= error
        })
        request.on("done", () => {
          resume(failure === undefined ? Effect.succeed(rows) : Effect.fail(classify(failure)))
        })
        // With a stream the rows come by the events above, and the callback says nothing new.
        request.query(statement).catch(() => undefined)
        return Effect.sync(() => request.cancel())
      }),
    (pool) => Effect.ignore(Effect.promise(() => pool.close()))
  )
