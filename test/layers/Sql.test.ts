import { assert, layer } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import type { Body } from "../../src/layers/Sql.ts"
import { type DatabaseSetting, freshDatabase, mariaDb, storeOf, type TestDatabase } from "../support/minterDatabase.ts"
import { proxyTo, serverThat, taking, until } from "../support/minterFaults.ts"
import { connect } from "node:net"

/** A database with a table `t(a)`, a proxy in front of it, and what the code has of it. */
const fresh = (setting: DatabaseSetting = {}) =>
  Effect.gen(function* () {
    const database = yield* freshDatabase
    yield* database.rows("CREATE TABLE t (a INT PRIMARY KEY)")
    const proxy = yield* proxyTo(database)
    const { primary } = yield* storeOf(database, { maxConnections: 1, port: proxy.port, ...setting })
    return { database, proxy, primary }
  })

const run =
  (sql: string): Body<void, unknown> =>
  (connection) =>
    Effect.asVoid(connection.executeUnprepared(sql, [], undefined))

const insert = (a: number) => run(`INSERT INTO t VALUES (${a})`)

const kept = ({ rows }: TestDatabase) =>
  Effect.map(rows("SELECT a FROM t ORDER BY a"), (found) => found.map(({ a }) => a))

/** The code's connections, as the server has them. */
const connections = ({ address, rows }: TestDatabase) =>
  Effect.map(
    rows("SELECT ID FROM information_schema.PROCESSLIST WHERE DB = ? AND ID <> CONNECTION_ID()", [address.database]),
    (found) => found.map(({ ID: id }) => Number(id))
  )

const untilCut = (database: TestDatabase) =>
  until(async () => (await Effect.runPromise(connections(database))).length === 0, "the connections to be cut")

