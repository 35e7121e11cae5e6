import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as statements from "../../../src/layers/IdMinter/statements.ts"
import { freshStore, mariaDb, storeOf, type TestDatabase } from "../../support/minterDatabase.ts"
import { proxyTo } from "../../support/minterFaults.ts"
import { idsOf, keyOf, keysOf, mintAll, store } from "../../support/minterRows.ts"

/** A store behind a proxy that counts, with enough free ids and an open pool. */
const counted = (free = 2_500) =>
  Effect.gen(function* () {
    const { database, identifiers: direct } = yield* freshStore()
    if (free > 0) yield* direct.topUp(free)
    const proxy = yield* proxyTo(database)
    const { identifiers } = yield* storeOf(database, { port: proxy.port, maxConnections: 1 })
    yield* identifiers.ping
    const verbs = <A, E>(effect: Effect.Effect<A, E>) =>
      Effect.suspend(() => {
        proxy.sandbox.clear()
        return Effect.map(effect, () => proxy.verbs())
      })
    return { database, direct, identifiers, proxy, verbs }
  })

const minting = ["SET", "BEGIN", "SELECT", "INSERT", "SELECT", "UPDATE", "COMMIT"]

/** What the server itself says it was asked to carry out by others than the test. */
const logged = <A, E>({ address, rows }: TestDatabase, effect: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const others = yield* rows("SELECT ID FROM information_schema.PROCESSLIST WHERE DB = ? AND ID <> CONNECTION_ID()", [
      address.database
    ])
    yield* rows("SET GLOBAL log_output = 'TABLE'")
    yield* rows("TRUNCATE mysql.general_log")
    yield* rows("SET GLOBAL general_log = ON")
    yield* Effect.ensuring(effect, rows("SET GLOBAL general_log = OFF"))
    const found = yield* rows(
      `SELECT CONVERT(argument USING utf8mb4) AS text FROM mysql.general_log
        WHERE command_type IN ('Query', 'Execute') AND thread_id IN (${others.map(({ ID: id }) => String(id)).join()})`
    )
    return found.map(({ text }) => /^\w+/.exec(String(text))?.[0] ?? "")
  })

