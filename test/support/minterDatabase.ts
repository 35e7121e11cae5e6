/** A private MariaDB for a test file, and a database of its own in it for each test. */
import * as Effect from "effect/Effect"
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { createConnection, type Connection, type RowDataPacket } from "mysql2/promise"
import { startMariaDb } from "../../local/src/mysql/MariaDb.ts"
import { givenMysql, type MysqlEngine } from "../../local/src/mysql/Engine.ts"
import { provideMariaDb } from "../../local/src/mysql/provideMariaDb.ts"
import { breakerKeys, IdMinterDatabases } from "../../src/layers/IdMinter/Databases.ts"
import * as IdentifiersLayer from "../../src/layers/IdMinter/Identifiers.ts"
import * as MigrationsLayer from "../../src/layers/IdMinter/Migrations.ts"
import type { OnPoolExhausted } from "../../src/layers/IdMinter/Settings.ts"
import * as Sql from "../../src/layers/Sql.ts"
import type { Address, Limits, Login } from "../../src/layers/Sql/Connecting.ts"
import * as CircuitBreaker from "../../src/layers/Resilience/CircuitBreaker.ts"
import { CircuitBreakers } from "../../src/services/Resilience/CircuitBreaker.ts"
import * as Schedules from "../../src/services/Resilience/Schedules.ts"

/** The server of a test file. */
export class MariaDb extends Context.Tag("test/MariaDb")<MariaDb, MysqlEngine>() {}

/** A server, for `layer` of Vitest's; what the code logs meanwhile is nobody's business. */
export const mariaDb: Layer.Layer<MariaDb> = Layer.scoped(
  MariaDb,
  Effect.acquireRelease(
    Effect.promise(async () => {
      const given = process.env["MYSQL_URL"]
      return given === undefined ? startMariaDb({ programs: await provideMariaDb() }) : givenMysql(given)
    }),
    (engine) => Effect.promise(() => engine[Symbol.asyncDispose]())
  )
).pipe(Layer.merge(Logger.remove(Logger.defaultLogger)))

type Row = Readonly<Record<string, unknown>>

/** One test's database, looked at from outside. */
export interface TestDatabase {
  readonly address: Address
  readonly engine: MysqlEngine
  readonly rows: (sql: string, values?: ReadonlyArray<string | number>) => Effect.Effect<ReadonlyArray<Row>>
}

let databases = 0

const connected = (engine: MysqlEngine, database?: string) =>
  Effect.acquireRelease(
    Effect.promise(() =>
      createConnection({
        host: engine.host,
        port: engine.port,
        user: engine.user,
        password: engine.password,
        ...(database === undefined ? {} : { database })
      })
    ),
    (connection: Connection) => Effect.promise(() => connection.end())
  )

/** How a database is used in a test. */
export interface DatabaseSetting {
  readonly maxConnections?: number
  readonly exhausted?: OnPoolExhausted
  /** Where the functions' connections go, where that is not the server itself. */
  readonly port?: number
  /** Where the replica is, as far as that is not where the primary is. */
  readonly replica?: Partial<Address>
  readonly limits?: Limits
}

/** The engine's login. */
export const loginTo = ({ password, user }: MysqlEngine): Login => ({
  username: user,
  password: Redacted.make(password)
})

/** A database by its address, with credentials that do not change. */
export const databaseAt = (
  address: Address,
  engine: MysqlEngine,
  key: string = breakerKeys.primary,
  retry: Schedules.RetrySchedule = Schedules.database
) =>
  Effect.gen(function* () {
    const breakers = yield* CircuitBreakers
    const login = { current: Effect.succeed(loginTo(engine)) }
    return yield* Sql.make({ address, login, breaker: yield* breakers.get(key), retry })
  })

/** A connection of the test's own, gone with its scope. */
export const connectionTo = ({ address, engine }: TestDatabase) => connected(engine, address.database)

/** A new, empty database with the minter's tables. */
export const freshDatabase = Effect.gen(function* () {
  const engine = yield* MariaDb
  databases += 1
  const name = `test_${process.pid}_${databases}`
  const admin = yield* connected(engine)
  yield* Effect.promise(() => admin.query(`CREATE DATABASE ${name} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`))
  const eye = yield* connected(engine, name)
  const address = { host: engine.host, port: engine.port, database: name, maxConnections: 2 }
  const database: TestDatabase = {
    address,
    engine,
    rows: (sql, values = []) => Effect.promise(async () => (await eye.query<Array<RowDataPacket>>(sql, [...values]))[0])
  }
  return database
})

/** The minter's store of identifiers, and its migrations, over a test's database. */
export const storeOf = (database: TestDatabase, setting: DatabaseSetting = {}) =>
  Effect.gen(function* () {
    const address = {
      ...database.address,
      ...(setting.maxConnections === undefined ? {} : { maxConnections: setting.maxConnections }),
      ...(setting.port === undefined ? {} : { port: setting.port }),
      ...(setting.limits === undefined ? {} : { limits: setting.limits })
    }
    const primary = yield* databaseAt(address, database.engine)
    const replica =
      setting.replica === undefined
        ? Option.none<Sql.Database>()
        : Option.some(
            yield* databaseAt({ ...address, ...setting.replica }, database.engine, breakerKeys.replica, Schedules.never)
          )
    const databasesLayer = Layer.succeed(IdMinterDatabases, { primary, replica })
    const identifiers = yield* IdentifiersLayer.make(setting.exhausted ?? "top-up").pipe(Effect.provide(databasesLayer))
    const migrations = yield* MigrationsLayer.make.pipe(Effect.provide(databasesLayer))
    return { identifiers, migrations, primary }
  }).pipe(Effect.provide(CircuitBreaker.layerMemory({ settings: {} })))

/** A database with tables and its store. */
export const freshStore = (setting: DatabaseSetting = {}) =>
  Effect.gen(function* () {
    const database = yield* freshDatabase
    const { migrations } = yield* storeOf(database)
    yield* migrations.run
    return { database, ...(yield* storeOf(database, setting)) }
  })
