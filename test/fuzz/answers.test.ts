/** What others answer us, damaged: it is a value of its schema or a typed failure, and what it says reaches no line. */
import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { auditEntryFrom, pointerFrom, recordFrom } from "../../src/layers/MParticle/RequestItems.ts"
import { Timestamp } from "../../src/schemas/DataSubjectRequest.ts"
import { timestampFrom } from "../../src/schemas/OpenDsr.ts"

describe("what the fuzzing has found", () => {
  it("an instant at the edge of the years is none that could be read back out of a record", () => {
    for (const text of ["9999-12-31T23:00:00-05:00", "0000-01-01T00:00:00+05:00", "9999-12-31T24:00:00Z"]) {
      assert.isUndefined(timestampFrom(text), text)
    }
    assert.isTrue(Schema.is(Timestamp)(timestampFrom("9999-12-31T18:59:59-05:00")))
  })

  it("a row with a number that JavaScript has not is a row that cannot be read, and no defect", () => {
    for (const N of ["1e100", "9007199254740993.5", "9007199254740993"]) {
      const row = { version: { N } }
      for (const read of [recordFrom(row), auditEntryFrom(row), pointerFrom(row)]) assert.strictEqual(read._tag, "Left")
    }
  })
})
