/** The minter's own part of the work, over indexes and a database in memory. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Minting } from "../../src/services/Identifiers.ts"
import { all, colliding, minted, stored, worldOf } from "../support/minterRuns.ts"
import { identifier, idOf, key, node, requestIdOf, workOf } from "../support/minterWorks.ts"

describe("a request", () => {
  it.effect("IM-49 for nothing is answered with nothing, and nobody is asked", () =>
    Effect.gen(function* () {
      const world = worldOf({ a: [] })
      assert.deepStrictEqual(yield* minted(world), {})
      assert.deepStrictEqual(world.calls, [])
    })
  )

  it.effect("IM-50 of three works gives each its canonical id, under which it is indexed", () =>
    Effect.gen(function* () {
      const world = worldOf({ a: [], b: [], c: [] })
      const outcomes = yield* all(world)
      assert.deepStrictEqual(Object.keys(outcomes), ["a", "b", "c"])
      assert.deepStrictEqual(outcomes, stored(world))
      for (const [value, id] of Object.entries(outcomes)) {
        assert.deepStrictEqual(world.target.get(id), workOf(value, { canonicalId: id }))
      }
      assert.deepStrictEqual(world.calls, ["fetch", "lookup", "mint", "index"])
    })
  )

  it.effect("may name a work several times and with spaces, and is answered in order, without them", () =>
    Effect.gen(function* () {
      const world = worldOf({ a: [], b: [] })
      const [a, b, none] = [requestIdOf("a"), requestIdOf("b"), requestIdOf("none")]
      const outcomes = yield* minted(world, ` ${b}`, `${none}\n`, a, b, `${a}\t`, a)
      assert.deepStrictEqual(outcomes, { b: "m0000001", none: "WorkNotFound", a: "m0000002" })
      assert.deepStrictEqual(Object.keys(outcomes), ["b", "none", "a"])
    })
  )

  it.effect("that comes again gives the same ids, and mints nothing", () =>
    Effect.gen(function* () {
      const world = worldOf({ a: [], b: [{}, { data: { items: [{ id: node("i") }] } }] })
      const first = yield* all(world)
      const before = new Map(world.ids)
      world.calls.length = 0
      assert.deepStrictEqual(yield* all(world), first)
      assert.deepStrictEqual(world.ids, before)
      assert.deepStrictEqual(world.calls, ["fetch", "lookup", "index"])
    })
  )

  it.effect("asks for each key once, and for predecessors with them, in one lookup and one minting", () =>
    Effect.gen(function* () {
      const items = (...values: ReadonlyArray<string>) => ({
        data: { items: values.map((value) => ({ id: node(value) })) }
      })
      const world = worldOf({
        a: [{ predecessorIdentifier: identifier("old") }, items("x", "y", "x")],
        b: [{}, items("y", "z")]
      })
      world.ids.set(key("old").id, idOf(7))
      const asked: Array<ReadonlyArray<string>> = []
      const { lookup, mint } = world.identifiers
      world.identifiers.lookup = (keys) => {
        asked.push(keys.map(({ sourceId }) => sourceId).toSorted())
        return lookup(keys)
      }
      const mintings: Array<Minting> = []
      world.identifiers.mint = (all) => {
        mintings.push(...all)
        return mint(all)
      }
      assert.deepInclude(yield* all(world), { a: idOf(7) })
      assert.deepStrictEqual(asked, [["a", "b", "old", "x", "y", "z"]])
      assert.sameDeepMembers(mintings, [
        { key: key("a"), inherits: idOf(7) },
        { key: key("b") },
        ...["x", "y", "z"].map((value) => ({ key: key(value, "Item") }))
      ])
    })
  )
})

describe("a work that fails", () => {
  it.effect("IM-52 because the index does not take it leaves the others alone", () =>
    Effect.gen(function* () {
      const world = worldOf({ a: [], b: [], c: [] })
      for (const value of ["a", "c"]) world.unindexable.add(requestIdOf(value))
      assert.deepStrictEqual(yield* all(world), { a: "IndexItemRejected", b: "m0000002", c: "IndexItemRejected" })
      assert.deepStrictEqual([...world.target.keys()], ["m0000002"])
    })
  )

  it.effect("IM-53 because it cannot be minted, and one because it cannot be indexed: the two others do not", () =>
    Effect.gen(function* () {
      const world = worldOf({ a: [], b: [], c: [], d: [] })
      world.unmintable.add("b")
      world.unindexable.add(requestIdOf("d"))
      const { a, c, ...failed } = yield* all(world)
      assert.deepStrictEqual(failed, { b: "DatabaseDataError", d: "IndexItemRejected" })
      assert.deepStrictEqual([...world.target.keys()], [a, c])
    })
  )

  it.effect("IM-55 because one of its keys gets no id leaves the others alone", () =>
    Effect.gen(function* () {
      for (const [refused, tag] of [
        [true, "DatabaseDataError"],
        [false, "MissingCanonicalId"]
      ] as const) {
        const world = worldOf({ a: [], b: [{}, { data: [node("i")] }], c: [] })
        if (refused) world.unmintable.add("i")
        const { mint } = world.identifiers
        world.identifiers.mint = (mintings) => mint(mintings.filter(({ key }) => refused || key.sourceId !== "i"))
        const { b, ...others } = yield* all(world)
        assert.strictEqual(b, tag)
        assert.sameMembers(Object.values(others), [...world.target.keys()])
        // Its own key is minted all the same: the next try finds it.
        assert.hasAllKeys(stored(world), ["a", "b", "c"])
      }
    })
  )

  it.effect("IM-58 because it is another one than was asked for is neither minted nor indexed", () =>
    Effect.gen(function* () {
      const world = worldOf({ a: [] })
      world.source.set(requestIdOf("alias"), workOf("a2"))
      assert.deepStrictEqual(yield* all(world), { a: "m0000001", alias: "InvalidWork" })
      assert.deepStrictEqual([...world.target.keys()], ["m0000001"])
      assert.hasAllKeys(stored(world), ["a"])
    })
  )

  it.effect("because it is not there, or is none, leaves the others alone", () =>
    Effect.gen(function* () {
      const world = worldOf({ a: [], b: [{ modifiedTime: "never" }], c: [{ sourceIdentifier: null }] })
      const outcomes = yield* minted(world, requestIdOf("gone"), ...world.source.keys())
      assert.deepStrictEqual(outcomes, { gone: "WorkNotFound", a: "m0000001", b: "InvalidWork", c: "InvalidWork" })
    })
  )

  it.effect("leaves nobody to ask where all do", () =>
    Effect.gen(function* () {
      const world = worldOf({ a: [{ modifiedTime: "never" }] })
      assert.deepStrictEqual(yield* minted(world, "none", ...world.source.keys()), {
        none: "WorkNotFound",
        a: "InvalidWork"
      })
      assert.deepStrictEqual(world.calls, ["fetch"])
      const other = worldOf({ a: [{ predecessorIdentifier: identifier("gone") }] })
      assert.deepStrictEqual(yield* all(other), { a: "PredecessorNotFound" })
      assert.deepStrictEqual(other.calls, ["fetch", "lookup"])
    })
  )

  it.effect("in planning has only those keys minted that a work has that does not", () =>
    Effect.gen(function* () {
      const world = worldOf({
        a: [{ predecessorIdentifier: identifier("gone") }, { data: [node("mine"), node("shared")] }],
        b: [{}, { data: [node("shared")] }]
      })
      assert.deepInclude(yield* all(world), { a: "PredecessorNotFound" })
      assert.hasAllKeys(stored(world), ["b", "shared"])
    })
  )

  it.effect("has an error that says why, and each has its own", () =>
    Effect.gen(function* () {
      const world = worldOf({
        a: [{ predecessorIdentifier: identifier("a") }],
        b: [{ predecessorIdentifier: identifier("gone") }],
        c: [{}, { data: [node("x"), node("x", "Item", { predecessorIdentifier: identifier("y", "Item") })] }],
        d: [{}, { data: [{ id: { type: "Identifiable" } }] }],
        e: []
      })
      colliding(world, "e")
      assert.deepStrictEqual(yield* all(world), {
        a: "ConflictingPredecessors",
        b: "PredecessorNotFound",
        c: "ConflictingPredecessors",
        d: "InvalidWork",
        e: "CollidingSourceIdentifier"
      })
      assert.deepStrictEqual(stored(world), { d: "m0000001" })
    })
  )
})
