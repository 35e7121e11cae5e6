/** The real minter over a real store, between indexes in memory. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { IdMinter } from "../../src/services/IdMinter.ts"
import type { IdentifiersShape } from "../../src/services/Identifiers.ts"
import { document, type Json, minterOver, minterWorld, sourceIdentifier } from "./minter.ts"

const systemOf = "sierra-system-number"

/** The identifier that a work in Sierra is asked for by. */
export const workOf = (value: string): string => `Work[${systemOf}/${value}]`

/** A node with a work's or an item's identifier, and that of its predecessor if it has one. */
export const node = (value: string, predecessor?: string, type = "Work"): Json => ({
  sourceIdentifier: sourceIdentifier(type, systemOf, value),
  ...(predecessor === undefined ? {} : { predecessorIdentifier: sourceIdentifier(type, systemOf, predecessor) })
})

/** A work: its number, its predecessor's, and more nodes. */
export const work = (value: string, predecessor?: string, ...nodes: ReadonlyArray<Json>): readonly [string, Json] => [
  workOf(value),
  document(workOf(value), {
    state: { ...node(value, predecessor), sourceModifiedTime: "2024-01-15T10:30:00Z" },
    data: { items: nodes }
  })
]

/** A minter over a store, whose source index has these works. */
export const minterOf = (identifiers: IdentifiersShape, ...works: ReadonlyArray<readonly [string, Json]>) => {
  const world = minterWorld()
  for (const [id, document] of works) world.source.set(id, document)
  const minter = minterOver({ ...world, identifiers })
  return {
    world,
    /** What became of each: its canonical id, or the tag of what it failed with. */
    process: (...ids: ReadonlyArray<string>) =>
      Effect.flatMap(IdMinter, ({ process }) => process(ids)).pipe(
        Effect.provide(minter),
        Effect.map((outcomes) =>
          ids.map((id): string => {
            const outcome = outcomes.get(id)
            if (outcome === undefined) return "no outcome"
            return Either.match(outcome, { onLeft: ({ _tag }) => _tag, onRight: (canonicalId) => canonicalId })
          })
        )
      )
  }
}
