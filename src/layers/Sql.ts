/**
 * A MySQL database, opened by the first call that needs it. A pool that cannot be opened is forgotten, so that the next
 * call tries anew; one whose login is refused is opened again with the login as it is then. Every call stands behind the
 * circuit breaker, and is tried again while that can help: what it does must be harmless to do twice.
 */
import type * as SqlConnection from "@effect/sql/SqlConnection"
import type * as SqlError from "@effect/sql/SqlError"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import type { DatabaseDataError, DatabaseFailure } from "../schemas/DatabaseError.ts"
import type { CircuitOpen } from "../schemas/ResilienceError.ts"
import type { CircuitBreaker } from "../services/Resilience/CircuitBreaker.ts"
import * as Retry from "../services/Resilience/Retry.ts"
import * as Schedules from "../services/Resilience/Schedules.ts"
import * as Spans from "../services/Spans.ts"
import { classify, isGone, isOutage, isRefused, isStale } from "./Sql/Classification.ts"
import { type Address, connect, type LoginSource, type Opened } from "./Sql/Connecting.ts"

/** Whatever a database call fails with, beside its own errors. */
export type DatabaseError = DatabaseFailure | DatabaseDataError | CircuitOpen

/** What runs on one connection; what SQL fails with is told apart by {@link classify}. */
export type Body<A, E> = (connection: SqlConnection.Connection) => Effect.Effect<A, E>

type Told<E> = Exclude<E, SqlError.SqlError> | DatabaseError

/** A database. */
export interface Database {
  /** Runs one statement, and gives its rows by the names of their columns. */
  readonly query: (
    name: string,
    sql: string,
    parameters: ReadonlyArray<string>
  ) => Effect.Effect<ReadonlyArray<Readonly<Record<string, unknown>>>, DatabaseError>
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
  /** How often what may pass is tried again; {@link Schedules.database} where nothing else is said. */
  readonly retry?: Schedules.RetrySchedule
}

/** A pool, and how many are using it. */
type Pool = Opened & { users: number }

/** Milliseconds that an orderly end of a failed transaction may take; after that its connection is cut. */
const rollbackMillis = 1_000

const isSqlError = (error: unknown): error is SqlError.SqlError => Predicate.isTagged(error, "SqlError")

const outageOf = (error: unknown): boolean =>
  Predicate.isTagged(error, "DatabaseTransient") && isOutage(error as unknown as DatabaseFailure)

/**
 * Waits for an effect that is slow to let go, such as for a connection, no longer than it may: it comes to its end by
 * itself. In a fiber of its own altogether, since what one fiber acquires and another releases makes each call slower than
 * the one before (the stacks of their `FiberRef`s grow).
 */
const lettingGo = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Effect.forkDaemon(restore(effect)), (fiber) =>
      Effect.onInterrupt(restore(Effect.flatten(Fiber.await(fiber))), () => Fiber.interruptFork(fiber))
    )
  )

