/** Works for the target index, and what becomes of them there. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { IdentifiedWork } from "../../src/services/IdMinter/Work.ts"
import type { WorksShape } from "../../src/services/Works.ts"
import { idOf } from "./minterWorks.ts"

/** The work of a number, with an id of its own. */
export const work = (number: number, more: Partial<IdentifiedWork> = {}): IdentifiedWork => ({
  requestId: `Work[a/${number}]`,
  canonicalId: idOf(number),
  version: 1_000,
  json: `{"number":${number}}`,
  ...more
})

/** Works with the numbers from 0. */
export const works = (count: number, more?: Partial<IdentifiedWork>) =>
  Array.from({ length: count }, (_, number) => work(number, more))

/** What becomes of each work, in order: the end of its identifier, and why it is not indexed if it is not. */
export const indexed = ({ index }: WorksShape, all: ReadonlyArray<IdentifiedWork>) =>
  Effect.gen(function* () {
    const told: Array<string> = []
    const outcomes = yield* index(all, ({ requestId }) => void told.push(requestId))
    const successes = [...outcomes].filter(([, outcome]) => Either.isRight(outcome)).map(([requestId]) => requestId)
    assert.sameMembers(told, successes)
    assert.strictEqual(new Set(told).size, told.length)
    assert.sameMembers(
      [...outcomes.keys()],
      all.map(({ requestId }) => requestId)
    )
    return all.map(({ requestId }) => {
      const outcome = outcomes.get(requestId)
      if (outcome === undefined || Either.isRight(outcome)) return "indexed"
      const { left } = outcome
      return left._tag === "IndexItemRejected" ? `${left.type} ${left.status}` : left._tag
    })
  })
