/** Requests to the real minter over a world in memory, in few words. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { CollidingSourceIdentifier } from "../../src/schemas/IdMinterError.ts"
import { IdMinter } from "../../src/services/IdMinter.ts"
import { minterOver, minterWorld, type MinterWorld } from "./minter.ts"
import { requestIdOf, workOf } from "./minterWorks.ts"

/** A world with works, by the values of their identifiers; what is given is in their states, and beside these. */
export const worldOf = (works: Readonly<Record<string, readonly [state?: object, more?: object]>>): MinterWorld => {
  const world = minterWorld()
  for (const [value, more] of Object.entries(works)) world.source.set(requestIdOf(value), workOf(value, ...more))
  return world
}

/** Mints, and answers each work's id or why it has none, by its value or by what was asked for otherwise. */
export const minted = (world: MinterWorld, ...asked: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const { process } = yield* IdMinter
    const indexed: Array<string> = []
    const outcomes = yield* process(asked, (requestId) => void indexed.push(requestId))
    assert.deepStrictEqual(
      indexed,
      [...outcomes].filter(([, outcome]) => Either.isRight(outcome)).map(([requestId]) => requestId)
    )
    return Object.fromEntries(
      [...outcomes].map(([requestId, outcome]) => [
        requestId.replace(/^.*\/(.*)\]$/, "$1"),
        Either.match(outcome, { onLeft: ({ _tag }) => _tag, onRight: (id): string => id })
      ])
    )
  }).pipe(Effect.provide(minterOver(world)))

/** Mints all works that there are. */
export const all = (world: MinterWorld) => minted(world, ...world.source.keys())

/** The ids that are stored, by the values of their keys. */
export const stored = ({ ids }: MinterWorld): Readonly<Record<string, string>> =>
  Object.fromEntries([...ids].map(([id, canonicalId]) => [id.split("\u0000").at(-1), canonicalId]))

/** Refuses the keys with these values at the lookup: another key is taken for them. */
export const colliding = (world: MinterWorld, ...values: ReadonlyArray<string>): void => {
  const { lookup } = world.identifiers
  const failure = new CollidingSourceIdentifier({ requested: "b1", stored: "B1" })
  world.identifiers.lookup = (keys) =>
    Effect.map(lookup(keys), ({ ids }) => ({
      ids,
      failures: new Map(keys.filter(({ sourceId }) => values.includes(sourceId)).map(({ id }) => [id, failure]))
    }))
}
