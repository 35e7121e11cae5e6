/** What others answer us, damaged: it is a value of its schema or a typed failure, and what it says reaches no line. */
import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"
import { upstreamMessage, type VendorAnswer } from "../../src/layers/MParticle/VendorHttp.ts"
import { auditEntryFrom, pointerFrom, recordFrom } from "../../src/layers/MParticle/RequestItems.ts"
import { Timestamp } from "../../src/schemas/DataSubjectRequest.ts"
import { timestampFrom } from "../../src/schemas/OpenDsr.ts"
import { parseRetryAfter } from "../../src/services/Resilience/parseRetryAfter.ts"
import { runs, seed, timeout } from "./support/Fuzz.ts"
import { type Attack, attacksOn, growsTooFast, patternsIn } from "./support/patterns.ts"

/** A vendor's refusal with this text. */
const refusalOf = (message: string): VendorAnswer => ({
  status: 400,
  mediaType: "application/json",
  body: JSON.stringify({ message }),
  retryAfterMillis: undefined
})

describe("what the fuzzing has found", () => {
  it("an instant at the edge of the years is none that could be read back out of a record", () => {
    for (const text of ["9999-12-31T23:00:00-05:00", "0000-01-01T00:00:00+05:00", "9999-12-31T24:00:00Z"]) {
      assert.isUndefined(timestampFrom(text), text)
    }
    assert.isTrue(Schema.is(Timestamp)(timestampFrom("9999-12-31T18:59:59-05:00")))
  })

  it("a value that is longer than any regular expression can be is hidden by no defect", () => {
    const long = "¤".repeat(200_000)
    assert.strictEqual(upstreamMessage(refusalOf("no: (x)"), [long, "(x)"]), "no: [redacted]")
  })

  it("a row with a number that JavaScript has not is a row that cannot be read, and no defect", () => {
    for (const N of ["1e100", "9007199254740993.5", "9007199254740993"]) {
      const row = { version: { N } }
      for (const read of [recordFrom(row), auditEntryFrom(row), pointerFrom(row)]) assert.strictEqual(read._tag, "Left")
    }
  })
})

describe("a regular expression", () => {
  it("that grows too fast would be found", () => {
    const attack = { head: "", pump: "/", tail: "x" }
    assert.isTrue(growsTooFast((text) => void text.replace(/\/+$/, ""), attack))
    assert.isFalse(growsTooFast((text) => void text.replace(/(?<!\/)\/+$/, ""), attack))
  })

  const { composed, found } = patternsIn()

  it("is written down, but for those that are tried below as what they are part of", () => {
    assert.isAtLeast(found.length, 50)
    assert.deepStrictEqual(composed, ["layers/MParticle/VendorHttp.ts", "services/Resilience/parseRetryAfter.ts"])
  })

  const chosen = (attacks: ReadonlyArray<Attack>): ReadonlyArray<Attack> => {
    const length = Math.min(Math.ceil(runs / 2), attacks.length)
    const subsets = FastCheck.shuffledSubarray([...attacks], { minLength: length, maxLength: length })
    return FastCheck.sample(subsets, { numRuns: 1, seed }).flat()
  }

  const uses: ReadonlyArray<readonly [place: string, use: (text: string) => void, attacks: ReadonlyArray<Attack>]> = [
    ...found.map(({ pattern, place }) => {
      const all = new RegExp(pattern, `${pattern.flags}g`)
      return [`${place} ${String(pattern)}`, (text: string) => void text.replace(all, ""), attacksOn(pattern)] as const
    }),
    ["parseRetryAfter", (text) => void parseRetryAfter(text, 0), attacksOn(/Sun, 06 Nov 1994 08:49:37 GMT/)],
    ["what an error of a vendor's says", (text) => void upstreamMessage(refusalOf(text), [text]), attacksOn(/a+b/)]
  ]

  for (const [place, use, attacks] of uses) {
    it(`of ${place} takes four times as long for four times as much`, { timeout }, () => {
      for (const attack of chosen(attacks)) assert.isFalse(growsTooFast(use, attack), JSON.stringify(attack))
    })
  }
})
