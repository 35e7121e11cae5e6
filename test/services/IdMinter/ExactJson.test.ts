import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as ExactJson from "../../../src/services/IdMinter/ExactJson.ts"

/** The JSON that comes out again. */
const written = (text: string): string => {
  const { value, wrapper } = ExactJson.parse(text)
  const copy = (original: unknown): unknown => {
    if (typeof original !== "object" || original === null) return original
    if (Array.isArray(original)) return original.map(copy)
    return (
      ExactJson.unwrapped(original, wrapper) ??
      Object.fromEntries(Object.entries(original).map(([name, inner]) => [name, copy(inner)]))
    )
  }
  return JSON.stringify(copy(value))
}

const unchanged = (text: string): void => assert.strictEqual(written(text), text)

/** JSON as it may come, and as it is written. */
interface Spelt {
  readonly given: string
  readonly plain: string
}

const escaped = (text: string): string =>
  `"${Array.from({ length: text.length }, (_, at) => `\\u${text.charCodeAt(at).toString(16).padStart(4, "0")}`).join("")}"`

/** A string, written as it is or with all of its characters escaped. */
const spelt = (text: FastCheck.Arbitrary<string>): FastCheck.Arbitrary<Spelt> =>
  FastCheck.tuple(text, FastCheck.boolean()).map(([string, isEscaped]) => ({
    plain: JSON.stringify(string),
    given: isEscaped ? escaped(string) : JSON.stringify(string)
  }))

const texts = FastCheck.oneof(
  FastCheck.fullUnicodeString(),
  FastCheck.string16bits(),
  FastCheck.constantFrom(
    "1.0",
    '"1.0',
    "\\",
    '\\"',
    "\\\\",
    "-0",
    "exact0",
    "exact1",
    "exact",
    '{"exact0":"1.0"}',
    "\n1e5"
  )
)

const names = FastCheck.oneof(
  FastCheck.constantFrom("exact0", "exact1", "exact2", "exact", "exact0x", "__proto__", "constructor", "toString", ""),
  FastCheck.string({ maxLength: 4 }).filter((name) => !/^\d+$/.test(name))
)

/** Any spelling of a number that JSON has. */
const numbers = FastCheck.oneof(
  FastCheck.stringMatching(/^-?(?:0|[1-9]\d{0,25})(?:\.\d{1,20})?(?:[eE][+-]?\d{1,3})?$/),
  FastCheck.constantFrom("1.0", "-0", "0", "9007199254740993", "1e5", "1E400", "1e21", "1e+21", "0.1", "1.10"),
  FastCheck.double({ noNaN: true, noDefaultInfinity: true }).map(String)
)

const { json } = FastCheck.letrec<{ json: Spelt }>((tie) => ({
  json: FastCheck.oneof(
    { maxDepth: 4 },
    FastCheck.oneof(numbers, FastCheck.constantFrom("null", "true", "false")).map((text) => ({
      given: text,
      plain: text
    })),
    spelt(texts),
    FastCheck.array(tie("json"), { maxLength: 4 }).map((items) => ({
      given: `[${items.map(({ given }) => given).join(" ,\n")}]`,
      plain: `[${items.map(({ plain }) => plain).join(",")}]`
    })),
    FastCheck.uniqueArray(FastCheck.tuple(spelt(names), tie("json")), {
      maxLength: 4,
      selector: ([name]) => name.plain
    }).map((members) => ({
      given: `{${members.map(([name, value]) => `${name.given}: ${value.given}`).join(", ")}}`,
      plain: `{${members.map(([name, value]) => `${name.plain}:${value.plain}`).join(",")}}`
    }))
  )
}))

