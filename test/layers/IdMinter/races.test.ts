import { assert, layer } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as statements from "../../../src/layers/IdMinter/statements.ts"
import type { IdentifiersShape } from "../../../src/services/Identifiers.ts"
import type * as SourceKey from "../../../src/services/IdMinter/SourceKey.ts"
import { connectionTo, freshStore, mariaDb, storeOf, type TestDatabase } from "../../support/minterDatabase.ts"
import { proxyTo, until } from "../../support/minterFaults.ts"
import { minterOf, node, work, workOf } from "../../support/minterOverDatabase.ts"
import {
  assertSound,
  idsOf,
  idsThatAre,
  keyOf,
  keysOf,
  listed,
  mintAll,
  putFree,
  storedIn
} from "../../support/minterRows.ts"

/** Several stores over one database, each with a pool of its own, as several environments have them. */
const storesOver = (database: TestDatabase, count: number) =>
  Effect.replicateEffect(
    Effect.map(storeOf(database, { maxConnections: 1 }), ({ identifiers }) => identifiers),
    count
  )

/** Everybody mints the same keys at once, each in an order of his own; gives what they heard of each key. */
const raceFor = (stores: ReadonlyArray<IdentifiersShape>, keys: ReadonlyArray<SourceKey.SourceKey>) =>
  Effect.forEach(
    stores,
    (identifiers) =>
      Effect.gen(function* () {
        const order = Chunk.toReadonlyArray(yield* Random.shuffle(keys))
        const ids = yield* idsOf(identifiers, order)
        return keys.map(({ id }) => ids.get(id) ?? "")
      }),
    { concurrency: "unbounded" }
  )

