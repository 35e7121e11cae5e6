import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as SourceKey from "../../../src/services/IdMinter/SourceKey.ts"
import { connectionTo, freshStore, mariaDb, storeOf } from "../../support/minterDatabase.ts"
import { proxyTo } from "../../support/minterFaults.ts"
import {
  assertSound,
  idsOf,
  idsThatAre,
  keyOf,
  keysOf,
  listed,
  mintAll,
  putFree,
  store,
  storedIn
} from "../../support/minterRows.ts"

layer(mariaDb, { excludeTestServices: true })("the store of identifiers, on MariaDB", (it) => {
  it.scoped("IM-101 a lookup finds what is stored, and nothing else", () =>
    Effect.gen(function* () {
      const { database, identifiers } = yield* freshStore()
      const keys = keysOf(5)
      const ids = ["canon001", "canon002", "canon003", "canon004", "canon005"]
      yield* store(database, ...keys.map((key, index) => [key, ids[index] ?? ""] as const))
      const found = yield* identifiers.lookup(keys)
      assert.deepStrictEqual(listed(found, keys), ids)
      assert.strictEqual(found.ids.size, 5)
      const others = [
        keyOf("b6"),
        keyOf("b1", "miro-image-number"),
        keyOf("b1", "sierra-system-number", "Item"),
        // Neither by their letters' case nor by a part of them.
        keyOf("B1"),
        keyOf("b"),
        keyOf("%"),
        keyOf("b_")
      ]
      const some = yield* identifiers.lookup([...others, ...keys.slice(3)])
      assert.deepStrictEqual(
        some.ids,
        new Map([...found.ids].filter(([id]) => keys.slice(3).some((key) => key.id === id)))
      )
      assert.strictEqual((yield* identifiers.lookup(others)).ids.size, 0)
      assert.strictEqual(found.failures.size + some.failures.size, 0)
    })
  )

  it.scoped("IM-101 a lookup of nothing, and minting nothing, asks nothing", () =>
    Effect.gen(function* () {
      const { database } = yield* freshStore()
      const { port, sandbox } = yield* proxyTo(database)
      const { identifiers } = yield* freshStore({ port })
      assert.strictEqual((yield* identifiers.lookup([])).ids.size, 0)
      assert.strictEqual((yield* identifiers.mint([])).ids.size, 0)
      assert.lengthOf(sandbox.requests(), 0)
    })
  )

  it.scoped("IM-104 three new keys take the three free ids, which are assigned then", () =>
    Effect.gen(function* () {
      const { database, identifiers } = yield* freshStore({ exhausted: "fail" })
      yield* putFree(database, "aaaaaaaa", "bbbbbbbb", "cccccccc")
      const keys = [keyOf("b1"), keyOf("V0044178ER", "miro-image-number", "Image"), keyOf("n84804337", "lc-names")]
      const minted = yield* mintAll(identifiers, keys)
      assert.deepStrictEqual(listed(minted, keys).toSorted(), ["aaaaaaaa", "bbbbbbbb", "cccccccc"])
      assert.deepStrictEqual([minted.failures.size, minted.racesLost], [0, 0])
      const expected = Object.fromEntries(keys.map((key) => [SourceKey.describe(key), minted.ids.get(key.id) ?? ""]))
      assert.deepStrictEqual(yield* storedIn(database), expected)
      assert.deepStrictEqual(yield* idsThatAre("free", database), [])
      assert.deepStrictEqual(yield* idsThatAre("assigned", database), ["aaaaaaaa", "bbbbbbbb", "cccccccc"])
      yield* assertSound(database, 3)
    })
  )

  it.scoped("IM-103 IM-110 the same keys once more have the same ids, and take none from the pool", () =>
    Effect.gen(function* () {
      const { database, identifiers } = yield* freshStore()
      yield* putFree(database, "aaaaaaaa", "bbbbbbbb")
      const key = keyOf("b1")
      const first = yield* mintAll(identifiers, [key])
      // By a second call, and by one that has not looked it up before.
      assert.deepStrictEqual((yield* identifiers.lookup([key])).ids, first.ids)
      assert.deepStrictEqual(yield* idsOf(identifiers, [key]), first.ids)
      assert.deepStrictEqual((yield* mintAll(identifiers, [key])).ids, first.ids)
      assert.deepStrictEqual(yield* idsThatAre("free", database), ["bbbbbbbb"])
      yield* assertSound(database, 1)
    })
  )

  it.scoped("IM-118 IM-119 letters' case and accents tell keys apart, and every text comes back as it was", () =>
    Effect.gen(function* () {
      const { database, identifiers } = yield* freshStore()
      const texts = [
        "b1",
        "B1",
        "café",
        "cafe",
        "CAFÉ",
        "cafe\u0301",
        "łódź",
        "lodz",
        "ünder",
        "ynder",
        "ß",
        "ss",
        "𝄞",
        "🎼",
        "日本",
        "عربى",
        "İ",
        "ı",
        "i",
        "I",
        "a b",
        "a  b",
        "a\u00a0b",
        "\u200b",
        "é".repeat(255)
      ]
      const keys = [...texts.map((text) => keyOf(text)), keyOf("b1", "Sierra-system-number"), keyOf("b1", "s", "work")]
      const ids = listed(yield* mintAll(identifiers, keys), keys)
      assert.strictEqual(new Set(ids).size, keys.length)
      assert.notInclude(ids, "")
      assert.deepStrictEqual(listed(yield* identifiers.lookup(keys), keys), ids)
      // One by one, as well: no other's row comes in its place.
      for (const [index, key] of keys.entries()) {
        assert.deepStrictEqual(listed(yield* identifiers.lookup([key]), [key]), [ids[index] ?? ""])
      }
      const stored = yield* database.rows(
        "SELECT SourceId FROM identifiers WHERE OntologyType = 'Work' AND SourceSystem = 'sierra-system-number'"
      )
      assert.sameMembers(
        stored.map(({ SourceId: text }) => text),
        texts
      )
    })
  )

  const hostile = [
    "'",
    '"',
    "\\",
    "\\'",
    "''",
    "`",
    "'); DROP TABLE identifiers; --",
    "' OR '1'='1",
    "\\'); DROP TABLE canonical_ids; -- ",
    '"; DROP TABLE identifiers; #',
    "b1/*",
    "b1 -- comment",
    "?",
    "??",
    ":name",
    "%s",
    "\\0",
    "\\x00",
    "0x6231",
    "NULL",
    "1; SELECT SLEEP(10)",
    "\u{ff07}); DROP TABLE identifiers"
  ].map((text) => text.trim())

  it.scoped.each([
    ["as it is set", undefined],
    ["NO_BACKSLASH_ESCAPES", "NO_BACKSLASH_ESCAPES"],
    ["ANSI_QUOTES", "ANSI_QUOTES"],
    ["none at all", ""]
  ] as const)("values that look like SQL are values, where the server's mode is %s", ([, mode]) =>
    Effect.gen(function* () {
      const { database } = yield* freshStore()
      const admin = yield* connectionTo(database)
      const [before] = yield* database.rows("SELECT @@global.sql_mode AS mode")
      const set = (value: unknown) => Effect.promise(() => admin.query("SET GLOBAL sql_mode = ?", [value]))
      yield* Effect.acquireRelease(mode === undefined ? Effect.void : set(mode), () => set(before?.["mode"]))
      // Connections take the mode that is set when they are opened.
      const { database: own, identifiers } = yield* freshStore()
      const keys = hostile.flatMap((text) => [keyOf(text), keyOf("b1", text), keyOf("b1", "sierra", text)])
      const ids = listed(yield* mintAll(identifiers, keys), keys)
      assert.strictEqual(new Set(ids).size, keys.length)
      assert.deepStrictEqual(listed(yield* identifiers.lookup(keys), keys), ids)
      assert.sameMembers(Object.keys(yield* storedIn(own)), keys.map(SourceKey.describe))
      yield* assertSound(own, keys.length)
    })
  )

  it.scoped("IM-121 2,500 keys of a kind are looked up by three statements of a thousand at most", () =>
    Effect.gen(function* () {
      const { database, identifiers } = yield* freshStore()
      const keys = keysOf(2_500)
      yield* identifiers.topUp(2_500)
      const minted = yield* mintAll(identifiers, keys)
      const { port, statements } = yield* proxyTo(database)
      const { identifiers: proxied } = yield* storeOf(database, { port })
      const asked = [...keys, ...keysOf(5, "unknown", "another-system")].toReversed()
      const found = yield* proxied.lookup(asked)
      assert.deepStrictEqual(found.ids, minted.ids)
      const lookups = statements().filter(({ body }) => body.includes("SourceId IN"))
      assert.deepStrictEqual(
        lookups.map(({ body }) => body.split("?").length - 3),
        [8, 1_000, 1_000, 512]
      )
    })
  )

  it.scoped("IM-122 10,500 new keys in one request, no statement with more than 65,535 values", () =>
    Effect.gen(function* () {
      const { database } = yield* freshStore()
      const { port, statements } = yield* proxyTo(database)
      const { identifiers } = yield* storeOf(database, { port })
      const kinds = ["Work", "Item", "Image", "Concept", "Subject"]
      const keys = Array.from({ length: 10_500 }, (_, index) =>
        keyOf(`x${index}`, `system-${index % 3}`, kinds[index % kinds.length])
      )
      const ids = yield* idsOf(identifiers, keys)
      assert.strictEqual(ids.size, 10_500)
      assert.strictEqual(new Set(ids.values()).size, 10_500)
      assert.isAtMost(Math.max(...statements().map(({ body }) => body.split("?").length - 1)), 4_000)
      assert.deepStrictEqual((yield* identifiers.lookup(keys)).ids, ids)
      yield* assertSound(database, 10_500)
    })
  )
})
