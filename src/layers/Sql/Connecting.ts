/** Opening a pool of connections, with credentials that may be exchanged at any time (contract 1.8, row 131). */
import * as Net from "node:net"
import * as Reactivity from "@effect/experimental/Reactivity"
import type * as SqlClient from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import * as MysqlClient from "@effect/sql-mysql2/MysqlClient"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import type { DatabaseAuth, DatabaseTransient } from "../../schemas/DatabaseError.ts"
import { isRefused } from "./Classification.ts"

/** Who we are for the database. */
export interface Login {
  readonly username: string
  readonly password: Redacted.Redacted
}

/** Where a login comes from. */
export interface LoginSource {
  /** Read at every connect. */
  readonly current: Effect.Effect<Login, DatabaseAuth | DatabaseTransient>
  /** The one that a rotation is about to make the current one; only where logins are exchanged at all. */
  readonly pending?: Effect.Effect<Login, DatabaseAuth | DatabaseTransient>
}

/** After how many milliseconds nobody waits any longer. */
export interface Limits {
  /** For a connection. */
  readonly connectMillis: number
  /** For an answer: the connection is cut then, and so is one that nobody has used for as long. */
  readonly silenceMillis: number
}

/** The limits where nothing else is said. */
export const defaultLimits: Limits = { connectMillis: 5_000, silenceMillis: 10_000 }

/** Where the database is. */
export interface Address {
  readonly host: string
  readonly port: number
  readonly database: string
  readonly maxConnections: number
  readonly limits?: Limits
}

/** An open pool. */
export interface Opened {
  readonly client: SqlClient.SqlClient
  /** Cuts every connection, whatever is under way on it; the server rolls that back. */
  readonly close: Effect.Effect<void>
}

/** A rotation that has changed the password in the database stores it a moment later. */
export const rotationMillis = 5_000

/** The server counts them over all connections of all environments, and has room for some 16,000. */
const maxPreparedStatements = 32

const silent = (): NodeJS.ErrnoException => Object.assign(new Error("silence"), { code: "ETIMEDOUT" })

/** Opens a pool, and proves that it can be used by one connection and one `SELECT 1`. */
const open = (address: Address, { password, username }: Login): Effect.Effect<Opened, SqlError> =>
  Effect.gen(function* () {
    const { connectMillis, silenceMillis } = address.limits ?? defaultLimits
    const scope = yield* Scope.make()
    const sockets = new Set<Net.Socket>()
    const connect = (): Net.Socket => {
      const socket = Net.connect(address.port, address.host)
      socket.setNoDelay(true)
      socket.setKeepAlive(true)
      socket.setTimeout(silenceMillis, () => socket.destroy(silent()))
      sockets.add(socket)
      socket.once("close", () => sockets.delete(socket))
      return socket
    }
    const close = Effect.zipRight(
      Effect.sync(() => {
        for (const socket of sockets) socket.destroy()
      }),
      Scope.close(scope, Exit.void)
    )
    const client = yield* MysqlClient.make({
      host: address.host,
      port: address.port,
      database: address.database,
      maxConnections: address.maxConnections,
      username,
      password,
      poolConfig: {
        charset: "UTF8MB4_BIN",
        connectTimeout: connectMillis,
        // All of them may stay: else a timer looks every second for one to close.
        maxIdle: address.maxConnections,
        maxPreparedStatements,
        // The library's own sockets can neither be cut nor be given a limit.
        stream: connect
      }
    }).pipe(
      Scope.extend(scope),
      Effect.provideServiceEffect(Reactivity.Reactivity, Reactivity.make),
      // The library lets nobody go before the server has answered.
      Effect.disconnect,
      Effect.interruptible,
      // A pool that could not be opened would keep its sockets otherwise.
      Effect.onError(() => close)
    )
    return { client, close }
  })

const pause = Effect.interruptible(Effect.sleep(rotationMillis))

const isRefusal = (error: SqlError | DatabaseAuth | DatabaseTransient): error is SqlError =>
  error._tag === "SqlError" && isRefused(error)

/**
 * Opens a pool. Where logins are exchanged, a refused one is followed by the pending one at once, and by the current one
 * once more after a moment: between the two the rotation has come to its end. Any other error is the caller's. Run it
 * uninterruptibly, so that no pool is lost between its opening and its caller; whatever waits in it can be interrupted.
 */
export const connect = (
  address: Address,
  { current, pending }: LoginSource
): Effect.Effect<Opened, SqlError | DatabaseAuth | DatabaseTransient> => {
  const openWith = <E>(login: Effect.Effect<Login, E>): Effect.Effect<Opened, E | SqlError> =>
    Effect.flatMap(Effect.interruptible(login), (found) => open(address, found))
  if (pending === undefined) return openWith(current)
  return openWith(current).pipe(
    Effect.catchIf(isRefusal, () =>
      openWith(pending).pipe(
        // That there is no pending login is no reason to give up: the rotation may have ended just now.
        Effect.catchIf(
          (error) => isRefusal(error) || error._tag === "DatabaseAuth",
          () => Effect.zipRight(pause, openWith(current))
        )
      )
    )
  )
}
