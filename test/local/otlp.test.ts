/** Which OTLP documents the platform understands. */
import { assert, describe, it } from "vitest"
import { spansOf } from "../../local/src/observability/otlp.ts"
import { nanos, spanId, traceId, wireDocument, wireSpan } from "./spans.ts"

const read = (document: unknown) => spansOf(JSON.stringify(document))

describe("an OTLP document", () => {
  it("is read with everything that a span has", () => {
    const other = "b".repeat(32)
    const [span] = read(
      wireDocument(
        [
          wireSpan(7, {
            traceId: traceId.toUpperCase(),
            parentSpanId: spanId(1),
            kind: 4,
            endTimeUnixNano: `${nanos(7).slice(0, -6)}250000`,
            status: { code: 2, message: "no" },
            links: [{ traceId: other, spanId: spanId(3), attributes: [] }],
            attributes: [
              { key: "text", value: { stringValue: "ü" } },
              { key: "whole", value: { intValue: "-12" } },
              { key: "number", value: { intValue: 12 } },
              { key: "large", value: { intValue: "9223372036854775807" } },
              { key: "real", value: { doubleValue: 0.5 } },
              { key: "none", value: { doubleValue: "NaN" } },
              { key: "flag", value: { boolValue: false } },
              { key: "list", value: { arrayValue: { values: [{ stringValue: "a" }, { intValue: "1" }] } } },
              { key: "map", value: { kvlistValue: { values: [{ key: "k", value: { boolValue: true } }] } } },
              { key: "bytes", value: { bytesValue: "AAE=" } },
              { key: "empty", value: {} },
              { key: "__proto__", value: { stringValue: "own" } }
            ]
          })
        ],
        "mparticle-api-lambda"
      )
    )
    assert.deepEqual(span, {
      traceId,
      spanId: spanId(7),
      parentSpanId: spanId(1),
      function: "mparticle-api-lambda",
      name: "work 7",
      kind: "producer",
      startNanos: BigInt(nanos(7)),
      endNanos: BigInt(nanos(7)) + 250_000n,
      status: "error",
      links: [{ traceId: other, spanId: spanId(3) }],
      attributes: Object.fromEntries([
        ["text", "ü"],
        ["whole", -12],
        ["number", 12],
        ["large", "9223372036854775807"],
        ["real", 0.5],
        ["none", "NaN"],
        ["flag", false],
        ["list", ["a", 1]],
        ["map", { k: true }],
        ["bytes", "AAE="],
        ["empty", null],
        ["__proto__", "own"]
      ])
    })
  })

  it("may leave out, or write null for, what is empty", () => {
    assert.deepEqual(read({}), [])
    assert.deepEqual(read({ resourceSpans: null, unknown: 1 }), [])
    assert.deepEqual(read({ resourceSpans: [{ scopeSpans: [{ spans: [] }, {}] }, {}] }), [])
    const { traceId, spanId, name, startTimeUnixNano, endTimeUnixNano } = wireSpan(1)
    const least = { traceId, spanId, name, startTimeUnixNano, endTimeUnixNano, parentSpanId: "" }
    const [span] = read({ resourceSpans: [{ scopeSpans: [{ spans: [least] }] }] })
    assert.deepInclude(span, {
      function: "unknown_service",
      kind: "internal",
      status: "unset",
      attributes: {},
      links: []
    })
    assert.notProperty(span, "parentSpanId")
    const kinds = [0, 1, 2, 3, 4, 5].map((kind) => wireSpan(kind + 1, { kind }))
    assert.deepEqual(
      read(wireDocument(kinds)).map(({ kind }) => kind),
      ["internal", "internal", "server", "client", "producer", "consumer"]
    )
  })

  const span = "resourceSpans[0].scopeSpans[0].spans[1]"
  const flawed: ReadonlyArray<readonly [fields: Record<string, unknown>, message: string]> = [
    [{ traceId: "abc" }, `${span}.traceId must be 32 hexadecimal digits, not all 0`],
    [{ traceId: "0".repeat(32) }, `${span}.traceId must be 32 hexadecimal digits, not all 0`],
    [{ spanId: undefined }, `${span}.spanId must be 16 hexadecimal digits, not all 0`],
    [{ parentSpanId: "CvdlGRbNQ90=" }, `${span}.parentSpanId must be 16 hexadecimal digits, not all 0`],
    [{ name: 7 }, `${span}.name must be a string`],
    [{ kind: 6 }, `${span}.kind must be a number from 0 to 5`],
    [{ kind: "SPAN_KIND_SERVER" }, `${span}.kind must be a number from 0 to 5`],
    [{ startTimeUnixNano: 1.5 }, `${span}.startTimeUnixNano must be nanoseconds as a decimal string`],
    [{ endTimeUnixNano: "-1" }, `${span}.endTimeUnixNano must be nanoseconds as a decimal string`],
    [{ status: "ok" }, `${span}.status must be an object`],
    [{ status: { code: 3 } }, `${span}.status.code must be a number from 0 to 2`],
    [{ links: [{ traceId }] }, `${span}.links[0].spanId must be 16 hexadecimal digits, not all 0`],
    [{ attributes: {} }, `${span}.attributes must be an array`],
    [{ attributes: [{ value: {} }] }, `${span}.attributes[0].key must be a string`],
    [{ attributes: [{ key: "k", value: "plain" }] }, `${span}.attributes[0].value must be an object`],
    [
      { attributes: [{ key: "k", value: { intValue: "1.5" } }] },
      `${span}.attributes[0].value.intValue must be a whole number`
    ],
    [
      { attributes: [{ key: "k", value: { boolValue: "true" } }] },
      `${span}.attributes[0].value.boolValue must be true or false`
    ]
  ]
  it.each(flawed)("is refused whole for one flaw: %j", (fields, message) => {
    assert.throws(() => read(wireDocument([wireSpan(1), wireSpan(2, fields)])), message)
  })

  it("is refused when it is something else", () => {
    assert.throws(() => spansOf("<xml>"), "the body must be JSON")
    assert.throws(() => spansOf(""), "the body must be JSON")
    for (const other of [[], null, 3, "text"]) assert.throws(() => read(other), "the body must be an object")
    assert.throws(() => read({ resourceSpans: {} }), "resourceSpans must be an array")
    assert.throws(
      () => read({ resourceSpans: [{ scopeSpans: [1] }] }),
      "resourceSpans[0].scopeSpans[0] must be an object"
    )
    const named = { resource: { attributes: [{ key: "service.name", value: { intValue: 1 } }] } }
    assert.throws(() => read({ resourceSpans: [named] }), "resourceSpans[0]: service.name must be a string")
  })
})
