/**
 * Effect's `Random` over the operating system's generator. The default one starts from 32 bits of seed: with enough
 * environments two would draw the same ids.
 */
import { randomFillSync, randomInt } from "node:crypto"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"

/** A uniform number in [0, 1) with 53 random bits. */
const next = (): number => {
  const [high = 0, low = 0] = randomFillSync(new Uint32Array(2))
  return ((high >>> 5) * 0x4000000 + (low >>> 6)) / 0x20000000000000
}

const shuffled = <A>(elements: Iterable<A>): Chunk.Chunk<A> => {
  const items = [...elements]
  for (let last = items.length - 1; last > 0; last -= 1) {
    const other = randomInt(last + 1)
    const moved = items[last] as A
    items[last] = items[other] as A
    items[other] = moved
  }
  return Chunk.fromIterable(items)
}

/** `Random` from the operating system. */
export const random: Random.Random = {
  [Random.RandomTypeId]: Random.RandomTypeId,
  next: Effect.sync(next),
  nextBoolean: Effect.sync(() => randomInt(2) === 1),
  nextInt: Effect.sync(() => randomInt(0xffffffffffff)),
  nextRange: (min, max) => Effect.sync(() => min + next() * (max - min)),
  nextIntBetween: (min, max) => Effect.sync(() => randomInt(min, max)),
  shuffle: (elements) => Effect.sync(() => shuffled(elements))
}

/** Sets the `Random` of everything above it. */
export const layer: Layer.Layer<never> = Layer.setRandom(random)
