import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { DatabaseDataError } from "../../../src/schemas/DatabaseError.ts"
import { CollidingSourceIdentifier } from "../../../src/schemas/IdMinterError.ts"
import type { Minted } from "../../../src/services/Identifiers.ts"
import type * as SourceKey from "../../../src/services/IdMinter/SourceKey.ts"
import { written } from "../../support/logs.ts"
import { freshDatabase, mariaDb, storeOf } from "../../support/minterDatabase.ts"
import { assertSound, keyOf, mintAll, putFree, storedIn } from "../../support/minterRows.ts"

/** The tables as the minter's original made them. */
const original = [
  `CREATE TABLE canonical_ids (CanonicalId VARCHAR(8) NOT NULL, Status ENUM('free', 'assigned') NOT NULL DEFAULT 'free',
    CreatedAt TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, PRIMARY KEY (CanonicalId), INDEX idx_free (Status, CanonicalId))
    ENGINE=InnoDB DEFAULT CHARACTER SET latin1`,
  `CREATE TABLE identifiers (OntologyType VARCHAR(255) NOT NULL, SourceSystem VARCHAR(255) NOT NULL,
    SourceId VARCHAR(255) NOT NULL, CanonicalId VARCHAR(8) NOT NULL, CreatedAt TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (OntologyType, SourceSystem, SourceId), INDEX idx_canonical (CanonicalId),
    FOREIGN KEY (CanonicalId) REFERENCES canonical_ids (CanonicalId)) ENGINE=InnoDB DEFAULT CHARACTER SET latin1`
]

const freshOriginal = Effect.gen(function* () {
  const database = yield* freshDatabase
  for (const definition of original) yield* database.rows(definition)
  return { database, ...(yield* storeOf(database)) }
})

/** What became of each key: its id, what it collides with, or the number of the error. */
const outcomes = ({ failures, ids }: Minted, keys: ReadonlyArray<SourceKey.SourceKey>): ReadonlyArray<unknown> =>
  keys.map(({ id }) => {
    const failure = failures.get(id)
    if (failure instanceof CollidingSourceIdentifier) return { collidesWith: failure.stored }
    return failure instanceof DatabaseDataError ? failure.errno : (ids.get(id) ?? "missing")
  })