layer(mariaDb, { excludeTestServices: true })("a MySQL database", (it) => {
  it.scoped("is opened by the first call, and its connections go with the scope", () =>
    Effect.gen(function* () {
      const database = yield* freshDatabase
      const scope = yield* Scope.make()
      const { primary } = yield* Scope.extend(storeOf(database, { maxConnections: 3 }), scope)
      assert.lengthOf(yield* connections(database), 0)
      yield* Effect.all(
        [1, 2, 3].map(() => primary.session("wait", run("SELECT SLEEP(0.05)"))),
        { concurrency: "unbounded" }
      )
      assert.lengthOf(yield* connections(database), 3)
      yield* Scope.close(scope, Exit.void)
      yield* untilCut(database)
    })
  )

  it.scoped("that could not be opened is opened by the next try", () =>
    Effect.gen(function* () {
      const database = yield* freshDatabase
      const { port } = yield* serverThat((socket, nth) => {
        if (nth < 3) return void socket.destroy()
        const server = connect(database.address.port, "127.0.0.1")
        server.on("error", () => socket.destroy()).pipe(socket)
        socket.pipe(server)
      })
      const { identifiers } = yield* storeOf(database, { port })
      yield* identifiers.ping
    })
  )

  it.scoped("commits what a transaction did together, or nothing of it", () =>
    Effect.gen(function* () {
      const { database, primary, proxy } = yield* fresh()
      yield* primary.transaction("both", (connection) => Effect.zipRight(insert(1)(connection), insert(2)(connection)))
      assert.deepStrictEqual(proxy.verbs(), ["SELECT", "SET", "BEGIN", "INSERT", "INSERT", "COMMIT"])
      const failed = yield* Effect.either(
        primary.transaction("none", (connection) => Effect.zipRight(insert(3)(connection), Effect.fail("mine")))
      )
      assert.deepStrictEqual(failed, Either.left("mine"))
      const twice = yield* Effect.flip(
        primary.transaction("twice", (connection) => Effect.zipRight(insert(4)(connection), insert(4)(connection)))
      )
      assert.deepInclude(twice, { _tag: "DatabaseRejected", errno: 1062 })
      const died = yield* Effect.exit(
        primary.transaction("bug", (connection) => Effect.zipRight(insert(5)(connection), Effect.die("bug")))
      )
      assert.deepStrictEqual(died, Exit.die("bug"))
      yield* primary.session("alone", insert(6))
      assert.deepStrictEqual(yield* kept(database), [1, 2, 6])
      assert.strictEqual(proxy.logins(), 1)
    })
  )

  it.scoped("shows a transaction what others have committed by then", () =>
    Effect.gen(function* () {
      const { database, primary } = yield* fresh()
      const count = yield* primary.transaction("look twice", (connection) =>
        Effect.gen(function* () {
          const look = connection.executeValues("SELECT COUNT(*), @@tx_isolation FROM t", [])
          const [before] = yield* look
          yield* database.rows("INSERT INTO t VALUES (1)")
          const [after] = yield* look
          return [before?.[0], after?.[0]]
        })
      )
      assert.deepStrictEqual(count, [0, 1])
    })
  )

  it.scoped.each([
    ["is refused", { error: 1205 }],
    ["is cut off", { reset: true }],
    ["is not answered in time", { delayMs: 5_000 }]
  ] as const)("IM-125 a ROLLBACK that %s leaves nothing for whoever uses the connection next", ([, fault]) =>
    Effect.gen(function* () {
      const { database, primary, proxy } = yield* fresh()
      proxy.rule({ path: "ROLLBACK" }, fault)
      const failed = yield* Effect.either(
        primary.transaction("half", (connection) => Effect.zipRight(insert(1)(connection), Effect.fail("mine")))
      )
      assert.deepStrictEqual(failed, Either.left("mine"))
      assert.include(proxy.verbs(), "ROLLBACK")
      yield* primary.session("next", insert(2))
      yield* primary.transaction("after", insert(3))
      assert.deepStrictEqual(yield* kept(database), [2, 3])
    })
  )

  it.scoped("IM-125 a COMMIT and its ROLLBACK that are both refused commit nothing but the next try", () =>
    Effect.gen(function* () {
      const { database, primary, proxy } = yield* fresh()
      proxy.rule({ path: "COMMIT" }, { error: 1180 })
      proxy.rule({ path: "ROLLBACK" }, { error: 1205 })
      yield* primary.transaction("twice", insert(1))
      const refused = ["SET", "BEGIN", "INSERT", "COMMIT", "ROLLBACK"]
      assert.deepStrictEqual(proxy.verbs().slice(1), [...refused, "SELECT", "SET", "BEGIN", "INSERT", "COMMIT"])
      assert.deepStrictEqual(yield* kept(database), [1])
    })
  )

  it.scoped("ends a transaction that somebody forgot on a connection before it begins one", () =>
    Effect.gen(function* () {
      const { database, primary } = yield* fresh()
      yield* primary.session("forgotten", (connection) =>
        Effect.zipRight(run("BEGIN")(connection), insert(1)(connection))
      )
      yield* primary.transaction("next", insert(2))
      assert.deepStrictEqual(yield* kept(database), [2])
    })
  )

  it.scoped.each(["session", "transaction"] as const)(
    "lets whoever is interrupted in a %s go at once, and cuts his connection",
    (kind) =>
      Effect.gen(function* () {
        const { database, primary, proxy } = yield* fresh()
        yield* primary.session("open", insert(1))
        proxy.rule({ path: "DELETE" }, { delayMs: 5_000 })
        const fiber = yield* Effect.fork(
          primary[kind]("slow", (connection) =>
            Effect.zipRight(insert(2)(connection), run("DELETE FROM t")(connection))
          )
        )
        yield* until(() => proxy.verbs().includes("DELETE"), "the statement")
        const [exit, millis] = yield* taking(Fiber.interrupt(fiber))
        assert.isTrue(Exit.isFailure(exit) && Cause.isInterruptedOnly(exit.cause))
        assert.isBelow(millis, 500)
        yield* untilCut(database)
        yield* primary.session("next", insert(3))
        assert.deepStrictEqual(yield* kept(database), kind === "session" ? [1, 2, 3] : [1, 3])
      })
  )

  it.scoped("lets whoever is interrupted in a single statement go at once, and cuts his connection", () =>
    Effect.gen(function* () {
      const { database, primary, proxy } = yield* fresh()
      const count = primary.query("count", "SELECT COUNT(*) AS n FROM t WHERE a > ?", ["0"])
      assert.deepStrictEqual(yield* count, [{ n: 0 }])
      proxy.rule({ path: "SELECT" }, { delayMs: 5_000 })
      const fiber = yield* Effect.fork(count)
      yield* until(() => proxy.statements().at(-1)?.status === null, "the statement")
      const [exit, millis] = yield* taking(Fiber.interrupt(fiber))
      assert.isTrue(Exit.isFailure(exit) && Cause.isInterruptedOnly(exit.cause))
      assert.isBelow(millis, 500)
      yield* untilCut(database)
      assert.deepStrictEqual(yield* count, [{ n: 0 }])
    })
  )

  it.scoped("lets whoever waits for a connection go at once, and whoever has it go on", () =>
    Effect.gen(function* () {
      const { database, primary } = yield* fresh()
      const [began, gate] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const busy = yield* Effect.fork(
        primary.transaction("busy", (connection) =>
          insert(1)(connection).pipe(
            Effect.zipRight(Deferred.succeed(began, undefined)),
            Effect.zipRight(Deferred.await(gate)),
            Effect.zipRight(insert(2)(connection))
          )
        )
      )
      yield* Deferred.await(began)
      const waiting = yield* Effect.fork(primary.session("waiting", insert(3)))
      yield* Effect.sleep(30)
      const [, millis] = yield* taking(Fiber.interrupt(waiting))
      assert.isBelow(millis, 500)
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(busy)
      // The connection is free again, though nobody was there to take it.
      yield* primary.session("next", insert(4))
      assert.deepStrictEqual(yield* kept(database), [1, 2, 4])
    })
  )

  it.scoped("has no open transaction left by whoever is interrupted while he rolls back", () =>
    Effect.gen(function* () {
      const { database, primary, proxy } = yield* fresh()
      proxy.rule({ path: "ROLLBACK" }, { delayMs: 800 })
      const fiber = yield* Effect.fork(
        primary.transaction("half", (connection) => Effect.zipRight(insert(1)(connection), Effect.fail("mine")))
      )
      yield* until(() => proxy.verbs().includes("ROLLBACK"), "the ROLLBACK")
      const [, millis] = yield* taking(Fiber.interrupt(fiber))
      assert.isBelow(millis, 500)
      yield* primary.session("next", insert(2))
      assert.deepStrictEqual(yield* kept(database), [2])
    })
  )

  it.scoped("serves everybody over one connection", () =>
    Effect.gen(function* () {
      const { database, primary, proxy } = yield* fresh()
      const numbers = Array.from({ length: 40 }, (_, index) => index)
      yield* Effect.forEach(
        numbers,
        (a) => (a % 2 === 0 ? primary.session("one", insert(a)) : primary.transaction("one", insert(a))),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(yield* kept(database), numbers)
      assert.strictEqual(proxy.logins(), 1)
    })
  )

  it.scoped("that was the writer before a failover is opened anew, and whoever uses the old pool goes on", () =>
    Effect.gen(function* () {
      const { database, primary, proxy } = yield* fresh({ maxConnections: 2 })
      const [began, gate] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const busy = yield* Effect.fork(
        primary.transaction("busy", (connection) =>
          insert(1)(connection).pipe(
            Effect.zipRight(Deferred.succeed(began, undefined)),
            Effect.zipRight(Deferred.await(gate)),
            Effect.zipRight(insert(2)(connection))
          )
        )
      )
      yield* Deferred.await(began)
      const old = yield* connections(database)
      proxy.rule({ path: "INSERT" }, { error: 1290 })
      yield* primary.transaction("meanwhile", insert(3))
      assert.lengthOf(yield* connections(database), 3)
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(busy)
      yield* until(async () => {
        const now = await Effect.runPromise(connections(database))
        return now.length === 1 && !old.includes(now[0] ?? 0)
      }, "the old pool to be closed")
      assert.deepStrictEqual(yield* kept(database), [1, 2, 3])
    })
  )

  it.scoped("takes no notice of connections that died while nobody used them", () =>
    Effect.gen(function* () {
      const { database, primary } = yield* fresh()
      for (const a of [1, 2, 3]) {
        yield* primary.session("one", insert(a))
        for (const id of yield* connections(database)) yield* database.rows(`KILL ${id}`)
      }
      assert.deepStrictEqual(yield* kept(database), [1, 2, 3])
    })
  )
})