layer(mariaDb, { excludeTestServices: true })("the minter's statements, on MariaDB", (it) => {
  it.scoped("IM-134 as many for 1, 10, 100 and 1,000 new keys, and no more than seven", () =>
    Effect.gen(function* () {
      const { identifiers, verbs } = yield* counted()
      for (const count of [1, 10, 100, 1_000]) {
        const keys = keysOf(count, `${count}-`)
        assert.deepStrictEqual(yield* verbs(identifiers.lookup(keys)), ["SELECT"], String(count))
        assert.deepStrictEqual(yield* verbs(mintAll(identifiers, keys)), minting, String(count))
      }
    })
  )

  it.scoped("IM-134 as many where some keys inherit, and some are lost to somebody else", () =>
    Effect.gen(function* () {
      const { database, direct, identifiers, verbs } = yield* counted()
      yield* store(database, [keyOf("p1"), "canon001"])
      const inherits = (yield* direct.lookup([keyOf("p1")])).ids.get(keyOf("p1").id)
      for (const count of [1, 10, 100, 1_000]) {
        const keys = keysOf(count, `${count}-`)
        yield* mintAll(
          direct,
          keys.filter((_, index) => index % 3 === 1)
        )
        const mintings = keys.map((key, index) =>
          inherits === undefined || index % 3 !== 2 ? { key } : { key, inherits }
        )
        assert.deepStrictEqual(yield* verbs(identifiers.mint(mintings)), minting, String(count))
      }
    })
  )

  it.scoped("IM-134 the server counts as the proxy does, prepared statements among them", () =>
    Effect.gen(function* () {
      const { database, identifiers, verbs } = yield* counted()
      for (const count of [1, 10, 100]) {
        const keys = keysOf(count, `${count}-`)
        for (const expected of [["SELECT", ...minting], ["SELECT"]]) {
          let seen: ReadonlyArray<string> = []
          const counting = Effect.map(verbs(idsOf(identifiers, keys)), (found) => {
            seen = found
          })
          assert.deepStrictEqual(yield* logged(database, counting), expected)
          assert.deepStrictEqual(seen, expected)
        }
      }
    })
  )

  it.scoped("IM-103 one statement for each kind of known keys, and no transaction", () =>
    Effect.gen(function* () {
      const { direct, identifiers, verbs } = yield* counted()
      const kinds = [
        ["Work", "sierra-system-number"],
        ["Item", "sierra-system-number"],
        ["Image", "miro-image-number"],
        ["Concept", "label-derived"]
      ] as const
      const keys = Array.from({ length: 600 }, (_, index) => {
        const [type, system] = kinds[index % kinds.length] ?? kinds[0]
        return keyOf(`x${index}`, system, type)
      })
      yield* mintAll(direct, keys)
      assert.deepStrictEqual(yield* verbs(idsOf(identifiers, keys)), ["SELECT", "SELECT", "SELECT", "SELECT"])
    })
  )

  it.scoped("new keys of many kinds are read back by one statement", () =>
    Effect.gen(function* () {
      const { identifiers, proxy, verbs } = yield* counted()
      for (const systems of [1, 5]) {
        const keys = Array.from({ length: 100 }, (_, index) =>
          keyOf(`${systems}-${index}`, `system-${index % systems}`)
        )
        assert.deepStrictEqual(yield* verbs(mintAll(identifiers, keys)), minting)
        // And locked, since only what is locked stays as it was read.
        assert.match(proxy.statements()[4]?.body ?? "", /^SELECT .* FROM identifiers .* LOCK IN SHARE MODE$/)
      }
    })
  )

  it.scoped("a pool that runs short costs one statement more, and the claim once more", () =>
    Effect.gen(function* () {
      const { identifiers, verbs } = yield* counted(0)
      const short = ["SET", "BEGIN", "SELECT", "ROLLBACK", "INSERT"]
      assert.deepStrictEqual(yield* verbs(mintAll(identifiers, keysOf(20))), [...short, ...minting])
      assert.deepStrictEqual(yield* verbs(mintAll(identifiers, keysOf(20, "next-"))), minting)
    })
  )

  it.scoped("are prepared once, and take turns in a small number of places", () =>
    Effect.gen(function* () {
      const { database, identifiers, proxy } = yield* counted()
      const held = Effect.map(database.rows("SHOW GLOBAL STATUS LIKE 'Prepared_stmt_count'"), ([row]) =>
        Number(row?.["Value"])
      )
      const before = yield* held
      const prepared = () => proxy.sandbox.requests().filter(({ operation }) => operation === "prepare").length
      proxy.sandbox.clear()
      yield* idsOf(identifiers, keysOf(100, "a"))
      const first = prepared()
      assert.isAbove(first, 0)
      yield* idsOf(identifiers, keysOf(99, "b"))
      yield* idsOf(identifiers, keysOf(70, "c"))
      assert.strictEqual(prepared(), first, "lists are filled up to a few lengths")
      for (let count = 1; count <= 400; count += 13) yield* idsOf(identifiers, keysOf(count, `d${count}-`))
      assert.isAtMost((yield* held) - before, 32)
    })
  )

  it.effect("lists are filled up with what is last, to one of a few lengths", () =>
    Effect.sync(() => {
      assert.deepStrictEqual(statements.padded([]), [])
      const lengths = new Set<number>()
      for (let length = 1; length <= statements.keysPerStatement; length += 1) {
        const list = Array.from({ length }, (_, index) => index)
        const filled = statements.padded(list)
        lengths.add(filled.length)
        assert.deepStrictEqual(filled.slice(0, length), list)
        assert.isTrue(filled.slice(length).every((item) => item === length - 1))
        assert.isBelow(filled.length, Math.max(length * 2, 2))
      }
      assert.isAtMost(lengths.size, 16)
      assert.strictEqual(Math.max(...lengths), statements.keysPerStatement)
    })
  )
})
