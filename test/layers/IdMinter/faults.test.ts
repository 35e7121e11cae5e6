import { assert, layer } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { DatabaseTransient } from "../../../src/schemas/DatabaseError.ts"
import type { IdentifiersShape } from "../../../src/services/Identifiers.ts"
import { connectionTo, freshStore, mariaDb, storeOf, type TestDatabase } from "../../support/minterDatabase.ts"
import { proxyTo, until } from "../../support/minterFaults.ts"
import { assertSound, keyOf, keysOf, listed, mintAll, putFree, storedIn } from "../../support/minterRows.ts"

/** A store behind a proxy, with its pool open. */
const proxied = Effect.gen(function* () {
  const { database, identifiers: direct } = yield* freshStore()
  const proxy = yield* proxyTo(database)
  const { identifiers } = yield* storeOf(database, { port: proxy.port, maxConnections: 1 })
  yield* identifiers.ping
  yield* identifiers.topUp(50)
  proxy.sandbox.clear()
  return { database, direct, identifiers, proxy }
})

/** The statements of a transaction, and the faults that each of them meets. */
const statements = {
  SET: { path: "SET" },
  BEGIN: { path: "BEGIN" },
  claim: { path: "SELECT", method: "COM_QUERY" },
  "preparing the INSERT": { operation: "prepare" },
  INSERT: { path: "INSERT" },
  "reading back": { path: "SELECT", method: "COM_STMT_EXECUTE" },
  UPDATE: { path: "UPDATE" },
  COMMIT: { path: "COMMIT" }
} as const

const faults = {
  "a deadlock": { error: 1213 },
  "a lock that is waited for too long": { error: 1205 },
  "a row that was changed": { error: 1020 },
  "an error at the commit": { error: 1180 },
  "a connection that is cut before it": { reset: true },
  "a connection that is cut after it": { commitThenReset: true }
} as const

/** The transactions that were tried. */
const tries = (proxy: { readonly verbs: () => ReadonlyArray<string> }) => proxy.verbs().filter((verb) => verb === "SET")

/** The keys are minted, each once, and whoever asks again hears the same. */
const assertMinted = (
  exit: Exit.Exit<Effect.Effect.Success<ReturnType<IdentifiersShape["mint"]>>, unknown>,
  keys: ReturnType<typeof keysOf>,
  direct: IdentifiersShape
) =>
  Effect.gen(function* () {
    const defects = Exit.isFailure(exit) ? Cause.defects(exit.cause) : Chunk.empty()
    assert.lengthOf(defects, 0)
    assert.isTrue(Exit.isSuccess(exit), String(exit))
    if (Exit.isFailure(exit)) return
    const ids = listed(exit.value, keys)
    assert.strictEqual(new Set(ids).size, keys.length)
    assert.deepStrictEqual(listed(yield* direct.lookup(keys), keys), ids)
    assert.deepStrictEqual(listed(yield* mintAll(direct, keys), keys), ids)
  })

/** Cuts the code's connections off, as an operator does. */
const killAll = ({ address, rows }: TestDatabase) =>
  Effect.gen(function* () {
    const found = yield* rows("SELECT ID FROM information_schema.PROCESSLIST WHERE DB = ? AND ID <> CONNECTION_ID()", [
      address.database
    ])
    for (const { ID: id } of found) yield* rows(`KILL ${String(id)}`)
  })

