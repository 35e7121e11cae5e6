import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { written } from "../../support/logs.ts"
import { freshStore, mariaDb, storeOf } from "../../support/minterDatabase.ts"
import { blackHole, proxyTo, refusedPort, taking } from "../../support/minterFaults.ts"
import { assertSound, idsOf, keysOf, listed, mintAll, store, storedIn } from "../../support/minterRows.ts"

/** A database and a copy of it that lags behind: it has nothing yet. Proxies in front of both. */
const lagging = Effect.gen(function* () {
  const { database, identifiers: direct } = yield* freshStore()
  const { database: copy } = yield* freshStore()
  const [primary, replica] = [yield* proxyTo(database), yield* proxyTo(copy)]
  const { identifiers } = yield* storeOf(database, {
    maxConnections: 1,
    port: primary.port,
    replica: { port: replica.port, database: copy.address.database }
  })
  return { database, copy, direct, identifiers, primary, replica }
})

const warningsOf = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.map(written(effect), ({ exit, lines }) => {
    assert.isTrue(Exit.isSuccess(exit), String(exit))
    return {
      value: Exit.isSuccess(exit) ? exit.value : undefined,
      warnings: lines.filter(({ level }) => level === "WARN").map(({ message }) => String(message))
    }
  })

layer(mariaDb, { excludeTestServices: true })("a replica of the minter's database", (it) => {
  it.scoped("is asked first, and for what it has it is the only one that is asked", () =>
    Effect.gen(function* () {
      const { copy, database, identifiers, primary, replica } = yield* lagging
      const keys = keysOf(3)
      const ids = ["canon001", "canon002", "canon003"]
      const pairs = keys.map((key, index) => [key, ids[index] ?? ""] as const)
      yield* store(database, ...pairs)
      yield* store(copy, ...pairs)
      assert.deepStrictEqual(listed(yield* identifiers.lookup(keys), keys), ids)
      assert.lengthOf(primary.sandbox.requests(), 0)
      assert.strictEqual(replica.verbs().at(-1), "SELECT")
    })
  )

  it.scoped("that lags behind is no reason to mint a key again", () =>
    Effect.gen(function* () {
      const { copy, database, direct, identifiers, primary, replica } = yield* lagging
      const keys = keysOf(4)
      const known = yield* mintAll(direct, keys)
      const [first] = known.ids.values()
      yield* store(copy, ...keys.slice(0, 1).map((key) => [key, first ?? ""] as const))
      const ids = yield* idsOf(identifiers, keys)
      assert.deepStrictEqual(ids, known.ids)
      assert.notInclude(primary.verbs(), "BEGIN")
      // What the replica knew is not asked for again.
      const lookup = primary.statements().find(({ body }) => body.includes("SourceId IN"))
      assert.strictEqual((lookup?.body.split("?").length ?? 0) - 1, 2 + 4)
      yield* idsOf(identifiers, [...keys, ...keysOf(3, "new-")])
      yield* assertSound(database, 7)
      // Nobody writes to it.
      assert.deepStrictEqual(new Set(replica.verbs()), new Set(["SELECT"]))
      assert.lengthOf(Object.keys(yield* storedIn(copy)), 1)
    })
  )

  it.scoped("that is out is passed over with a warning, and left alone after a while", () =>
    Effect.gen(function* () {
      const { database, identifiers: direct } = yield* freshStore()
      const { identifiers } = yield* storeOf(database, { maxConnections: 1, replica: { port: yield* refusedPort } })
      const keys = keysOf(3)
      const { ids } = yield* mintAll(direct, keys)
      for (let call = 1; call <= 7; call += 1) {
        const { value, warnings } = yield* warningsOf(identifiers.lookup(keys))
        assert.deepStrictEqual(value?.ids, ids)
        assert.lengthOf(warnings, 1)
        assert.include(warnings[0], "the database's replica was not used")
        assert.include(warnings[0], call <= 5 ? "ECONNREFUSED" : "is left alone", String(call))
      }
    })
  )

  it.scoped("that says nothing is waited for once, and not five times", () =>
    Effect.gen(function* () {
      const { database, identifiers: direct } = yield* freshStore()
      const silent = yield* blackHole
      const { identifiers } = yield* storeOf(database, {
        limits: { connectMillis: 150, silenceMillis: 5_000 },
        replica: { port: silent.port }
      })
      const keys = keysOf(3)
      const { ids } = yield* mintAll(direct, keys)
      const [{ value, warnings }, millis] = yield* taking(warningsOf(identifiers.lookup(keys)))
      assert.deepStrictEqual(value?.ids, ids)
      assert.lengthOf(warnings, 1)
      assert.isBelow(millis, 1_200)
      assert.strictEqual(silent.accepted(), 1)
    })
  )

  it.scoped("that fails in a lookup is passed over, too", () =>
    Effect.gen(function* () {
      const { direct, identifiers, primary, replica } = yield* lagging
      const keys = keysOf(3)
      const { ids } = yield* mintAll(direct, keys)
      for (const fault of [{ reset: true }, { error: 1146 }, { error: 1213 }, { error: 1045 }]) {
        replica.rule({ path: "SELECT", method: "COM_STMT_EXECUTE" }, fault, 2)
        const { value } = yield* warningsOf(identifiers.lookup(keys))
        assert.deepStrictEqual(value?.ids, ids)
        replica.sandbox.clear()
      }
      assert.include(primary.verbs(), "SELECT")
    })
  )
})
