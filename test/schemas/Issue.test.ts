import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as Issue from "../../src/schemas/Issue.ts"

const issuesOf = <A, I>(schema: Schema.Schema<A, I>, input: unknown): ReadonlyArray<string> => {
  const decoded = Schema.decodeUnknownEither(schema, { errors: "all", onExcessProperty: "error" })(input)
  assert.isTrue(Either.isLeft(decoded))
  return Either.isLeft(decoded) ? Issue.fromParseError(decoded.left).map(({ path, reason }) => `${path}|${reason}`) : []
}

const Person = Schema.Struct({
  name: Schema.String.pipe(Schema.minLength(20)),
  kind: Schema.Literal("a", "b"),
  tags: Schema.Array(Schema.Number),
  when: Schema.optional(Schema.DateFromString.pipe(Schema.validDate()))
})

describe("Issue.fromParseError", () => {
  it("names where and what was expected, and never the value", () => {
    const input = { name: "123-45-6789", kind: "SECRET", tags: [1, "two@example.com"], when: "soon-secret", extra: 1 }
    const issues = issuesOf(Person, input)
    assert.deepStrictEqual(issues.toSorted(), [
      "extra|is not expected",
      'kind|expected "a" or "b"',
      "name|expected a string at least 20 character(s) long",
      "tags.1|expected a number",
      "when|expected a valid Date"
    ])
    for (const issue of issues) assert.notMatch(issue, /123-45|SECRET|two@|soon/)
  })

  it("says what is missing", () => {
    assert.deepStrictEqual(issuesOf(Person, { name: "x".repeat(20), kind: "a" }), ["tags|is missing"])
  })

  it("speaks of the whole input where the whole is wrong", () => {
    const [issue] = issuesOf(Schema.Struct({ a: Schema.String }), null)
    assert.match(issue ?? "", /^\|expected/)
  })

  it("shows what each member of a union wants, once", () => {
    const issues = issuesOf(Schema.Union(Schema.String, Schema.Number, Schema.String), true)
    assert.deepStrictEqual(issues, ["|expected a string or a number"])
  })

  it("reads transformations and values that may not be had", () => {
    assert.deepStrictEqual(issuesOf(Schema.Struct({ n: Schema.NumberFromString }), { n: "secret" }), [
      "n|expected a number"
    ])
    assert.deepStrictEqual(issuesOf(Schema.Struct({ n: Schema.parseJson(Schema.Number) }), { n: "{se" }), [
      "n|expected valid JSON"
    ])
  })

  it("renders one line", () => {
    assert.strictEqual(
      Issue.render([
        { path: "a.b", reason: "is missing" },
        { path: "", reason: "expected x" }
      ]),
      "a.b: is missing; expected x"
    )
  })
})
