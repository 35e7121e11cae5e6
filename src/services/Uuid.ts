/** Random UUIDs out of the `Random` service, so that tests own them. */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, "0")

/** Formats 16 bytes as a lower-case UUID of version 4, forcing the version and variant bits. */
export const format = (bytes: ReadonlyArray<number>): string => {
  const at = (index: number): number => bytes[index] ?? 0
  const forced = Array.from({ length: 16 }, (_, index) =>
    index === 6 ? (at(6) & 0x0f) | 0x40 : index === 8 ? (at(8) & 0x3f) | 0x80 : at(index)
  )
  const text = forced.map((byte) => hex(byte, 2)).join("")
  return `${text.slice(0, 8)}-${text.slice(8, 12)}-${text.slice(12, 16)}-${text.slice(16, 20)}-${text.slice(20)}`
}

const word = Random.nextIntBetween(0, 0x1_0000_0000)

/** A random UUID of version 4, of four words: a draw is an effect, and sixteen of a byte each are many. */
export const v4: Effect.Effect<string> = Effect.gen(function* () {
  const words = [yield* word, yield* word, yield* word, yield* word]
  return format(words.flatMap((bits) => [24, 16, 8, 0].map((shift) => (bits >>> shift) & 0xff)))
})
