import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { CanonicalId } from "../../../src/schemas/IdMinter.ts"
import { sourceIdentifier } from "../../support/minter.ts"
import { freshStore, mariaDb, storeOf } from "../../support/minterDatabase.ts"
import { proxyTo } from "../../support/minterFaults.ts"
import { minterOf, node, work, workOf } from "../../support/minterOverDatabase.ts"
import { assertSound, idsThatAre, keyOf, mintAll, putFree, store, storedIn } from "../../support/minterRows.ts"

const printed = (value: string, type = "Work") => `${type}/sierra-system-number/${value}`

const idPattern = /^[a-z0-9]{8}$/

layer(mariaDb, { excludeTestServices: true })("works that inherit their ids, on MariaDB", (it) => {
  it.scoped("IM-106 a work has its predecessor's id, and so have several; it stays when no predecessor is given", () =>
    Effect.gen(function* () {
      const { database, identifiers } = yield* freshStore({ exhausted: "fail" })
      yield* store(database, [keyOf("p1"), "canon001"], [keyOf("p2"), "canon002"])
      const minter = minterOf(identifiers, work("b1", "p1"), work("b2", "p2", node("i1", "p1")), work("b3", "p1"))
      const asked = ["b1", "b2", "b3"].map(workOf)
      assert.deepStrictEqual(yield* minter.process(...asked), ["canon001", "canon002", "canon001"])
      const stored = {
        [printed("p1")]: "canon001",
        [printed("p2")]: "canon002",
        [printed("b1")]: "canon001",
        [printed("b2")]: "canon002",
        [printed("b3")]: "canon001",
        [printed("i1")]: "canon001"
      }
      assert.deepStrictEqual(yield* storedIn(database), stored)
      const again = minterOf(identifiers, work("b1"), work("b2"), work("b3"))
      assert.deepStrictEqual(yield* again.process(...asked), ["canon001", "canon002", "canon001"])
      assert.deepStrictEqual(yield* storedIn(database), stored)
      yield* assertSound(database, 6)
    })
  )

  it.scoped("IM-106 the original is the earliest of the keys that share an id", () =>
    Effect.gen(function* () {
      const { database, identifiers } = yield* freshStore()
      const minter = minterOf(identifiers, work("b1"), work("b2", "b1"), work("b3", "b2"))
      // All three at once, and the last one first.
      const [three, two, one] = yield* minter.process(...["b3", "b2", "b1"].map(workOf))
      assert.match(one ?? "", idPattern)
      assert.deepStrictEqual([two, three], [one, one])
      const rows = yield* database.rows("SELECT SourceId FROM identifiers ORDER BY CreatedAt")
      assert.deepStrictEqual(
        rows.map(({ SourceId: id }) => id),
        ["b1", "b2", "b3"]
      )
      assert.lengthOf(yield* idsThatAre("assigned", database), 1)
      yield* assertSound(database, 3)
    })
  )

  it.scoped("IM-107 a work whose predecessor nobody knows fails without a row, and its neighbours do not", () =>
    Effect.gen(function* () {
      const { database, identifiers } = yield* freshStore()
      const minter = minterOf(
        identifiers,
        work("b1", undefined, node("i1", undefined, "Item")),
        work("b2", "unknown", node("i2", undefined, "Item")),
        work("b3", "b1")
      )
      const outcomes = yield* minter.process(...["b1", "b2", "b3"].map(workOf))
      assert.strictEqual(outcomes[1], "PredecessorNotFound")
      assert.match(outcomes[0] ?? "", idPattern)
      assert.strictEqual(outcomes[2], outcomes[0])
      assert.sameMembers(Object.keys(yield* storedIn(database)), [printed("b1"), printed("i1", "Item"), printed("b3")])
      assert.strictEqual(minter.world.target.size, 1)
      yield* assertSound(database, 3)
    })
  )

  it.scoped("IM-109 a stored key keeps its id, whatever is said about its predecessor", () =>
    Effect.gen(function* () {
      const { database, identifiers } = yield* freshStore({ exhausted: "fail" })
      yield* store(database, [keyOf("b1"), "canon001"], [keyOf("p2"), "canon002"])
      for (const predecessor of [undefined, "p2", "unknown", "b1"]) {
        const minter = minterOf(identifiers, work("b1", predecessor))
        assert.deepStrictEqual(yield* minter.process(workOf("b1")), ["canon001"])
      }
      const both = minterOf(identifiers, work("b1", "p2"), work("x", undefined, node("b1")))
      assert.strictEqual((yield* both.process(workOf("b1")))[0], "canon001")
      assert.deepStrictEqual(yield* storedIn(database), { [printed("b1")]: "canon001", [printed("p2")]: "canon002" })
    })
  )

  it.scoped("IM-115 nothing of a work that fails is stored, unless another work has it too", () =>
    Effect.gen(function* () {
      const { database, identifiers } = yield* freshStore()
      const minter = minterOf(
        identifiers,
        work("b1", undefined, node("mine", undefined, "Item"), node("shared", undefined, "Item"), node("x", "unknown")),
        work("b2", undefined, node("shared", undefined, "Item"))
      )
      const outcomes = yield* minter.process(workOf("b1"), workOf("b2"))
      assert.strictEqual(outcomes[0], "PredecessorNotFound")
      assert.match(outcomes[1] ?? "", idPattern)
      assert.sameMembers(Object.keys(yield* storedIn(database)), [printed("b2"), printed("shared", "Item")])
      yield* assertSound(database, 2)
    })
  )

  it.scoped("IM-116 a strict pool that runs short takes what inherits back, too, and the predecessor stays", () =>
    Effect.gen(function* () {
      const { database, identifiers } = yield* freshStore({ exhausted: "fail" })
      yield* store(database, [keyOf("p1"), "canon001"])
      yield* putFree(database, "aaaaaaaa")
      const minter = minterOf(
        identifiers,
        work("b1", "p1", node("i1", undefined, "Item"), node("i2", undefined, "Item")),
        work("b2", "p1")
      )
      const outcomes = yield* minter.process(workOf("b1"), workOf("b2"))
      assert.deepStrictEqual(outcomes, ["IdPoolExhausted", "IdPoolExhausted"])
      assert.deepStrictEqual(yield* storedIn(database), { [printed("p1")]: "canon001" })
      assert.deepStrictEqual(yield* idsThatAre("free", database), ["aaaaaaaa"])
      yield* assertSound(database, 1)
    })
  )

  it.scoped("IM-112 a key that inherits and that somebody mints meanwhile has his id", () =>
    Effect.gen(function* () {
      const { database, identifiers } = yield* freshStore()
      yield* store(database, [keyOf("p1"), "canon001"])
      const winner = yield* mintAll(identifiers, [keyOf("b1")])
      const inherits = (yield* identifiers.lookup([keyOf("p1")])).ids.get(keyOf("p1").id) as CanonicalId
      const minted = yield* identifiers.mint([
        { key: keyOf("b1"), inherits },
        { key: keyOf("b2"), inherits }
      ])
      assert.deepStrictEqual(minted.ids, new Map([...winner.ids, [keyOf("b2").id, inherits]]))
      assert.strictEqual(minted.racesLost, 1)
      yield* assertSound(database, 3)
    })
  )

  it.scoped.each([
    ["a number", 12_345],
    ["true", true],
    ["null", null],
    ["an object", { sql: "1" }],
    ["a list", ["b1"]]
  ] as const)("IM-137 a value that is %s fails its work, and no statement is made with it", ([, value]) =>
    Effect.gen(function* () {
      const { database } = yield* freshStore()
      const proxy = yield* proxyTo(database)
      const { identifiers } = yield* storeOf(database, { port: proxy.port })
      const bad = (member: string) => ({ ...sourceIdentifier("Work", "sierra", "b1"), [member]: value })
      const works = [
        work("b1", undefined, { sourceIdentifier: bad("value") }),
        work("b2", undefined, { sourceIdentifier: bad("ontologyType") }),
        work("b3", undefined, { sourceIdentifier: { ...bad("other"), identifierType: { id: value } } }),
        work("b4", undefined, { ...node("i4"), predecessorIdentifier: bad("value") })
      ]
      const outcomes = yield* minterOf(identifiers, ...works).process(...works.map(([id]) => id))
      assert.deepStrictEqual(outcomes, ["InvalidWork", "InvalidWork", "InvalidWork", "InvalidWork"])
      assert.lengthOf(proxy.sandbox.requests(), 0)
    })
  )
})
