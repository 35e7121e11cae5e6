/** One query to SQL Server: a connection of its own, opened for it and closed with it, its rows read as they come. */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import sql from "mssql"
import { DexDatabaseError } from "../schemas/DexArchiveError.ts"
import * as Timer from "../services/Resilience/Timer.ts"

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
  /** Milliseconds that a login may take; default 15,000. */
  readonly connectMillis?: number
  /** Milliseconds that the server may take between two signs of life; default 60,000. */
  readonly queryMillis?: number
}

const connectMillis = 15_000
const queryMillis = 60_000

/** The server is moving, full or restarting, or chose us in a deadlock: the same query passes when it is made anew. */
const transient = new Set([
  1205, 1222, 4060, 10_053, 10_054, 10_060, 10_928, 10_929, 40_143, 40_197, 40_501, 40_540, 40_613, 49_918, 49_919,
  49_920
])

/** The driver's codes of a connection that could not be made, or broke. */
const broken = new Set([
  "ESOCKET",
  "ECLOSE",
  "ECONNRESET",
  "ECONNCLOSED",
  "ECONNREFUSED",
  "EINSTLOOKUP",
  "ENOTOPEN",
  "EPIPE",
  "ETIMEOUT"
])

/** Node's codes of a certificate that cannot be verified: it will be the same one the next time. */
const unverified = /CERT|SIGNATURE|ISSUER/

interface DriverError {
  readonly code?: unknown
  readonly number?: unknown
  readonly originalError?: unknown
  readonly cause?: unknown
}

/** An error, and what the driver wrapped in it. */
const layersOf = (error: unknown, depth = 0): ReadonlyArray<DriverError> => {
  if (typeof error !== "object" || error === null || depth > 5) return []
  const parts: DriverError = error
  return [parts, ...layersOf(parts.originalError ?? parts.cause, depth + 1)]
}

/**
 * The driver's error as ours: without its text, which names the host, the login and the statement. Of a refused login
 * the driver's error has no number, so what the server said while we logged in is given beside it.
 */
export const classify = (error: unknown, saidAtLogin?: number): DexDatabaseError => {
  const layers = layersOf(error)
  const codes = layers.flatMap(({ code }) => (typeof code === "string" ? [code] : []))
  const number = layers.map((layer) => layer.number).find((value) => typeof value === "number") ?? saidAtLogin
  const certificate = codes.find((code) => unverified.test(code))
  return new DexDatabaseError({
    reason: certificate ?? codes[0] ?? "no code",
    retryable:
      number === undefined
        ? certificate === undefined && codes.some((code) => broken.has(code))
        : transient.has(number),
    ...(number === undefined ? {} : { number })
  })
}

/** A pool of one connection that is not open yet, and what became of its logins. */
const poolOf = (options: SqlServerOptions) => {
  const connections = new Set<{ readonly close: () => void }>()
  const said: Array<number> = []
  const pool = new sql.ConnectionPool({
    server: options.host,
    port: options.port,
    database: options.database,
    user: options.username,
    password: Redacted.value(options.password),
    connectionTimeout: options.connectMillis ?? connectMillis,
    // The driver's own limit ends with the first bytes of an answer: what comes after them is watched below.
    requestTimeout: options.queryMillis ?? queryMillis,
    pool: { max: 1, min: 0 },
    beforeConnect: (connection) => {
      connections.add(connection)
      connection.on("errorMessage", ({ number }) => void said.push(number))
    },
    options: {
      appName: options.applicationName,
      encrypt: true,
      trustServerCertificate: options.trustServerCertificate,
      enableArithAbort: true,
      // What is tried again, and how often, is for our own schedule to say.
      maxRetriesOnTransientErrors: 0
    }
  })
  // Of a connection that breaks the request tells; without a listener the event would end the process.
  pool.on("error", () => undefined)
  return {
    pool,
    // A database that cannot be opened is said first, and then that the login failed.
    failure: (error: unknown): DexDatabaseError => classify(error, said[0]),
    // A pool waits for what is under way; its connections can be closed at any time, also while they log in.
    close: (): void => {
      for (const connection of connections) connection.close()
      pool.close().catch(() => undefined)
    }
  }
}

/** The rows of a query, each read into what is kept of it. Interrupted at any time, it is over, and so is the connection. */
export const query = <A>(
  options: SqlServerOptions,
  statement: string,
  read: (row: Readonly<Record<string, unknown>>) => A
): Effect.Effect<ReadonlyArray<A>, DexDatabaseError> =>
  Effect.acquireUseRelease(
    Effect.sync(() => poolOf(options)),
    ({ failure, pool }) =>
      Effect.zipRight(
        Effect.tryPromise({ try: () => pool.connect(), catch: failure }),
        Effect.clockWith((clock) =>
          Effect.async<ReadonlyArray<A>, DexDatabaseError>((resume) => {
            const rows: Array<A> = []
            let failed: unknown
            const request = pool.request()
            const silence = Timer.whenSilent(clock, options.queryMillis ?? queryMillis, () => {
              resume(Effect.fail(new DexDatabaseError({ reason: "ETIMEOUT", retryable: true })))
              request.cancel()
            })
            request.stream = true
            request.on("row", (row: Record<string, unknown>) => {
              silence.heard()
              rows.push(read(row))
            })
            request.on("error", (error) => {
              failed ??= error
            })
            request.on("done", () => {
              silence.stop()
              resume(failed === undefined ? Effect.succeed(rows) : Effect.fail(failure(failed)))
            })
            // With a stream the rows come by the events above, and the callback says nothing new.
            request.query(statement).catch(() => undefined)
            return Effect.sync(() => {
              silence.stop()
              request.cancel()
            })
          })
        )
      ),
    ({ close }) => Effect.sync(close)
  )
