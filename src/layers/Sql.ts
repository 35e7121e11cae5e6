/**
 * A MySQL database, opened by the first call that needs it. A pool that cannot be opened is forgotten, so that the next
 * call tries anew; one whose login is refused is opened again with the login as it is then. Every call stands behind the
 * circuit breaker, and is tried again while that can help: what it does must be harmless to do twice.
 */
import type * as SqlConnection from "@effect/sql/SqlConnection"
import type * as SqlError from "@effect/sql/SqlError"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import type { DatabaseDataError, DatabaseFailure } from "../schemas/DatabaseError.ts"
import type { CircuitOpen } from "../schemas/ResilienceError.ts"
import type { CircuitBreaker } from "../services/Resilience/CircuitBreaker.ts"
import * as Retry from "../services/Resilience/Retry.ts"
import * as Schedules from "../services/Resilience/Schedules.ts"
import { classify, isGone, isOutage, isRefused } from "./Sql/Classification.ts"
import { type Address, connect, type LoginSource, type Opened } from "./Sql/Connecting.ts"

/** Whatever a database call fails with, beside its own errors. */
export type DatabaseError = DatabaseFailure | DatabaseDataError | CircuitOpen

/** What runs on one connection; what SQL fails with is told apart by {@link classify}. */
export type Body<A, E> = (connection: SqlConnection.Connection) => Effect.Effect<A, E>

type Told<E> = Exclude<E, SqlError.SqlError> | DatabaseError

/** A database. */
export interface Database {
  /** Runs statements one after the other on one connection, each of them committed by itself. */
  readonly session: <A, E>(name: string, body: Body<A, E>) => Effect.Effect<A, Told<E>>
  /** Runs statements together or not at all, each seeing what others have committed by then (READ COMMITTED). */
  readonly transaction: <A, E>(name: string, body: Body<A, E>) => Effect.Effect<A, Told<E>>
}

/** How a database is used. */
export interface DatabaseOptions {
  readonly address: Address
  readonly login: LoginSource
  readonly breaker: CircuitBreaker
}

/** Milliseconds that an orderly end of a failed transaction may take; after that its connection is cut. */
const rollbackMillis = 1_000

const isSqlError = (error: unknown): error is SqlError.SqlError => Predicate.isTagged(error, "SqlError")

const outageOf = (error: unknown): boolean =>
  Predicate.isTagged(error, "DatabaseTransient") && isOutage(error as unknown as DatabaseFailure)

/** A database of these; its connections are cut with the scope. */
export const make = ({ address, breaker, login }: DatabaseOptions): Effect.Effect<Database, never, Scope.Scope> =>
  Effect.gen(function* () {
    const opening = yield* Effect.makeSemaphore(1)
    let pool = Option.none<Opened>()

    const opened: Effect.Effect<Opened, SqlError.SqlError | DatabaseFailure | DatabaseDataError> = opening
      .withPermits(1)(
        Effect.suspend(() =>
          Option.isSome(pool)
            ? Effect.succeed(pool.value)
            : Effect.tap(connect(address, login), (fresh) => {
                pool = Option.some(fresh)
              })
        )
        // Refused at the door, it would be refused again.
      )
      .pipe(Effect.mapError((error) => (isSqlError(error) && isRefused(error) ? classify(error) : error)))

    const forget = (known: Opened): Effect.Effect<void> =>
      Effect.suspend(() => {
        if (Option.contains(pool, known)) pool = Option.none()
        return known.close
      })

    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => Option.match(pool, { onNone: () => Effect.void, onSome: forget }))
    )

    /** A login may have been exchanged since the pool was opened: its new connections are refused then. */
    const onConnection = <A, E>(
      body: (connection: SqlConnection.Connection, known: Opened) => Effect.Effect<A, E>
    ): Effect.Effect<A, E | SqlError.SqlError | DatabaseFailure | DatabaseDataError> => {
      const once = Effect.suspend(() => (Option.isSome(pool) ? Effect.succeed(pool.value) : opened)).pipe(
        Effect.flatMap((known) =>
          Effect.scoped(Effect.flatMap(known.client.reserve, (connection) => body(connection, known))).pipe(
            Effect.tapError((error) => (isSqlError(error) && isRefused(error) ? forget(known) : Effect.void))
          )
        )
      )
      return Effect.catchIf(
        once,
        (error) => isSqlError(error) && isRefused(error),
        () => once
      )
    }

    const guarded = <A, E>(
      name: string,
      effect: Effect.Effect<A, E | DatabaseFailure | DatabaseDataError>
    ): Effect.Effect<A, Told<E>> =>
      Effect.mapError(effect, (error) => (isSqlError(error) ? classify(error) : (error as Told<E>))).pipe(
        Effect.withSpan(`MySQL ${name}`, { kind: "client", attributes: { "db.system.name": "mysql" } }),
        (attempt) => breaker.protect(attempt, { isFailure: outageOf }),
        Retry.retry({ schedule: Schedules.database, while: (error) => Predicate.isTagged(error, "DatabaseTransient") })
      )

    /** What is left open on a connection would be committed by whoever uses it next. */
    const rollBack = (connection: SqlConnection.Connection, known: Opened): Effect.Effect<void> =>
      connection.executeUnprepared("ROLLBACK", [], undefined).pipe(
        Effect.interruptible,
        Effect.timeoutFail({ duration: rollbackMillis, onTimeout: () => "late" }),
        Effect.catchAll(() => forget(known)),
        Effect.asVoid
      )

    /** Ends a transaction that has not come to its end. Whoever was interrupted has no time left to wait for a statement. */
    const abandon = (
      cause: Cause.Cause<unknown>,
      connection: SqlConnection.Connection,
      known: Opened
    ): Effect.Effect<void> => {
      if (Cause.isInterrupted(cause)) return forget(known)
      const gone = Option.exists(Cause.failureOption(cause), (error) => isSqlError(error) && isGone(error))
      return gone ? Effect.void : rollBack(connection, known)
    }

    const inTransaction =
      <A, E>(body: Body<A, E>) =>
      (connection: SqlConnection.Connection, known: Opened): Effect.Effect<A, E | SqlError.SqlError> => {
        const run = (sql: string) => connection.executeUnprepared(sql, [], undefined)
        return run("SET TRANSACTION ISOLATION LEVEL READ COMMITTED").pipe(
          Effect.zipRight(run("BEGIN")),
          Effect.zipRight(body(connection)),
          Effect.zipLeft(run("COMMIT")),
          Effect.onError((cause) => abandon(cause, connection, known))
        )
      }

    return {
      session: (name, body) => guarded(name, onConnection(body)),
      transaction: (name, body) => guarded(name, onConnection(inTransaction(body)))
    }
  })
