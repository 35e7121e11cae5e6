import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { layer } from "../../src/layers/CryptoRandom.ts"
import * as Uuid from "../../src/services/Uuid.ts"

describe("CryptoRandom", () => {
  it.effect("draws within the bounds asked for", () =>
    Effect.gen(function* () {
      for (let round = 0; round < 200; round += 1) {
        const unit = yield* Random.next
        assert.isTrue(unit >= 0 && unit < 1)
        const between = yield* Random.nextIntBetween(3, 6)
        assert.include([3, 4, 5], between)
        const range = yield* Random.nextRange(-1, 1)
        assert.isTrue(range >= -1 && range < 1)
        assert.isTrue(Number.isSafeInteger(yield* Random.nextInt))
        assert.isBoolean(yield* Random.nextBoolean)
      }
    }).pipe(Effect.provide(layer))
  )

  it.effect("shuffles without losing anything", () =>
    Effect.gen(function* () {
      const items = Array.from({ length: 50 }, (_, index) => index)
      const shuffled = Chunk.toReadonlyArray(yield* Random.shuffle(items))
      assert.notDeepEqual(shuffled, items)
      assert.deepStrictEqual(
        shuffled.toSorted((a, b) => a - b),
        items
      )
    }).pipe(Effect.provide(layer))
  )

  it.effect("gives 10,000 different UUIDs", () =>
    Effect.gen(function* () {
      const ids = yield* Effect.replicateEffect(Uuid.v4, 10_000)
      assert.strictEqual(new Set(ids).size, 10_000)
      for (const id of ids) assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    }).pipe(Effect.provide(layer))
  )
})