layer(mariaDb, { excludeTestServices: true })("tables whose collation takes different keys for equal", (it) => {
  it.scoped("IM-118 a key that collides with a stored one is told so, and its neighbours are minted", () =>
    Effect.gen(function* () {
      const { database, identifiers } = yield* freshOriginal
      const stored = yield* mintAll(identifiers, [keyOf("b1"), keyOf("cafe"), keyOf("b3")])
      const keys = ["b0", "B1", "b1", "b2", "café", "cafe", "B3"].map((text) => keyOf(text))
      // A row of another key is not an answer.
      const found = yield* identifiers.lookup(keys)
      assert.sameMembers([...found.ids.keys()], [keyOf("b1").id, keyOf("cafe").id])
      assert.strictEqual(found.failures.size, 0)
      yield* putFree(database, "aaaaaaaa", "aaaaaaab", "aaaaaaac", "aaaaaaad", "aaaaaaae", "aaaaaaaf", "aaaaaaag")
      const minted = yield* mintAll(identifiers, keys)
      const before = (text: string) => stored.ids.get(keyOf(text).id)
      const [b0, B1, b1, b2, accented, plain, B3] = outcomes(minted, keys)
      assert.deepStrictEqual(
        [B1, accented, B3],
        ["b1", "cafe", "b3"].map((text) => ({ collidesWith: `Work/sierra-system-number/${text}` }))
      )
      assert.deepStrictEqual([b1, plain], [before("b1"), before("cafe")])
      assert.sameMembers(
        Object.keys(yield* storedIn(database)),
        ["b0", "b1", "b2", "b3", "cafe"].map((text) => `Work/sierra-system-number/${text}`)
      )
      assert.match(String(b0), /^[a-z0-9]{8}$/)
      assert.match(String(b2), /^[a-z0-9]{8}$/)
      assert.strictEqual(minted.racesLost, 2)
      yield* assertSound(database, 5)
    })
  )

  it.scoped("IM-118 of two new keys that collide with each other one is minted, and the other is told", () =>
    Effect.gen(function* () {
      const { database, identifiers } = yield* freshOriginal
      const keys = [
        ...["b1", "B1", "ünder", "ynder"].map((text) => keyOf(text)),
        // Keys of two kinds are read back in another way.
        ...["b1", "B1"].map((text) => keyOf(text, "miro-image-number"))
      ]
      const minted = yield* mintAll(identifiers, keys)
      const told = outcomes(minted, keys)
      const stored = ["Work/sierra-system-number/B1", "Work/sierra-system-number/ynder", "Work/miro-image-number/B1"]
      assert.sameMembers(Object.keys(yield* storedIn(database)), stored)
      assert.deepStrictEqual(
        [told[0], told[2], told[4]],
        stored.map((text) => ({ collidesWith: text }))
      )
      assert.notInclude(told, "missing")
      assert.strictEqual(minted.racesLost, 0)
      yield* assertSound(database, 3)
    })
  )

  it.scoped("IM-118 one that inherits collides as well, and takes the id of nobody", () =>
    Effect.gen(function* () {
      const { database, identifiers } = yield* freshOriginal
      const predecessor = keyOf("p1", "calm-ref-no")
      const inherited = [...(yield* mintAll(identifiers, [predecessor])).ids.values()]
      const keys = [keyOf("b1"), keyOf("B1")]
      const minted = yield* identifiers.mint(
        keys.map((key) => ({ key, ...(inherited[0] === undefined ? {} : { inherits: inherited[0] }) }))
      )
      assert.deepStrictEqual(outcomes(minted, keys), [
        { collidesWith: "Work/sierra-system-number/B1" },
        inherited[0] ?? ""
      ])
      assert.deepStrictEqual(yield* storedIn(database), {
        "Work/calm-ref-no/p1": inherited[0] ?? "",
        "Work/sierra-system-number/B1": inherited[0] ?? ""
      })
    })
  )

  it.scoped("IM-118 types and systems are compared as exactly as values", () =>
    Effect.gen(function* () {
      const { identifiers } = yield* freshOriginal
      yield* mintAll(identifiers, [keyOf("b1")])
      const keys = [keyOf("b1", "Sierra-System-Number"), keyOf("b1", "sierra-system-number", "work")]
      assert.strictEqual((yield* identifiers.lookup(keys)).ids.size, 0)
      const expected = { collidesWith: "Work/sierra-system-number/b1" }
      assert.deepStrictEqual(outcomes(yield* mintAll(identifiers, keys), keys), [expected, expected])
    })
  )

  it.scoped("IM-119 a value that the columns cannot hold fails alone, in a lookup as well", () =>
    Effect.gen(function* () {
      const { database, identifiers } = yield* freshOriginal
      const before = [keyOf("b1"), keyOf("b2"), keyOf("b9", "lodz")]
      yield* mintAll(identifiers, before)
      const keys = [...before, keyOf("łódź"), keyOf("b4"), keyOf("b1", "łódź"), keyOf("日本"), keyOf("b5", "lodz")]
      const found = yield* identifiers.lookup(keys)
      assert.strictEqual(found.ids.size, 3)
      const unfit = [keyOf("łódź"), keyOf("b1", "łódź"), keyOf("日本")]
      assert.sameMembers(
        [...found.failures.keys()],
        unfit.map(({ id }) => id)
      )
      for (const failure of found.failures.values()) {
        assert.instanceOf(failure, DatabaseDataError)
        assert.include([1267, 1270, 1271], failure.errno)
      }
      const minted = yield* mintAll(identifiers, keys)
      const told = outcomes(minted, keys)
      assert.deepStrictEqual([told[3], told[5], told[6]], [1366, 1366, 1366])
      for (const index of [0, 1, 2, 4, 7]) assert.match(String(told[index]), /^[a-z0-9]{8}$/)
      yield* assertSound(database, 5)
    })
  )

  it.scoped("a value that is too long, and an id that there is not, fail alone", () =>
    Effect.gen(function* () {
      const { database, identifiers } = yield* freshOriginal
      const [stranger] = (yield* mintAll(yield* Effect.map(freshOriginal, (other) => other.identifiers), [
        keyOf("b")
      ])).ids.values()
      const keys = [keyOf("b1"), keyOf("x".repeat(256)), keyOf("b2"), keyOf("b3")]
      const minted = yield* identifiers.mint(
        keys.map((key) => ({ key, ...(key.sourceId === "b3" && stranger !== undefined ? { inherits: stranger } : {}) }))
      )
      const told = outcomes(minted, keys)
      assert.deepStrictEqual([told[1], told[3]], [1406, 1452])
      assert.sameMembers(Object.keys(yield* storedIn(database)), [
        "Work/sierra-system-number/b1",
        "Work/sierra-system-number/b2"
      ])
      yield* assertSound(database, 2)
    })
  )

  it.scoped("IM-128 are taken as they are, with a warning for each column", () =>
    Effect.gen(function* () {
      const { migrations } = yield* freshOriginal
      const { exit, lines } = yield* written(migrations.run)
      assert.isTrue(Exit.isSuccess(exit), String(exit))
      const warnings = lines.filter(({ level }) => level === "WARN").map(({ message }) => String(message))
      assert.lengthOf(warnings, 6)
      assert.include(warnings[0], "canonical_ids.CanonicalId is latin1_swedish_ci, not utf8mb4_bin")
    })
  )
})
