import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { random } from "../../../src/layers/CryptoRandom.ts"
import * as CanonicalId from "../../../src/services/IdMinter/CanonicalId.ts"

const letters = "abcdefghjkmnpqrstuvwxyz"
const alphabet = `${letters}23456789`
const pattern = /^[a-hjkmnp-z][a-hjkmnp-z2-9]{7}$/

/** Ids of the operating system's randomness. */
const ids = (count: number) => Effect.withRandom(Effect.replicateEffect(CanonicalId.make, count), random)

/** The id for a number that is drawn. */
const drawn = (number: number) =>
  Effect.withRandom(CanonicalId.make, { ...random, nextIntBetween: () => Effect.succeed(number) })

/** How far counts are from being all alike: about one for each degree of freedom when they are. */
const chiSquare = (counts: ReadonlyArray<number>, total: number): number => {
  const expected = total / counts.length
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
}

/** More than this, an even distribution has about once in ten million times (Wilson and Hilferty). */
const limit = (categories: number): number => {
  const freedom = categories - 1
  const share = 2 / (9 * freedom)
  return freedom * (1 - share + 5.2 * Math.sqrt(share)) ** 3
}

describe("a new canonical id", () => {
  it.effect("IM-89 has eight characters of the alphabet, the first of them a letter", () =>
    Effect.gen(function* () {
      const all = yield* ids(500)
      for (const id of all) {
        assert.lengthOf(id, 8)
        assert.match(id, pattern)
        assert.notMatch(id, /[oil01]/)
      }
      assert.lengthOf(new Set(all), 500)
    })
  )

  it.effect("IM-89 is one of 632,790,124,553, and each number has its own", () =>
    Effect.gen(function* () {
      assert.strictEqual(CanonicalId.count, 632_790_124_553)
      const [last, beforeLast] = [CanonicalId.count - 1, CanonicalId.count - 2]
      assert.deepStrictEqual(yield* Effect.forEach([0, 1, 31, 31 ** 7, beforeLast, last], drawn), [
        "aaaaaaaa",
        "aaaaaaab",
        "aaaaaaba",
        "baaaaaaa",
        "z9999998",
        "z9999999"
      ])
    })
  )

  it.effect("is drawn among all of them at once", () =>
    Effect.gen(function* () {
      const bounds: Array<readonly [number, number]> = []
      const noted = (min: number, max: number) => Effect.sync(() => void bounds.push([min, max])).pipe(Effect.as(min))
      yield* Effect.withRandom(CanonicalId.make, { ...random, nextIntBetween: noted })
      assert.deepStrictEqual(bounds, [[0, CanonicalId.count]])
    })
  )

  it.effect("IM-91 has each letter as often as any other, at each of its places, in a million", () =>
    Effect.gen(function* () {
      const total = 1_000_000
      const counts = Array.from({ length: 8 }, () => new Uint32Array(128))
      const count = Effect.map(CanonicalId.make, (id) => {
        for (const [place, at] of counts.entries()) {
          const code = id.charCodeAt(place)
          at[code] = (at[code] ?? 0) + 1
        }
      })
      yield* Effect.withRandom(Effect.replicateEffect(count, total, { discard: true }), random)
      for (const [place, at] of counts.entries()) {
        const signs = place === 0 ? letters : alphabet
        const seen = Array.from(signs, (sign) => at[sign.charCodeAt(0)] ?? 0)
        assert.strictEqual(
          seen.reduce((sum, one) => sum + one, 0),
          total
        )
        assert.isBelow(chiSquare(seen, total), limit(signs.length), `place ${place}`)
      }
    })
  )

  it("IM-91 would be told from one that is the rest of a byte", () => {
    // 256 is no multiple of 31: eight letters would come up an eighth more often.
    const counts = Array.from(alphabet, (_, index) => (1_000_000 * (index < 8 ? 9 : 8)) / 256)
    assert.isAbove(chiSquare(counts, 1_000_000), limit(31))
  })
})
