import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { written } from "../../support/logs.ts"
import { connectionTo, freshDatabase, mariaDb, storeOf, type TestDatabase } from "../../support/minterDatabase.ts"
import { proxyTo, taking, until } from "../../support/minterFaults.ts"
import { assertSound, keysOf, mintAll } from "../../support/minterRows.ts"

const step = "0001 pool and identifiers"

const tables = ({ rows }: TestDatabase) =>
  Effect.map(rows("SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()"), (found) =>
    found.map(({ TABLE_NAME: name }) => String(name)).toSorted()
  )

const noted = ({ rows }: TestDatabase) =>
  Effect.map(rows("SELECT id, name FROM id_minter_migrations"), (found) => found.map((row) => ({ ...row })))

/** The database as a user sees it who may do there what docs/deployment.md says, and nothing else. */
const asDeployed = (database: TestDatabase) =>
  Effect.gen(function* () {
    const admin = yield* connectionTo(database)
    const user = database.address.database
    const password = "deployed"
    yield* Effect.acquireRelease(
      Effect.promise(() => admin.query(`CREATE USER '${user}'@'127.0.0.1' IDENTIFIED BY '${password}'`)),
      () => Effect.promise(() => admin.query(`DROP USER '${user}'@'127.0.0.1'`))
    )
    yield* Effect.promise(() =>
      admin.query(`GRANT CREATE, REFERENCES, SELECT, INSERT, UPDATE ON ${user}.* TO '${user}'@'127.0.0.1'`)
    )
    return { ...database, engine: { ...database.engine, user, password } }
  })

/** Name, type, whether it may be null, its key and its default, as DESCRIBE tells them. */
const described = ({ rows }: TestDatabase, table: string) =>
  Effect.map(rows(`DESCRIBE ${table}`), (found) =>
    found.map((row) => [row["Field"], row["Type"], row["Null"], row["Key"], row["Default"]])
  )

