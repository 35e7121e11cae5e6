/**
 * {@link Migrations}: the steps, under a lock of the server's that goes with its connection. MySQL commits whatever
 * defines a table at once, so a step is noted after it has been carried out and the tables are as they should be, and
 * each of its statements may run again.
 */
import type * as SqlConnection from "@effect/sql/SqlConnection"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import { DatabaseRejected, DatabaseTransient } from "../../schemas/DatabaseError.ts"
import { Migrations, type MigrationsShape } from "../../services/Migrations.ts"
import { asRejected } from "../Sql/Classification.ts"
import { IdMinterDatabases } from "./Databases.ts"

const table = (definition: string): string =>
  `CREATE TABLE IF NOT EXISTS ${definition} ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`

/** When a row was written, finely enough to tell an original from its aliases. */
const createdAt = "CreatedAt TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)"

/** The steps in their order; one that was released is never changed. */
const steps: ReadonlyArray<{ readonly name: string; readonly statements: ReadonlyArray<string> }> = [
  {
    name: "0001 pool and identifiers",
    statements: [
      table(
        `canonical_ids (CanonicalId VARCHAR(8) NOT NULL, Status ENUM('free', 'assigned') NOT NULL DEFAULT 'free', ${createdAt}, PRIMARY KEY (CanonicalId), INDEX idx_free (Status, CanonicalId))`
      ),
      table(
        `identifiers (OntologyType VARCHAR(255) NOT NULL, SourceSystem VARCHAR(255) NOT NULL, SourceId VARCHAR(255) NOT NULL, CanonicalId VARCHAR(8) NOT NULL, ${createdAt}, PRIMARY KEY (OntologyType, SourceSystem, SourceId), INDEX idx_canonical (CanonicalId), CONSTRAINT fk_canonical FOREIGN KEY (CanonicalId) REFERENCES canonical_ids (CanonicalId))`
      )
    ]
  }
]

/** The columns that the statements use, whoever has made the tables. */
const columns: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  canonical_ids: { CanonicalId: "varchar(8)", Status: "enum('free','assigned')" },
  identifiers: {
    OntologyType: "varchar(255)",
    SourceSystem: "varchar(255)",
    SourceId: "varchar(255)",
    CanonicalId: "varchar(8)"
  }
}

const lockName = "id_minter_migrations"

/** Shorter than a statement may take. */
const lockSeconds = 5

const locked = <A, E, R>(connection: SqlConnection.Connection, effect: Effect.Effect<A, E, R>) =>
  Effect.acquireUseRelease(
    // Whoever is interrupted here loses the connection, and the lock with it.
    Effect.interruptible(
      Effect.flatMap(connection.executeValues("SELECT GET_LOCK(?, ?) AS acquired", [lockName, lockSeconds]), ([row]) =>
        Number(row?.[0]) === 1
          ? Effect.void
          : Effect.fail(new DatabaseTransient({ reason: "another one is migrating" }))
      )
    ),
    () => effect,
    // Where that fails, the connection is gone, too.
    (_, exit) =>
      Exit.isInterrupted(exit)
        ? Effect.void
        : Effect.ignore(connection.executeValues("SELECT RELEASE_LOCK(?)", [lockName]))
  )

/** Tables of these names may have been there before, made by somebody else. */
const verify = (connection: SqlConnection.Connection) =>
  Effect.gen(function* () {
    for (const [name, wanted] of Object.entries(columns)) {
      const rows = yield* connection.executeValues(
        "SELECT COLUMN_NAME, COLUMN_TYPE, COLLATION_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?",
        [name]
      )
      const found = new Map(
        rows.map(([column, type, collation]) => [String(column), { type: String(type), collation }])
      )
      for (const [column, type] of Object.entries(wanted)) {
        const there = found.get(column)
        if (there?.type !== type) {
          return yield* new DatabaseRejected({
            reason: `${name}.${column} is ${there?.type ?? "missing"}, not ${type}`
          })
        }
        if (there.collation !== "utf8mb4_bin") {
          yield* Effect.logWarning(
            `${name}.${column} is ${String(there.collation)}, not utf8mb4_bin: keys that it takes for equal cannot be minted`
          )
        }
      }
    }
  })

const migrate = (connection: SqlConnection.Connection) =>
  Effect.gen(function* () {
    const run = (sql: string) => connection.executeUnprepared(sql, [], undefined)
    yield* run(table("id_minter_migrations (id INT UNSIGNED NOT NULL PRIMARY KEY, name VARCHAR(255) NOT NULL)"))
    const rows = yield* connection.executeValues("SELECT id FROM id_minter_migrations", [])
    const done = new Set(rows.map(([id]) => Number(id)))
    const missing = steps.map((step, index) => ({ ...step, id: index + 1 })).filter(({ id }) => !done.has(id))
    for (const statement of missing.flatMap(({ statements }) => statements)) yield* run(statement)
    yield* verify(connection)
    for (const { id, name } of missing) {
      yield* connection.executeRaw("INSERT INTO id_minter_migrations (id, name) VALUES (?, ?)", [id, name])
    }
    return { applied: missing.map(({ name }) => name) }
  })

/** The migrations of the database that is written to. */
export const make: Effect.Effect<MigrationsShape, never, IdMinterDatabases> = Effect.map(
  IdMinterDatabases,
  ({ primary }) => ({
    run: primary
      .session("migrate", (connection) => locked(connection, migrate(connection)))
      .pipe(Effect.catchTag("DatabaseDataError", (error) => Effect.fail(asRejected(error))))
  })
)

/** {@link Migrations} over the databases. */
export const layer: Layer.Layer<Migrations, never, IdMinterDatabases> = Layer.effect(Migrations, make)