layer(mariaDb, { excludeTestServices: true })("minting, when the database fails", (it) => {
  for (const [place, match] of Object.entries(statements)) {
    it.scoped(`IM-124 IM-125 at ${place} is done again, and done once`, () =>
      Effect.gen(function* () {
        const { database, direct, identifiers, proxy } = yield* proxied
        let minted = 0
        for (const [name, fault] of Object.entries(faults)) {
          // Keys of two kinds, one of which has an id already.
          const keys = [...keysOf(3, name), keyOf(name, "miro-image-number")]
          yield* mintAll(direct, keys.slice(0, 1))
          proxy.sandbox.clearJournal()
          proxy.rule(match, fault)
          const exit = yield* Effect.exit(mintAll(identifiers, keys))
          // A statement that was prepared before is not prepared again.
          if (place !== "preparing the INSERT") assert.lengthOf(tries(proxy), 2, name)
          yield* assertMinted(exit, keys, direct)
          proxy.sandbox.clear()
          minted += keys.length
        }
        yield* assertSound(database, minted)
      })
    )
  }

  const reasons = [
    [1213, "ER_LOCK_DEADLOCK"],
    [1205, "ER_LOCK_WAIT_TIMEOUT"],
    [1020, "ER_CHECKREAD"]
  ] as const

  it.scoped("IM-124 fails after five tries, with the error as it is", () =>
    Effect.forEach(
      reasons,
      ([errno, reason]) =>
        Effect.gen(function* () {
          const { database, identifiers, proxy } = yield* proxied
          proxy.rule({ path: "INSERT" }, { error: errno }, 5)
          const error = yield* Effect.flip(mintAll(identifiers, keysOf(3)))
          assert.deepInclude({ ...error }, { _tag: "DatabaseTransient", errno, reason })
          assert.lengthOf(tries(proxy), 5)
          assert.deepStrictEqual(yield* storedIn(database), {})
          // Whoever was in the way is no reason to leave the database alone.
          assert.strictEqual((yield* mintAll(identifiers, keysOf(3))).ids.size, 3)
          yield* assertSound(database, 3)
        }),
      { concurrency: "unbounded" }
    )
  )

  it.scoped("IM-124 a deadlock with another writer is waited for, and his ids are taken", () =>
    Effect.gen(function* () {
      const { database, identifiers, proxy } = yield* proxied
      const other = yield* connectionTo(database)
      const execute = (sql: string) => Effect.promise(() => other.query(sql))
      const row = (id: string, canonicalId: string) => `('Work', 'sierra-system-number', '${id}', '${canonicalId}')`
      // Of two the server gives the one up that has done less.
      const many = Array.from({ length: 60 }, (_, index) => `free${String(index).padStart(4, "0")}`)
      yield* execute("BEGIN")
      yield* execute(
        `INSERT INTO canonical_ids (CanonicalId, Status) VALUES ${many.map((id) => `('${id}', 'assigned')`).join()}`
      )
      yield* execute(
        `INSERT INTO identifiers (OntologyType, SourceSystem, SourceId, CanonicalId) VALUES ${many
          .slice(1)
          .map((id, index) => row(`b${index + 2}`, id))
          .join()}`
      )
      const keys = keysOf(2)
      const fiber = yield* Effect.fork(Effect.exit(mintAll(identifiers, keys)))
      yield* until(() => proxy.verbs().includes("INSERT"), "the other's lock")
      yield* Effect.sleep(50)
      yield* execute(
        `INSERT INTO identifiers (OntologyType, SourceSystem, SourceId, CanonicalId) VALUES ${row("b1", "free0000")}`
      )
      yield* execute("COMMIT")
      const exit = yield* Fiber.join(fiber)
      assert.isTrue(proxy.statements().some(({ path, status }) => path === "INSERT" && status === 1213))
      assert.isTrue(Exit.isSuccess(exit), String(exit))
      if (Exit.isSuccess(exit)) {
        assert.deepStrictEqual(listed(exit.value, keys), ["free0000", "free0001"])
        assert.strictEqual(exit.value.racesLost, 2)
      }
      yield* assertSound(database, 60)
    })
  )

  it.scoped("IM-125 a connection that is killed at any moment costs nothing", () =>
    Effect.gen(function* () {
      const { database, direct, identifiers, proxy } = yield* proxied
      const { "preparing the INSERT": _, ...carriedOut } = statements
      const places = Object.entries(carriedOut)
      for (const [place, match] of places) {
        const keys = keysOf(3, place)
        proxy.sandbox.clear()
        proxy.rule(match, { delayMs: 60 })
        const fiber = yield* Effect.fork(Effect.exit(mintAll(identifiers, keys)))
        const waits = () => proxy.statements().at(-1)?.path === match.path && proxy.statements().at(-1)?.status === null
        yield* until(waits, place)
        yield* killAll(database)
        yield* assertMinted(yield* Fiber.join(fiber), keys, direct)
      }
      yield* assertSound(database, places.length * 3)
    })
  )

  it.scoped("IM-125 a database that never commits is an error of ours, and no bug; nothing is left behind", () =>
    Effect.forEach(
      [{ reset: true }, { error: 1180 }],
      (fault) =>
        Effect.gen(function* () {
          const { database, direct, identifiers, proxy } = yield* proxied
          proxy.rule({ path: "COMMIT" }, fault, 5)
          const exit = yield* Effect.exit(mintAll(identifiers, keysOf(3)))
          const cause = Exit.isFailure(exit) ? exit.cause : Cause.empty
          assert.lengthOf(Cause.defects(cause), 0)
          assert.instanceOf(Option.getOrUndefined(Cause.failureOption(cause)), DatabaseTransient)
          assert.deepStrictEqual(yield* storedIn(database), {})
          yield* assertSound(database, 0)
          assert.strictEqual((yield* mintAll(direct, keysOf(3))).ids.size, 3)
        }),
      { concurrency: "unbounded" }
    )
  )

  it.scoped("IM-125 commits that are done and never confirmed are found by the next try", () =>
    Effect.gen(function* () {
      const { database, direct, identifiers, proxy } = yield* proxied
      yield* putFree(database, "aaaaaaaa")
      proxy.rule({ path: "COMMIT" }, { commitThenReset: true }, 4)
      const keys = keysOf(3)
      const exit = yield* Effect.exit(mintAll(identifiers, keys))
      yield* assertMinted(exit, keys, direct)
      yield* assertSound(database, 3)
    })
  )

  it.scoped("a lookup and a top-up are done again, too", () =>
    Effect.gen(function* () {
      const { database, direct, identifiers, proxy } = yield* proxied
      const keys = keysOf(3)
      const { ids } = yield* mintAll(direct, keys)
      for (const fault of [{ error: 1213 }, { reset: true }, { commitThenReset: true }, { error: 2013 }]) {
        proxy.rule({ path: "SELECT", method: "COM_STMT_EXECUTE" }, fault)
        assert.deepStrictEqual((yield* identifiers.lookup(keys)).ids, ids)
        proxy.rule({ path: "INSERT" }, fault)
        const [counted] = yield* database.rows("SELECT COUNT(*) AS free FROM canonical_ids WHERE Status = 'free'")
        const { free } = yield* identifiers.topUp(Number(counted?.["free"]) + 10)
        assert.isAtLeast(free, Number(counted?.["free"]) + 10)
        proxy.sandbox.clear()
      }
      yield* assertSound(database, 3)
    })
  )
})