layer(mariaDb, { excludeTestServices: true })("the migrations, on MariaDB", (it) => {
  it.scoped("IM-128 and whatever is done after them need no more rights than the user is to have", () =>
    Effect.gen(function* () {
      const database = yield* freshDatabase
      const { identifiers, migrations } = yield* storeOf(yield* asDeployed(database))
      assert.deepStrictEqual(yield* migrations.run, { applied: [step] })
      const keys = keysOf(3)
      const minted = yield* mintAll(identifiers, keys)
      assert.deepStrictEqual((yield* identifiers.lookup(keys)).ids, minted.ids)
      assert.strictEqual((yield* identifiers.topUp(200)).free, 200)
      assert.deepStrictEqual(yield* migrations.run, { applied: [] })
      yield* assertSound(database, 3)
    })
  )

  it.scoped("IM-128 make the tables once, however often they run", () =>
    Effect.gen(function* () {
      const database = yield* freshDatabase
      const { identifiers, migrations } = yield* storeOf(database, { maxConnections: 1 })
      assert.deepStrictEqual(yield* migrations.run, { applied: [step] })
      assert.deepStrictEqual(yield* migrations.run, { applied: [] })
      assert.deepStrictEqual(yield* tables(database), ["canonical_ids", "id_minter_migrations", "identifiers"])
      assert.deepStrictEqual(yield* noted(database), [{ id: 1, name: step }])
      const now = "current_timestamp(6)"
      assert.deepStrictEqual(yield* described(database, "canonical_ids"), [
        ["CanonicalId", "varchar(8)", "NO", "PRI", null],
        ["Status", "enum('free','assigned')", "NO", "MUL", "free"],
        ["CreatedAt", "timestamp(6)", "NO", "", now]
      ])
      assert.deepStrictEqual(yield* described(database, "identifiers"), [
        ["OntologyType", "varchar(255)", "NO", "PRI", null],
        ["SourceSystem", "varchar(255)", "NO", "PRI", null],
        ["SourceId", "varchar(255)", "NO", "PRI", null],
        ["CanonicalId", "varchar(8)", "NO", "MUL", null],
        ["CreatedAt", "timestamp(6)", "NO", "", now]
      ])
      const indexes = yield* database.rows(
        `SELECT CONCAT(TABLE_NAME, '.', INDEX_NAME, ' ', GROUP_CONCAT(COLUMN_NAME ORDER BY SEQ_IN_INDEX)) AS text
          FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME <> 'id_minter_migrations'
          GROUP BY TABLE_NAME, INDEX_NAME`
      )
      assert.sameMembers(
        indexes.map(({ text }) => text),
        [
          "canonical_ids.PRIMARY CanonicalId",
          "canonical_ids.idx_free Status,CanonicalId",
          "identifiers.PRIMARY OntologyType,SourceSystem,SourceId",
          "identifiers.idx_canonical CanonicalId"
        ]
      )
      const others = yield* database.rows(
        `SELECT COLLATION_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE()
          AND COLLATION_NAME IS NOT NULL AND COLLATION_NAME <> 'utf8mb4_bin'`
      )
      assert.deepStrictEqual(others, [])
      const [parent] = yield* database.rows(
        "SELECT REFERENCED_TABLE_NAME AS name FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = DATABASE()"
      )
      assert.strictEqual(parent?.["name"], "canonical_ids")
      yield* mintAll(identifiers, keysOf(3))
      yield* migrations.run
      yield* assertSound(database, 3)
    })
  )

  it.scoped("IM-128 eight at once make them once, and none of them fails", () =>
    Effect.gen(function* () {
      const database = yield* freshDatabase
      const stores = yield* Effect.replicateEffect(storeOf(database, { maxConnections: 1 }), 8)
      const done = yield* Effect.forEach(stores, ({ migrations }) => migrations.run, { concurrency: "unbounded" })
      assert.deepStrictEqual(
        done.flatMap(({ applied }) => applied),
        [step]
      )
      assert.deepStrictEqual(yield* noted(database), [{ id: 1, name: step }])
    })
  )

  const schemaA = `CREATE TABLE identifiers (CanonicalId VARCHAR(255) NOT NULL PRIMARY KEY, OntologyType VARCHAR(255) NOT NULL,
    SourceSystem VARCHAR(255) NOT NULL, SourceId VARCHAR(255) NOT NULL,
    UNIQUE KEY UniqueFromSource (OntologyType, SourceSystem, SourceId)) ENGINE=InnoDB DEFAULT CHARACTER SET latin1`

  it.scoped("IM-128 a table of that name that somebody else has made is refused, and left alone", () =>
    Effect.gen(function* () {
      const database = yield* freshDatabase
      const { migrations } = yield* storeOf(database, { maxConnections: 1 })
      yield* database.rows(schemaA)
      yield* database.rows("INSERT INTO identifiers VALUES ('canon001', 'Work', 'sierra', 'b1')")
      for (const _ of [1, 2]) {
        const { exit } = yield* written(migrations.run)
        assert.isTrue(Exit.isFailure(exit))
        assert.include(String(exit), "DatabaseRejected")
        assert.include(String(exit), "identifiers.CanonicalId is varchar(255), not varchar(8)")
        assert.deepStrictEqual(yield* noted(database), [])
      }
      assert.lengthOf(yield* database.rows("SELECT * FROM identifiers"), 1)
      // Once it is out of the way, they run as if it had never been there.
      yield* database.rows("RENAME TABLE identifiers TO identifiers_before")
      assert.deepStrictEqual(yield* migrations.run, { applied: [step] })
      assert.lengthOf(yield* described(database, "identifiers"), 5)
    })
  )

  it.scoped("IM-128 a table that is missing although its step was noted is not passed over", () =>
    Effect.gen(function* () {
      const database = yield* freshDatabase
      const { migrations } = yield* storeOf(database)
      yield* migrations.run
      yield* database.rows("DROP TABLE identifiers")
      const failed = yield* Effect.flip(migrations.run)
      assert.include(failed.message, "identifiers.OntologyType is missing, not varchar(255)")
    })
  )

  it.scoped("a step that was not carried out to its end is carried out again", () =>
    Effect.gen(function* () {
      for (const fault of [{ error: 1005 }, { error: 1213 }, { reset: true }, { commitThenReset: true }]) {
        for (const nth of [1, 2, 3]) {
          const database = yield* freshDatabase
          const proxy = yield* proxyTo(database)
          const { migrations } = yield* storeOf(database, { port: proxy.port, maxConnections: 1 })
          const { identifiers, migrations: direct } = yield* storeOf(database)
          for (let passed = 1; passed < nth; passed += 1) proxy.rule({ path: "CREATE" }, { delayMs: 0 })
          proxy.rule({ path: "CREATE" }, fault)
          const exit = yield* Effect.exit(migrations.run)
          // What may pass is tried again at once.
          assert.strictEqual(Exit.isSuccess(exit), fault.error !== 1005, `${JSON.stringify(fault)} ${nth}`)
          // The lock is free again, whoever had it.
          const [, millis] = yield* taking(direct.run)
          assert.isBelow(millis, 4_000)
          yield* mintAll(identifiers, keysOf(1))
          assert.deepStrictEqual(yield* noted(database), [{ id: 1, name: step }])
        }
      }
    })
  )

  it.scoped(
    "whoever waits for another one's migration can be interrupted, and whoever is cut off holds nobody up",
    () =>
      Effect.gen(function* () {
        const database = yield* freshDatabase
        const proxy = yield* proxyTo(database)
        const { migrations } = yield* storeOf(database, { port: proxy.port, maxConnections: 1 })
        const other = yield* connectionTo(database)
        yield* Effect.promise(() => other.query("SELECT GET_LOCK('id_minter_migrations', 1)"))
        const fiber = yield* Effect.fork(migrations.run)
        yield* until(() => proxy.statements().some(({ body }) => body.includes("GET_LOCK")), "the lock's statement")
        const [, millis] = yield* taking(Fiber.interrupt(fiber))
        assert.isBelow(millis, 500)
        const waiting = yield* Effect.fork(migrations.run)
        yield* Effect.sleep(50)
        yield* Effect.promise(() => other.query("SELECT RELEASE_LOCK('id_minter_migrations')"))
        assert.deepStrictEqual(yield* Fiber.join(waiting), { applied: [step] })
        // One who is interrupted while it has the lock takes it along.
        proxy.rule({ path: "CREATE" }, { delayMs: 10_000 })
        const holding = yield* Effect.fork(migrations.run)
        yield* until(() => proxy.verbs().at(-1) === "CREATE", "the tables")
        const [, ending] = yield* taking(Fiber.interrupt(holding))
        assert.isBelow(ending, 500)
        const [, after] = yield* taking(migrations.run)
        assert.isBelow(after, 4_000)
      })
  )
})