layer(mariaDb, { excludeTestServices: true })("minters that race, on MariaDB", (it) => {
  it.scoped("IM-112 a key that somebody mints after it was looked up has his id, and ours stays free", () =>
    Effect.gen(function* () {
      const { database, identifiers } = yield* freshStore()
      const { identifiers: other } = yield* storeOf(database)
      const key = keyOf("b1")
      assert.strictEqual((yield* identifiers.lookup([key])).ids.size, 0)
      yield* putFree(database, "aaaaaaaa", "bbbbbbbb")
      const theirs = yield* mintAll(other, [key])
      const ours = yield* mintAll(identifiers, [key])
      assert.deepStrictEqual(ours.ids, theirs.ids)
      assert.deepStrictEqual([theirs.racesLost, ours.racesLost], [0, 1])
      assert.deepStrictEqual(yield* idsThatAre("assigned", database), [...theirs.ids.values()])
      assert.lengthOf(yield* idsThatAre("free", database), 1)
      yield* assertSound(database, 1)
    })
  )

  it.scoped("IM-112 a key that somebody is about to commit is waited for", () =>
    Effect.gen(function* () {
      const { database } = yield* freshStore()
      const proxy = yield* proxyTo(database)
      const { identifiers } = yield* storeOf(database, { port: proxy.port })
      yield* putFree(database, "aaaaaaaa", "bbbbbbbb", "cccccccc")
      const winner = yield* connectionTo(database)
      const execute = (sql: string, values: ReadonlyArray<string> = []) =>
        Effect.promise(() => winner.execute(sql, [...values]))
      for (const end of ["COMMIT", "ROLLBACK"]) {
        const key = keyOf(end)
        yield* Effect.promise(() => winner.query("BEGIN"))
        yield* Effect.promise(() => winner.query(statements.claim(1)))
        const id = end === "COMMIT" ? "aaaaaaaa" : "bbbbbbbb"
        yield* execute(statements.insert(1), [key.ontologyType, key.sourceSystem, key.sourceId, id])
        yield* execute(statements.assign(1), [id])
        proxy.sandbox.clear()
        // Nothing of it can be seen by now.
        assert.strictEqual((yield* identifiers.lookup([key])).ids.size, 0)
        const fiber = yield* Effect.fork(mintAll(identifiers, [key]))
        yield* until(() => proxy.verbs().includes("INSERT"), "the INSERT")
        yield* Effect.sleep(30)
        assert.notInclude(proxy.verbs(), "COMMIT")
        yield* Effect.promise(() => winner.query(end))
        const minted = yield* Fiber.join(fiber)
        assert.deepStrictEqual(listed(minted, [key]), [end === "COMMIT" ? "aaaaaaaa" : "cccccccc"])
        assert.strictEqual(minted.racesLost, end === "COMMIT" ? 1 : 0)
      }
      assert.deepStrictEqual(yield* idsThatAre("free", database), ["bbbbbbbb"])
      yield* assertSound(database, 2)
    })
  )

  it.scoped.each([
    ["of one kind", "sierra-system-number"],
    ["of two kinds", "miro-image-number"]
  ] as const)("IM-113 one of three keys %s is lost: two are ours, one is theirs, our third id is free", ([, system]) =>
    Effect.gen(function* () {
      const { database, identifiers } = yield* freshStore({ exhausted: "fail" })
      yield* putFree(database, "aaaaaaaa")
      const lost = keyOf("b2", system)
      const theirs = yield* mintAll(identifiers, [lost])
      yield* putFree(database, "bbbbbbbb", "cccccccc", "dddddddd")
      const keys = [keyOf("b1"), lost, keyOf("b3")]
      const ours = yield* mintAll(identifiers, keys)
      assert.strictEqual(ours.racesLost, 1)
      assert.strictEqual(ours.ids.get(lost.id), theirs.ids.get(lost.id))
      const assigned = yield* idsThatAre("assigned", database)
      const free = yield* idsThatAre("free", database)
      assert.sameMembers([...assigned], [...listed(ours, keys)])
      assert.lengthOf(free, 1)
      assert.sameMembers([...assigned, ...free], ["aaaaaaaa", "bbbbbbbb", "cccccccc", "dddddddd"])
      yield* assertSound(database, 3)
    })
  )

  it.scoped(
    "IM-126 eight stores, forty rounds, the same thirty keys in any order: one id for each, for everybody",
    () =>
      Effect.gen(function* () {
        const { database } = yield* freshStore()
        const stores = yield* storesOver(database, 8)
        const deadlocks = Effect.map(database.rows("SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'"), ([row]) =>
          Number(row?.["Value"] ?? 0)
        )
        const before = yield* deadlocks
        const rounds = 40
        for (let round = 0; round < rounds; round += 1) {
          const keys = Array.from({ length: 30 }, (_, index) =>
            keyOf(`${round}-${index}`, index % 3 === 0 ? "miro-image-number" : "sierra-system-number")
          )
          const [first = [], ...others] = yield* raceFor(stores, keys)
          assert.strictEqual(new Set(first).size, 30)
          assert.notInclude(first, "")
          for (const other of others) assert.deepStrictEqual(other, first)
          if (round % 8 === 0) yield* assertSound(database, (round + 1) * 30)
        }
        // In no order at all there would be some two hundred.
        assert.isAtMost((yield* deadlocks) - before, 5)
        const stored = Object.values(yield* storedIn(database))
        assert.strictEqual(new Set(stored).size, rounds * 30)
        assert.lengthOf(yield* idsThatAre("assigned", database), rounds * 30)
        yield* assertSound(database, rounds * 30)
      })
  )

  it.scoped("IM-127 eight stores, forty rounds, that mint keys of their own use no id twice", () =>
    Effect.gen(function* () {
      const { database } = yield* freshStore()
      const stores = yield* storesOver(database, 8)
      const mine = (store: number, round: number) => keysOf(30, `${store}-${round}-`)
      const given = yield* Effect.forEach(
        stores.entries(),
        ([store, identifiers]) =>
          Effect.forEach(Array.from({ length: 40 }).keys(), (round) =>
            Effect.map(idsOf(identifiers, mine(store, round)), (ids) => [...ids.values()])
          ),
        { concurrency: "unbounded" }
      )
      const ids = given.flat(2)
      assert.lengthOf(ids, 9_600)
      assert.strictEqual(new Set(ids).size, 9_600)
      yield* assertSound(database, 9_600)
    })
  )

  it.scoped("IM-98 eight stores that find the pool empty all get what they need", () =>
    Effect.gen(function* () {
      const { database } = yield* freshStore()
      const stores = yield* storesOver(database, 8)
      for (const round of [1, 2]) {
        const given = yield* Effect.forEach(
          stores.entries(),
          ([store, identifiers]) => mintAll(identifiers, keysOf(1_000, `${store}-${round}-`)),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(new Set(given.flatMap(({ ids }) => [...ids.values()])).size, 8_000)
      }
      yield* assertSound(database, 16_000)
    })
  )

  it.scoped("IM-139 two minters asked for the same works at once give the same ids, and both succeed", () =>
    Effect.gen(function* () {
      const { database } = yield* freshStore()
      const [one, other] = [yield* storeOf(database), yield* storeOf(database)]
      for (let round = 0; round < 10; round += 1) {
        const works = Array.from({ length: 5 }, (_, index) => {
          const value = `${round}-${index}`
          // The last of them inherits, so that there are two steps.
          return work(value, index === 4 ? `${round}-0` : undefined, node(`${value}-item`, undefined, "Item"))
        })
        const asked = works.map(([id]) => id)
        const outcomes = yield* Effect.all(
          [
            minterOf(one.identifiers, ...works).process(...asked),
            minterOf(other.identifiers, ...works.toReversed()).process(...asked)
          ],
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(outcomes[0], outcomes[1])
        for (const id of outcomes[0]) assert.match(id, /^[a-z0-9]{8}$/)
        assert.strictEqual(outcomes[0][4], outcomes[0][0])
        assert.strictEqual(new Set(outcomes[0]).size, 4)
      }
      const again = minterOf(one.identifiers, work("0-1"))
      const known = (yield* storedIn(database))["Work/sierra-system-number/0-1"]
      assert.deepStrictEqual(yield* again.process(workOf("0-1")), [known ?? ""])
      yield* assertSound(database, 100)
    })
  )
})
