/** Who inherits whose id, over indexes and a database in memory. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import type { CanonicalId } from "../../../src/schemas/IdMinter.ts"
import { all, colliding, stored, worldOf } from "../../support/minterRuns.ts"
import { identifier, idOf, key, node } from "../../support/minterWorks.ts"

describe("a predecessor", () => {
  const successor = (value: string) => [{ predecessorIdentifier: identifier(value) }] as const

  it.effect("IM-67 in the same request shares its id with its successor, in either order", () =>
    Effect.gen(function* () {
      for (const world of [worldOf({ old: [], new: successor("old") }), worldOf({ new: successor("old"), old: [] })]) {
        assert.deepStrictEqual(yield* all(world), { old: "m0000001", new: "m0000001" })
        assert.lengthOf([...world.target.keys()], 1)
      }
    })
  )

  it.effect("of a key that has an id is of no matter", () =>
    Effect.gen(function* () {
      const twice = { data: [node("a", "Work", { predecessorIdentifier: identifier("other") })] }
      const world = worldOf({ a: [...successor("gone"), twice], b: [{}, { data: [node("a", "Work")] }] })
      world.ids.set(key("a").id, idOf(3))
      colliding(world, "gone")
      assert.deepInclude(yield* all(world), { a: idOf(3) })
      assert.deepStrictEqual(stored(world), { a: idOf(3), b: "m0000002" })
    })
  )

  it.effect("that gets no id leaves its successors without one: they would have another for ever", () =>
    Effect.gen(function* () {
      const works = { old: [], new: successor("old"), newer: successor("new"), other: [] } as const
      const refused = worldOf(works)
      refused.unmintable.add("old")
      assert.deepStrictEqual(yield* all(refused), {
        old: "DatabaseDataError",
        new: "DatabaseDataError",
        newer: "DatabaseDataError",
        other: "m0000001"
      })
      assert.hasAllKeys(stored(refused), ["other"])
      const missed = worldOf(works)
      const { mint } = missed.identifiers
      missed.identifiers.mint = (mintings) => mint(mintings.filter(({ key }) => key.sourceId !== "old"))
      const missing = "MissingCanonicalId"
      assert.deepInclude(yield* all(missed), { old: missing, new: missing, newer: missing })
      assert.hasAllKeys(stored(missed), ["other"])
      const taken = worldOf({ new: successor("old"), other: [] })
      colliding(taken, "old")
      assert.deepStrictEqual(yield* all(taken), { new: "CollidingSourceIdentifier", other: "m0000001" })
    })
  )

  it.effect("that somebody else mints meanwhile passes on the id that it got", () =>
    Effect.gen(function* () {
      const world = worldOf({ old: [], new: successor("old") })
      const { mint } = world.identifiers
      world.identifiers.mint = (mintings) => {
        world.ids.set(key("old").id, "theirs00" as CanonicalId)
        return mint(mintings)
      }
      assert.deepStrictEqual(yield* all(world), { old: "theirs00", new: "theirs00" })
    })
  )
})

describe("whatever is asked for, and whatever the database does not take", () => {
  const values = FastCheck.constantFrom("a", "b", "c", "d", "e", "f")
  const some = FastCheck.uniqueArray(values, { maxLength: 2 })
  const things = FastCheck.tuple(values, FastCheck.option(values, { nil: undefined }))
  const requests = FastCheck.record({
    // A predecessor comes before its successor, mostly, so that not everything goes round in circles.
    works: FastCheck.array(FastCheck.array(things, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 6 }),
    straight: FastCheck.integer({ min: 0, max: 3 }).map((luck) => luck > 0),
    known: some,
    unmintable: some,
    taken: some,
    missed: some
  })

  it.effect.prop(
    "a key has the id that it inherits, a work is indexed when all of its keys have one, and then only",
    [requests],
    ([{ known, missed, straight, taken, unmintable, works }]) =>
      Effect.gen(function* () {
        const wanted = works.map((all) =>
          all.map(([value, old]) =>
            straight && old !== undefined && old >= value ? ([value] as const) : ([value, old] as const)
          )
        )
        const world = worldOf(
          Object.fromEntries(
            wanted.map((all, index) => [
              `w${index}`,
              [
                {},
                {
                  data: all.map(([value, old]) =>
                    node(value, "Item", old === undefined ? {} : { predecessorIdentifier: identifier(old, "Item") })
                  )
                }
              ] as const
            ])
          )
        )
        for (const [index, value] of known.entries()) world.ids.set(key(value, "Item").id, idOf(index))
        for (const value of unmintable) world.unmintable.add(value)
        colliding(world, ...taken.filter((value) => !known.includes(value)))
        const { mint } = world.identifiers
        world.identifiers.mint = (mintings) => mint(mintings.filter(({ key }) => !missed.includes(key.sourceId)))
        const outcomes = yield* all(world)
        const ids = stored(world)
        for (const [index, all] of wanted.entries()) {
          const id = outcomes[`w${index}`] ?? ""
          const isIndexed = world.target.has(id)
          assert.strictEqual(isIndexed, ids[`w${index}`] === id)
          for (const [value, old] of all) {
            if (isIndexed) assert.property(ids, value)
            // What is stored stays: a key that was minted just now has the id of each predecessor that it came with.
            if (old !== undefined && value in ids && !known.includes(value)) {
              const conflicting = wanted.flat().some(([other, older]) => other === value && older !== old)
              assert.isTrue(conflicting || ids[value] === ids[old])
            }
          }
        }
      }),
    { fastCheck: { numRuns: 300 } }
  )
})
