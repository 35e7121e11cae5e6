/** Who inherits whose id, over indexes and a database in memory. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
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