/** A database of these; its connections are cut with the scope. */
export const make = (options: DatabaseOptions): Effect.Effect<Database, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { address, breaker, login, retry = Schedules.database } = options
    const opening = yield* Effect.makeSemaphore(1)
    let pool = Option.none<Pool>()

    const opened: Effect.Effect<Pool, SqlError.SqlError | DatabaseFailure | DatabaseDataError> = opening
      .withPermits(1)(
        Effect.suspend(() => {
          if (Option.isSome(pool)) return Effect.succeed(pool.value)
          const fresh = Effect.map(connect(address, login), (found): Pool => ({ ...found, users: 0 }))
          return Effect.uninterruptible(
            Effect.tap(fresh, (found) => {
              pool = Option.some(found)
            })
          )
        })
      )
      // Refused at the door, it would be refused again.
      .pipe(Effect.mapError((error) => (isSqlError(error) && isRefused(error) ? classify(error) : error)))

    const isCurrent = (known: Pool): boolean => Option.isSome(pool) && pool.value === known

    /** Whoever is using a pool comes to an end with it; whoever comes next opens another. */
    const retire = (known: Pool): void => {
      if (isCurrent(known)) pool = Option.none()
    }

    const cut = (known: Pool): Effect.Effect<void> =>
      Effect.suspend(() => {
        retire(known)
        return known.close
      })

    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => Option.match(pool, { onNone: () => Effect.void, onSome: cut }))
    )

    /** Whoever was interrupted has no time left to wait for a statement, and it may still be under way. */
    const cutOff =
      (known: Pool) =>
      (cause: Cause.Cause<unknown>): Effect.Effect<void> =>
        Cause.isInterrupted(cause) ? cut(known) : Effect.void

    const using = <A, E>(
      known: Pool,
      body: (connection: SqlConnection.Connection, known: Pool) => Effect.Effect<A, E>
    ): Effect.Effect<A, E | SqlError.SqlError> =>
      Effect.scoped(
        Effect.flatMap(known.client.reserve, (connection) => Effect.onError(body(connection, known), cutOff(known)))
      )

    /** A login may have been exchanged since the pool was opened: its new connections are refused then. */
    const onPool = <A, E>(
      use: (known: Pool) => Effect.Effect<A, E>
    ): Effect.Effect<A, E | SqlError.SqlError | DatabaseFailure | DatabaseDataError> => {
      const once = Effect.acquireUseRelease(
        Effect.suspend(() => (Option.isSome(pool) ? Effect.succeed(pool.value) : Effect.interruptible(opened))).pipe(
          Effect.tap((known) => {
            known.users += 1
          })
        ),
        (known) =>
          Effect.tapError(use(known), (error) => {
            if (isSqlError(error) && isStale(error)) retire(known)
            return Effect.void
          }),
        (known) =>
          Effect.suspend(() => {
            known.users -= 1
            return known.users === 0 && !isCurrent(known) ? known.close : Effect.void
          })
      )
      return Effect.catchIf(
        once,
        (error) => isSqlError(error) && isRefused(error),
        () => once
      )
    }

    const onConnection = <A, E>(
      body: (connection: SqlConnection.Connection, known: Pool) => Effect.Effect<A, E>
    ): Effect.Effect<A, E | SqlError.SqlError | DatabaseFailure | DatabaseDataError> =>
      lettingGo(onPool((known) => using(known, body)))

    const guarded = <A, E>(
      name: string,
      effect: Effect.Effect<A, E | DatabaseFailure | DatabaseDataError>
    ): Effect.Effect<A, Told<E>> =>
      Effect.mapError(effect, (error) => (isSqlError(error) ? classify(error) : (error as Told<E>))).pipe(
        Spans.withSpan(`MySQL ${name}`, {
          kind: "client",
          attributes: { "db.system.name": "mysql" }
        }),
        (attempt) => breaker.protect(attempt, { isFailure: outageOf }),
        Retry.retry({ schedule: retry, while: (error) => Predicate.isTagged(error, "DatabaseTransient") })
      )

    /** Ends a transaction that has not come to its end: what is left open would be committed by whoever is next. */
    const abandon = (
      cause: Cause.Cause<unknown>,
      connection: SqlConnection.Connection,
      known: Pool
    ): Effect.Effect<void> => {
      const gone = Option.exists(Cause.failureOption(cause), (error) => isSqlError(error) && isGone(error))
      // Whoever was interrupted is cut off.
      if (gone || Cause.isInterrupted(cause)) return Effect.void
      return connection.executeUnprepared("ROLLBACK", [], undefined).pipe(
        Effect.interruptible,
        Effect.timeoutFail({ duration: rollbackMillis, onTimeout: () => "late" }),
        Effect.catchAll(() => cut(known)),
        Effect.asVoid
      )
    }

    const inTransaction =
      <A, E>(body: Body<A, E>) =>
      (connection: SqlConnection.Connection, known: Pool): Effect.Effect<A, E | SqlError.SqlError> => {
        const run = (sql: string) => connection.executeUnprepared(sql, [], undefined)
        return run("SET TRANSACTION ISOLATION LEVEL READ COMMITTED").pipe(
          Effect.zipRight(run("BEGIN")),
          Effect.zipRight(body(connection)),
          Effect.zipLeft(run("COMMIT")),
          Effect.onError((cause) => abandon(cause, connection, known))
        )
      }

    return {
      query: (name, sql, parameters) =>
        guarded(
          name,
          // The span is ours: the library's would carry the statement, with its thousand question marks.
          onPool((known) =>
            Effect.onError(
              Effect.withTracerEnabled(known.client.unsafe<Readonly<Record<string, unknown>>>(sql, parameters), false),
              cutOff(known)
            )
          )
        ),
      session: (name, body) => guarded(name, onConnection(body)),
      transaction: (name, body) => guarded(name, onConnection(inTransaction(body)))
    }
  })
