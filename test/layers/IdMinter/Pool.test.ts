import { assert, layer } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as IdPoolLayer from "../../../src/layers/IdMinter/IdPool.ts"
import * as statements from "../../../src/layers/IdMinter/statements.ts"
import { Identifiers } from "../../../src/services/Identifiers.ts"
import * as CanonicalId from "../../../src/services/IdMinter/CanonicalId.ts"
import { IdPool } from "../../../src/services/IdPool.ts"
import { connectionTo, freshStore, mariaDb, storeOf } from "../../support/minterDatabase.ts"
import { proxyTo, taking, until } from "../../support/minterFaults.ts"
import { assertSound, idsThatAre, keyOf, keysOf, mintAll, putFree, store, storedIn } from "../../support/minterRows.ts"

/** A `Random` that draws these numbers, and the last of them for ever. */
const drawing = (...numbers: ReadonlyArray<number>): Random.Random => {
  let drawn = 0
  return {
    ...Random.make(0),
    [Random.RandomTypeId]: Random.RandomTypeId,
    next: Effect.succeed(0),
    nextIntBetween: () =>
      Effect.sync(() => {
        drawn += 1
        return numbers[Math.min(drawn, numbers.length) - 1] ?? 0
      })
  }
}

/** The id that is drawn with a number. */
const idOf = (number: number): string => Effect.runSync(Effect.withRandom(CanonicalId.make, drawing(number)))

/** Numbers that nobody has drawn. */
const numbersFrom = (first: number, count: number): ReadonlyArray<number> =>
  Array.from({ length: count }, (_, index) => first + index)

