/** MariaDB is the truth: over the embedded database the same store, asked the same things, gives the same answers. */
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { startEmbedded } from "../../../local/src/mysql/Front.ts"
import type { Found, IdentifiersShape } from "../../../src/services/Identifiers.ts"
import { freshDatabase, mariaDb, storeOf, type TestDatabase } from "../../support/minterDatabase.ts"
import { minterOf, node, work, workOf } from "../../support/minterOverDatabase.ts"
import { keyOf, keysOf, mintAll } from "../../support/minterRows.ts"

/** The embedded database, into which a test does not look. */
const embedded = Effect.gen(function* () {
  const engine = yield* Effect.acquireRelease(
    Effect.promise(() => startEmbedded()),
    (running) => Effect.promise(() => running[Symbol.asyncDispose]())
  )
  const database: TestDatabase = {
    address: { host: engine.host, port: engine.port, database: engine.database, maxConnections: 2 },
    engine,
    rows: () => Effect.dieMessage("not here")
  }
  return database
})

const told = ({ failures, ids }: Found) => ({
  ids: [...ids].toSorted(),
  failures: [...failures].map(([key, failure]) => [key, { ...failure }]).toSorted()
})

/** Everything that a store and the minter over it do, one after the other, and what was answered. */
const flow = (database: TestDatabase) =>
  Effect.gen(function* () {
    const answers: Array<readonly [string, unknown]> = []
    const note = <A, E>(what: string, effect: Effect.Effect<A, E>) =>
      Effect.gen(function* () {
        const exit = yield* Effect.either(effect)
        answers.push([what, exit._tag === "Right" ? exit.right : { ...exit.left }])
      })
    const { identifiers, migrations } = yield* storeOf(database)
    const { identifiers: strict } = yield* storeOf(database, { exhausted: "fail", maxConnections: 1 })
    const minted = (store: IdentifiersShape, ...mintings: Parameters<IdentifiersShape["mint"]>[0]) =>
      Effect.map(store.mint(mintings), ({ racesLost, ...found }) => ({ ...told(found), racesLost }))

    yield* note("migrate", migrations.run)
    yield* note("migrate again", migrations.run)
    yield* note("ping", identifiers.ping)
    yield* note("lookup of nothing that is there", Effect.map(identifiers.lookup(keysOf(3)), told))
    yield* note("strict, and nothing is free", minted(strict, ...keysOf(3).map((key) => ({ key }))))
    yield* note("top up", identifiers.topUp(10))
    yield* note("top up again", identifiers.topUp(5))
    yield* note("mint", minted(strict, ...keysOf(3).map((key) => ({ key }))))
    yield* note("mint again", minted(strict, ...keysOf(4).map((key) => ({ key }))))
    yield* note("lookup", Effect.map(identifiers.lookup([...keysOf(5), keyOf("B1"), keyOf("b1", "miro")]), told))
    const [id] = (yield* identifiers.lookup([keyOf("b1")])).ids.values()
    const inherits = id === undefined ? {} : { inherits: id }
    yield* note("inherit", minted(strict, { key: keyOf("s1"), ...inherits }, { key: keyOf("s2") }))
    yield* note("inherit again", minted(strict, { key: keyOf("s1") }, { key: keyOf("s2"), ...inherits }))
    yield* note("values that cannot be", minted(identifiers, { key: keyOf("x".repeat(256)) }, { key: keyOf("fit") }))
    yield* note(
      "texts",
      minted(identifiers, ...["é", "e", "łódź", "it's \\", "𝄞"].map((text) => ({ key: keyOf(text) })))
    )
    yield* note("a pool that runs short", minted(identifiers, ...keysOf(30, "many-").map((key) => ({ key }))))
    yield* note("a strict pool that runs short", minted(strict, ...keysOf(300, "more-").map((key) => ({ key }))))
    yield* note(
      "many kinds",
      minted(identifiers, ...keysOf(40, "k").map(({ sourceId }, index) => ({ key: keyOf(sourceId, `s${index % 4}`) })))
    )
    yield* note("a thousand and some", minted(identifiers, ...keysOf(1_200, "all-").map((key) => ({ key }))))
    yield* note("a thousand and some, known", Effect.map(identifiers.lookup(keysOf(1_250, "all-")), told))

    const minter = minterOf(
      identifiers,
      work("w1", "b1", node("i1", undefined, "Item")),
      work("w2", "w3"),
      work("w3", undefined, node("i1", undefined, "Item")),
      work("w4", "unknown"),
      work("w5", "w6"),
      work("w6", "w5")
    )
    const asked = ["w1", "w2", "w3", "w4", "w5", "w6", "missing"].map(workOf)
    yield* note("works", minter.process(...asked))
    yield* note("works again", minter.process(...asked))
    yield* note("top up at the end", identifiers.topUp(2_500))
    return answers
  }).pipe(Effect.withRandom(Random.make("the same draws")))

/** Keys that everybody wants at once have one id each. */
const raced = (database: TestDatabase) =>
  Effect.gen(function* () {
    const stores = yield* Effect.replicateEffect(storeOf(database, { maxConnections: 1 }), 6)
    const keys = keysOf(20, "raced-")
    const all = yield* Effect.forEach(stores, ({ identifiers }) => mintAll(identifiers, keys), {
      concurrency: "unbounded"
    })
    for (const { ids } of all) assert.deepStrictEqual(ids, all[0]?.ids)
    return { size: all[0]?.ids.size, racesLost: all.reduce((sum, { racesLost }) => sum + racesLost, 0) }
  })

layer(mariaDb, { excludeTestServices: true })("the store over the embedded database", (it) => {
  it.scoped("answers as it does over MariaDB", () =>
    Effect.gen(function* () {
      const [truth, ours] = [yield* freshDatabase, yield* embedded]
      const [expected, actual] = yield* Effect.all([flow(truth), flow(ours)], { concurrency: "unbounded" })
      for (const [index, answer] of expected.entries()) assert.deepStrictEqual(actual[index], answer)
      assert.lengthOf(actual, expected.length)
      assert.deepStrictEqual(yield* raced(ours), yield* raced(truth))
    })
  )
})
