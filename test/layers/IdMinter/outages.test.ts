/** What becomes of a request when the database or a cluster cannot be used. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { DatabaseTransient } from "../../../src/schemas/DatabaseError.ts"
import { ElasticsearchRejected, ElasticsearchTransient } from "../../../src/schemas/ElasticsearchError.ts"
import { IdPoolExhausted } from "../../../src/schemas/IdMinterError.ts"
import { IdMinter } from "../../../src/services/IdMinter.ts"
import { minterOver, minterWorld } from "../../support/minter.ts"
import { all, stored, worldOf } from "../../support/minterRuns.ts"
import { identifier } from "../../support/minterWorks.ts"

describe("what cannot be reached", () => {
  const down = new DatabaseTransient({ reason: "ECONNREFUSED" })

  it.effect("fails every work that is not finished, and nothing is indexed", () =>
    Effect.gen(function* () {
      const works = { a: [], b: [{ predecessorIdentifier: identifier("a") }], c: [{ modifiedTime: "never" }] } as const
      for (const failure of [down, new IdPoolExhausted({ needed: 3, got: 1 })]) {
        const world = worldOf(works)
        const { mint } = world.identifiers
        world.identifiers.mint = (mintings) =>
          mintings.some(({ inherits }) => inherits !== undefined) ? Effect.fail(failure) : mint(mintings)
        assert.deepStrictEqual(yield* all(world), { a: failure._tag, b: failure._tag, c: "InvalidWork" })
        assert.strictEqual(world.target.size, 0)
        // What was minted by then is found by the next try.
        assert.hasAllKeys(stored(world), ["a"])
        assert.deepStrictEqual(world.calls, ["fetch", "lookup", "mint"])
      }
      const unread = worldOf(works)
      unread.identifiers.lookup = () => Effect.fail(down)
      assert.deepStrictEqual(yield* all(unread), { a: down._tag, b: down._tag, c: "InvalidWork" })
      assert.deepStrictEqual(unread.calls, ["fetch"])
    })
  )

  it.effect("fails all works where it is the source, and those that it concerns where it is the target", () =>
    Effect.gen(function* () {
      const world = worldOf({ a: [], b: [] })
      const rejected = new ElasticsearchRejected({ cluster: "source", status: 404 })
      world.works.fetch = () => Effect.fail(rejected)
      assert.deepStrictEqual(yield* all(world), { a: rejected._tag, b: rejected._tag })
      assert.deepStrictEqual(world.calls, [])
      const half = worldOf({ a: [], b: [], c: [] })
      const transient = new ElasticsearchTransient({ cluster: "target", status: 503 })
      const { index } = half.works
      half.works.index = ([first, second], onIndexed) =>
        Effect.map(
          index(first === undefined ? [] : [first], onIndexed),
          (outcomes) => new Map([...outcomes, [second?.requestId ?? "", Either.left(transient)]])
        )
      assert.deepStrictEqual(yield* all(half), { a: "m0000001", b: transient._tag, c: "MissingCanonicalId" })
    })
  )

  it.effect("is found by a check, and never by warming up", () =>
    Effect.gen(function* () {
      const transient = new ElasticsearchTransient({ cluster: "target" })
      for (const [database, clusters, tag] of [
        [Effect.void, Effect.void, undefined],
        [Effect.fail(down), Effect.void, down._tag],
        [Effect.void, Effect.fail(transient), transient._tag]
      ] as const) {
        const world = minterWorld()
        world.identifiers.ping = database
        world.works.ping = clusters
        const { check, warmUp } = yield* Effect.provide(IdMinter, minterOver(world))
        const outcome = yield* Effect.either(check)
        assert.strictEqual(Either.isLeft(outcome) ? outcome.left._tag : undefined, tag)
        yield* warmUp
      }
    })
  )
})