layer(mariaDb, { excludeTestServices: true })("the pool of free ids, on MariaDB", (it) => {
  it.effect.each(["0", "-1", "-100", "1.5", "many", "", "10000001"])(
    "IM-92 a pool that is to have %s free ids is refused at the start",
    (desired) =>
      Effect.gen(function* () {
        const { identifiers } = yield* Effect.scoped(freshStore())
        const built = yield* Layer.build(IdPoolLayer.layer).pipe(
          Effect.provideService(Identifiers, identifiers),
          Effect.withConfigProvider(
            ConfigProvider.fromMap(new Map([["ID_GENERATOR_DESIRED_FREE_IDS_COUNT", desired]]))
          ),
          Effect.scoped,
          Effect.exit
        )
        assert.isTrue(Exit.isFailure(built))
        assert.include(String(built), "ID_GENERATOR_DESIRED_FREE_IDS_COUNT")
      })
  )

  it.scoped("IM-94 three are free and five are wanted: two are added", () =>
    Effect.gen(function* () {
      const { database, identifiers } = yield* freshStore()
      yield* putFree(database, "aaaaaaaa", "bbbbbbbb", "cccccccc")
      const settings = ConfigProvider.fromMap(new Map([["ID_GENERATOR_DESIRED_FREE_IDS_COUNT", "5"]]))
      const pool = yield* Layer.build(IdPoolLayer.layer).pipe(
        Effect.provideService(Identifiers, identifiers),
        Effect.withConfigProvider(settings)
      )
      const fill = Effect.flatMap(IdPool, ({ fill }) => fill).pipe(Effect.provide(pool))
      assert.deepStrictEqual(yield* fill, { added: 2, free: 5 })
      assert.deepStrictEqual(yield* fill, { added: 0, free: 5 })
      const free = yield* idsThatAre("free", database)
      assert.lengthOf(free, 5)
      assert.includeMembers([...free], ["aaaaaaaa", "bbbbbbbb", "cccccccc"])
      for (const id of free) assert.match(id, /^[a-hjkmnp-z][a-hjkmnp-z2-9]{7}$/)
    })
  )

  it.scoped("adds many by statements of a thousand at most", () =>
    Effect.gen(function* () {
      const { database } = yield* freshStore()
      const proxy = yield* proxyTo(database)
      const { identifiers } = yield* storeOf(database, { port: proxy.port })
      assert.deepStrictEqual(yield* identifiers.topUp(5_200), { added: 5_200, free: 5_200 })
      assert.lengthOf(
        proxy.verbs().filter((verb) => verb === "INSERT"),
        6
      )
      assert.lengthOf(yield* idsThatAre("free", database), 5_200)
    })
  )

  it.scoped("IM-95 ids that there are already are drawn anew, and assigned ones stay assigned", () =>
    Effect.gen(function* () {
      const { database, identifiers } = yield* freshStore()
      yield* putFree(database, idOf(1))
      yield* store(database, [keyOf("b1"), idOf(2)])
      const filled = yield* Effect.withRandom(identifiers.topUp(4), drawing(1, 2, 3, 4, 5))
      assert.deepStrictEqual(filled, { added: 3, free: 4 })
      assert.deepStrictEqual(yield* idsThatAre("free", database), [1, 3, 4, 5].map(idOf).toSorted())
      assert.deepStrictEqual(yield* idsThatAre("assigned", database), [idOf(2)])
      yield* assertSound(database, 1)
    })
  )

  it.scoped("IM-95 says how many there are when it cannot add enough, and keeps those", () =>
    Effect.gen(function* () {
      const { database, identifiers } = yield* freshStore()
      const failed = yield* Effect.flip(Effect.withRandom(identifiers.topUp(10), drawing(1, 2, 3)))
      assert.deepInclude({ ...failed }, { _tag: "IdPoolExhausted", needed: 10, got: 3 })
      assert.lengthOf(yield* idsThatAre("free", database), 3)
    })
  )

  it.scoped("a value that the server does not take where none is sent is an error of the statement", () =>
    Effect.gen(function* () {
      const { database } = yield* freshStore()
      const proxy = yield* proxyTo(database)
      const { identifiers, migrations } = yield* storeOf(database, { port: proxy.port })
      for (const call of [Effect.asVoid(identifiers.topUp(5)), identifiers.ping, Effect.asVoid(migrations.run)]) {
        yield* identifiers.ping
        proxy.rule({ path: "(INSERT|SELECT|CREATE)" }, { error: 1366 })
        const failed = yield* Effect.flip(call)
        assert.deepInclude({ ...failed }, { _tag: "DatabaseRejected", errno: 1366 })
      }
    })
  )

  it.scoped("IM-97 two top-ups at once leave enough, and no id twice", () =>
    Effect.gen(function* () {
      const { database, identifiers } = yield* freshStore()
      const other = yield* storeOf(database)
      const filled = yield* Effect.all(
        [identifiers, other.identifiers, identifiers].map(({ topUp }) => topUp(1_500)),
        { concurrency: "unbounded" }
      )
      for (const { free } of filled) assert.isAtLeast(free, 1_500)
      const free = yield* idsThatAre("free", database)
      assert.isAtLeast(free.length, 1_500)
      assert.strictEqual(new Set(free).size, free.length)
    })
  )

  it.scoped("IM-97 others may take ids meanwhile: that is no failure", () =>
    Effect.gen(function* () {
      const { database } = yield* freshStore()
      const proxy = yield* proxyTo(database)
      const { identifiers } = yield* storeOf(database, { port: proxy.port })
      yield* putFree(database, "aaaaaaaa", "bbbbbbbb", "cccccccc")
      proxy.rule({ path: "INSERT" }, { delayMs: 100 })
      const fiber = yield* Effect.fork(identifiers.topUp(5))
      yield* until(() => proxy.verbs().includes("INSERT"), "the INSERT")
      yield* database.rows("UPDATE canonical_ids SET Status = 'assigned'")
      assert.deepStrictEqual(yield* Fiber.join(fiber), { added: 2, free: 2 })
    })
  )

  it.scoped("IM-98 a pool that runs short is filled up at once, over the one connection there is", () =>
    Effect.gen(function* () {
      const { database, identifiers } = yield* freshStore({ maxConnections: 1 })
      yield* putFree(database, "aaaaaaaa")
      const keys = keysOf(3)
      const { ids } = yield* mintAll(identifiers, keys)
      assert.strictEqual(new Set(ids.values()).size, 3)
      // What was short, and some more for the next.
      assert.lengthOf(yield* idsThatAre("free", database), 100)
      yield* assertSound(database, 3)
    })
  )

  it.scoped("IM-98 IM-116 a strict pool that runs short fails, and nothing is committed", () =>
    Effect.gen(function* () {
      const { database, identifiers } = yield* freshStore({ exhausted: "fail" })
      const predecessor = keyOf("p1", "calm-ref-no")
      yield* store(database, [predecessor, "canon001"])
      yield* putFree(database, "aaaaaaaa")
      const inherits = (yield* identifiers.lookup([predecessor])).ids.get(predecessor.id)
      const mintings = [
        { key: keyOf("a1"), ...(inherits === undefined ? {} : { inherits }) },
        ...keysOf(3).map((key) => ({ key }))
      ]
      const failed = yield* Effect.flip(identifiers.mint(mintings))
      assert.deepInclude({ ...failed }, { _tag: "IdPoolExhausted", needed: 3, got: 1 })
      assert.strictEqual(failed.message, "Free ID pool exhausted - needed 3, got 1")
      assert.deepStrictEqual(yield* storedIn(database), { "Work/calm-ref-no/p1": "canon001" })
      assert.deepStrictEqual(yield* idsThatAre("free", database), ["aaaaaaaa"])
      yield* assertSound(database, 1)
      // What inherits needs none.
      assert.strictEqual((yield* identifiers.mint(mintings.slice(0, 1))).ids.get(keyOf("a1").id), inherits)
    })
  )

  it.scoped.each(["fail", "top-up"] as const)(
    "IM-98 ids that somebody else holds are not missing for ever (%s)",
    (exhausted) =>
      Effect.gen(function* () {
        const { database, identifiers } = yield* freshStore({ exhausted })
        yield* putFree(database, "aaaaaaaa", "bbbbbbbb")
        const other = yield* connectionTo(database)
        yield* Effect.promise(() => other.query("BEGIN"))
        yield* Effect.promise(() => other.query(statements.claim(2)))
        const fiber = yield* Effect.fork(mintAll(identifiers, keysOf(2)))
        yield* Effect.sleep(80)
        yield* Effect.promise(() => other.query("ROLLBACK"))
        const ids = [...(yield* Fiber.join(fiber)).ids.values()].toSorted()
        if (exhausted === "fail") assert.deepStrictEqual(ids, ["aaaaaaaa", "bbbbbbbb"])
        else assert.lengthOf(yield* idsThatAre("free", database), 102)
        yield* assertSound(database, 2)
      })
  )

  it.scoped("IM-98 gives up when nothing can be added", () =>
    Effect.gen(function* () {
      const { database, identifiers } = yield* freshStore()
      yield* store(database, [keyOf("a1"), idOf(7)])
      const failed = yield* Effect.flip(Effect.withRandom(mintAll(identifiers, keysOf(3)), drawing(7)))
      assert.deepInclude({ ...failed }, { _tag: "IdPoolExhausted", needed: 3, got: 0 })
      yield* assertSound(database, 1)
    })
  )

  it.scoped("IM-100 an id that is drawn although somebody has it is not given away again", () =>
    Effect.gen(function* () {
      const { database, identifiers } = yield* freshStore()
      yield* store(database, [keyOf("a1"), idOf(1)], [keyOf("a2"), idOf(2)])
      const [one, two] = keysOf(2)
      const drawn = drawing(1, 2, ...numbersFrom(1, 500))
      const { ids } = yield* Effect.withRandom(mintAll(identifiers, keysOf(2)), drawn)
      const given = [one, two].map((key) => ids.get(key?.id ?? ""))
      assert.strictEqual(new Set([...given, idOf(1), idOf(2)]).size, 4)
      assert.strictEqual((yield* storedIn(database))["Work/sierra-system-number/a1"], idOf(1))
      yield* assertSound(database, 4)
    })
  )

  it.scoped("IM-136 a top-up and a mint that is open do not wait for each other", () =>
    Effect.gen(function* () {
      const { database, identifiers, primary } = yield* freshStore({ maxConnections: 2 })
      // Of few keys the server reads all of a kind, and waits for those that are open.
      yield* putFree(database, ...numbersFrom(10_000, 1_000).map(idOf))
      yield* mintAll(identifiers, keysOf(1_000, "there"))
      yield* putFree(database, ...numbersFrom(1_000, 10).map(idOf))
      const keys = keysOf(5, "open")
      const [claimed, gate] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const open = yield* Effect.fork(
        primary.transaction("open", (connection) =>
          Effect.gen(function* () {
            const rows = yield* connection.executeValues(statements.claim(5), [])
            const ids = rows.map(([id]) => String(id))
            const values = keys.flatMap((key, at) => [key.ontologyType, key.sourceSystem, key.sourceId, ids[at] ?? ""])
            yield* connection.executeRaw(statements.insert(5), values)
            yield* connection.executeRaw(statements.assign(5), ids)
            yield* Deferred.succeed(claimed, undefined)
            yield* Deferred.await(gate)
            return ids.length
          })
        )
      )
      yield* Deferred.await(claimed)
      // Ids before, between and behind those that are claimed.
      const drawn = drawing(...numbersFrom(1, 20), ...numbersFrom(1_005, 10), ...numbersFrom(5_000, 20))
      const [filled, millis] = yield* taking(Effect.withRandom(identifiers.topUp(50), drawn))
      assert.isAtLeast(filled.free, 50)
      assert.isBelow(millis, 5_000)
      const [, minting] = yield* taking(mintAll(identifiers, keysOf(10)))
      assert.isBelow(minting, 5_000)
      yield* Deferred.succeed(gate, undefined)
      assert.strictEqual(yield* Fiber.join(open), 5)
      yield* assertSound(database, 1_015)

      // It does where the server keeps what was read from changing, which is its default.
      const other = yield* connectionTo(database)
      const execute = (sql: string) => Effect.promise(() => other.query(sql))
      yield* execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
      yield* execute("BEGIN")
      yield* execute(statements.claim(5))
      const third = yield* connectionTo(database)
      yield* Effect.promise(() => third.query("SET SESSION innodb_lock_wait_timeout = 1"))
      const waited = yield* Effect.promise(() =>
        third.query(statements.addFree(1), [idOf(0)]).then(
          () => 0,
          (error: { readonly errno?: number }) => error.errno
        )
      )
      assert.strictEqual(waited, 1205)
    })
  )
})