describe("numbers", () => {
  it("come out as they went in", () => {
    for (const number of [
      "1.0",
      "9007199254740993",
      "-9007199254740993",
      "1e5",
      "1E5",
      "-0",
      "0.10",
      "1e400",
      "-0.0"
    ]) {
      unchanged(number)
      unchanged(`{"a":[${number},{"b":${number}}]}`)
    }
  })

  it("are not wrapped where they stay as they are anyway", () => {
    for (const text of ["7", "-1.5", '{"a":0,"b":[12,1e+21,5e-324]}', '{"version":"1.0","more":["-0","1e5"]}']) {
      assert.deepStrictEqual(ExactJson.parse(text), { value: JSON.parse(text) as unknown, wrapper: undefined })
    }
  })

  it("are told from strings, whatever is in these and escaped in these", () => {
    for (const string of ['"1.0"', '"\\"1.0"', '"\\\\"', '"\\\\\\"1.0"', '",1.0,"', '"\\n1.0\\n"', '"a\\\\",1.0,"b"']) {
      unchanged(`[2.0,${string},3.0]`)
      unchanged(`{${string.startsWith('"a') ? '"n"' : string}:4.0}`)
    }
  })

  it("may be as long as one likes", () => {
    const long = "1".repeat(1_000_000)
    unchanged(`[${long},0.${long}]`)
  })

  it.prop(
    "and everything else come out as they went in",
    [json],
    ([{ given, plain }]) => assert.strictEqual(written(given), plain),
    { fastCheck: { numRuns: 500 } }
  )
})

describe("what stands for a number", () => {
  it("has a name that the document has nowhere, however that is escaped", () => {
    for (const name of ["exact0", "\\u0065xact0", "exac\\u0074\\u0030", "\\u0065\\u0058act0\\\\u0065xact0"]) {
      const { wrapper } = ExactJson.parse(`{"n":1.0,"${name}":"x"}`)
      assert.isFalse(Object.hasOwn(JSON.parse(`{"${name}":1}`) as object, wrapper ?? ""), name)
    }
    const taken = Array.from({ length: 1_000 }, (_, number) => `"exact${number}":"1"`).join(",")
    assert.strictEqual(ExactJson.parse(`{"n":1.0,${taken}}`).wrapper, "exact1000")
    unchanged(`{"n":1.0,${taken}}`)
  })

  it("is found in no time, whatever is in the document", () => {
    const began = performance.now()
    ExactJson.parse(`[1.0,"exact${"-".repeat(1_000_000)}","${"exact0".repeat(200_000)}"]`)
    ExactJson.parse(`{"n":1.0,"all":"${Array.from({ length: 200_000 }, (_, number) => `exact${number}`).join()}"}`)
    assert.isBelow(performance.now() - began, 5_000)
  })

  it("is none where nothing is wrapped", () => {
    assert.isUndefined(ExactJson.unwrapped({ exact0: "1.0" }, undefined))
    assert.isUndefined(ExactJson.unwrapped({ other: "1.0" }, "exact0"))
  })
})

describe("long and deep documents", () => {
  it("with ten megabytes in one string are read", () => {
    for (const part of ["x", "\\n", '\\"', "1.0,"]) {
      unchanged(`[1.0,${JSON.stringify(JSON.parse(`"${part.repeat(10_000_000 / part.length)}"`))},2.0]`)
    }
  })

  it("of ten thousand levels are read", () => {
    const { value } = ExactJson.parse(`${'{"a":['.repeat(10_000)}1.0${"]}".repeat(10_000)}`)
    assert.isObject(value)
  })
})

describe("what is no JSON", () => {
  it("is refused, whether or not wrapping would mend it", () => {
    const broken = [
      "",
      "{",
      "[1.0",
      "01.0",
      "1.0.0",
      "1.",
      "[1.0,]",
      "+1.0",
      ".5",
      "1.0e",
      '"1.0',
      "'1.0'",
      "[1.0 2.0]"
    ]
    for (const text of [...broken, "{1.0:2}", "[1.0]x", '"\\x"', '["a\nb",1.0]', "NaN", "[-]", '{"a":1.0"b":2}']) {
      assert.throws(() => ExactJson.parse(text), SyntaxError, undefined, text)
    }
  })

  const pieces = FastCheck.constantFrom(
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    '"',
    "\\",
    '"a"',
    "1.0",
    "-",
    "0",
    "e5",
    "null",
    " "
  )

  it.prop(
    "is what `JSON.parse` takes for none",
    [FastCheck.array(pieces, { maxLength: 8 })],
    ([parts]) => {
      const text = parts.join("")
      const outcome = (read: () => unknown): string => {
        try {
          read()
          return "read"
        } catch (error) {
          return error instanceof SyntaxError ? "refused" : String(error)
        }
      }
      assert.strictEqual(
        outcome(() => ExactJson.parse(text)),
        outcome(() => JSON.parse(text))
      )
    },
    { fastCheck: { numRuns: 1_000 } }
  )
})
