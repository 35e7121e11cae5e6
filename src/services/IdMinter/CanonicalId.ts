/** New canonical ids: short, easy to read aloud, and nowhere near running out (contract 1.6, Generator). */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { CanonicalId } from "../../schemas/IdMinter.ts"

/** An id must not begin with a digit, since it is used as an XML id. */
const letters = "abcdefghjkmnpqrstuvwxyz"
/** Without `o`, `i`, `l`, `0` and `1`, which are taken for each other. */
const alphabet = `${letters}23456789`

const length = 8

/** How many different ids there are. */
export const count = letters.length * alphabet.length ** (length - 1)

/** The id with this number, from 0 to {@link count}. */
const idOf = (number: number): CanonicalId => {
  let rest = number
  let text = ""
  for (let place = 1; place < length; place += 1) {
    text = alphabet.charAt(rest % alphabet.length) + text
    rest = Math.floor(rest / alphabet.length)
  }
  return CanonicalId.make(letters.charAt(rest) + text, { disableValidation: true })
}

/** A random id, each as likely as any other: one draw among all, so that no letter is. */
export const make: Effect.Effect<CanonicalId> = Effect.map(Random.nextIntBetween(0, count), idOf)
