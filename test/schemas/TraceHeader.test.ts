import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as TraceHeader from "../../src/schemas/TraceHeader.ts"

const traceId = "5759e988bd862e3fe1be46a994272793"
const spanId = "53995c3f42cd8ad8"

const hexOf = (digits: number): FastCheck.Arbitrary<string> =>
  FastCheck.array(FastCheck.constantFrom(..."0123456789abcdef"), { minLength: digits, maxLength: digits }).map((all) =>
    all.join("")
  )

describe("trace headers", () => {
  it("reads AWS's header, with what Lambda adds to it", () => {
    const header = `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=${spanId};Sampled=1;Lineage=1:a87bd80c:0`
    assert.deepStrictEqual(TraceHeader.parseAws(header), { traceId, spanId, sampled: true })
  })

  it("reads a header that names the trace alone, or leaves sampling open", () => {
    assert.deepStrictEqual(TraceHeader.parseAws("Root=1-5759e988-bd862e3fe1be46a994272793"), { traceId })
    assert.deepStrictEqual(TraceHeader.parseAws("Self=1-0;Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=?"), {
      traceId
    })
    assert.deepStrictEqual(TraceHeader.parseAws("Sampled=0; Root=1-5759e988-bd862e3fe1be46a994272793"), {
      traceId,
      sampled: false
    })
  })

  it("reads nothing out of anything else", () => {
    for (const text of ["", "Root=", "Root=5759e988", `Parent=${spanId}`, "Root=1-5759E988-BD862E3FE1BE46A994272793"]) {
      assert.isUndefined(TraceHeader.parseAws(text))
    }
    assert.deepStrictEqual(TraceHeader.parseAws("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=x"), { traceId })
  })

  it("writes what it reads", () => {
    FastCheck.assert(
      FastCheck.property(hexOf(32), hexOf(16), FastCheck.boolean(), (traceId, spanId, sampled) => {
        const context = { traceId, spanId, sampled }
        assert.deepStrictEqual(TraceHeader.parseAws(TraceHeader.formatAws(context)), context)
      })
    )
  })

  it("writes W3C's header", () => {
    assert.strictEqual(TraceHeader.formatTraceparent({ traceId, spanId, sampled: true }), `00-${traceId}-${spanId}-01`)
    assert.match(TraceHeader.formatTraceparent({ traceId, spanId, sampled: false }), /-00$/)
  })
})
