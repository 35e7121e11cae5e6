import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as SourceKey from "../../../src/services/IdMinter/SourceKey.ts"
import { identifier, system } from "../../support/minterWorks.ts"

const parsed = (value: unknown) => SourceKey.parse(value, "sourceIdentifier")

/** Why a value is refused; undefined when it is not. */
const reasonOf = (value: unknown): string | undefined =>
  Either.match(parsed(value), { onLeft: ({ reason }) => reason, onRight: () => undefined })

/** A source identifier with this in each of its three parts, by the part's name. */
const withPart = (part: unknown) => ({
  ontologyType: { ...identifier("b1"), ontologyType: part },
  "identifierType.id": { ...identifier("b1"), identifierType: { id: part } },
  value: { ...identifier("b1"), value: part }
})

const names = ["ontologyType", "identifierType.id", "value"] as const

describe("a source identifier", () => {
  it("is a key, and is printed as its work's identifier", () => {
    const { key, printed } = Either.getOrThrow(parsed({ ...identifier("b1161044x"), label: "ignored" }))
    assert.deepInclude(key, { ontologyType: "Work", sourceSystem: system, sourceId: "b1161044x" })
    assert.strictEqual(printed, "Work[sierra-system-number/b1161044x]")
    assert.strictEqual(SourceKey.describe(key), "Work/sierra-system-number/b1161044x")
  })

  it("IM-80 of each of the seven kinds of concepts has a concept's key, and is printed with its own type", () => {
    const concept = SourceKey.make("Concept", system, "n1")
    for (const type of ["Person", "Organisation", "Place", "Agent", "Meeting", "Genre", "Period"]) {
      const { key, printed } = Either.getOrThrow(parsed(identifier("n1", type)))
      assert.deepStrictEqual(key, concept, type)
      assert.strictEqual(printed, `${type}[${system}/n1]`)
    }
  })

  it("IM-80 of any other type, however alike, has a key of that type", () => {
    for (const type of ["Work", "Item", "Image", "Subject", "Concept", "person", "PERSON", "Persons", "toString"]) {
      assert.strictEqual(Either.getOrThrow(parsed(identifier("n1", type))).key.ontologyType, type)
    }
  })

  it.each([
    ["must be a string", [1, 1.5, true, null, undefined, [], ["b1"], {}, { id: "b1" }]],
    ["must not be empty", [""]],
    ["must not begin or end with white space", [" b1", "b1 ", " ", "\tb1", "b1\n", "\u00a0b1", "b1\u2003", "\ufeffb1"]],
    ["must not have more than 255 characters", ["b".repeat(256), "\u{1F4DA}".repeat(256), "é".repeat(256)]],
    ["must not hold control characters", ["b\u00001", "b\u001f1", "b\n1", "b\u007f1", "b\u009f1"]],
    ["must be well-formed Unicode", ["b\ud800", "\udc00b", "b\udc00\ud800b"]]
  ] as const)("IM-85 %s, in each of its parts", (flaw, parts) => {
    for (const part of parts) {
      for (const name of names) assert.strictEqual(reasonOf(withPart(part)[name]), `sourceIdentifier.${name} ${flaw}`)
    }
  })

  it("IM-85 may have 255 characters, as the database counts them", () => {
    for (const part of ["b".repeat(255), "\u{1F4DA}".repeat(255), "łódź".repeat(63), "a b/c].[\u2028d"]) {
      for (const name of names) assert.isUndefined(reasonOf(withPart(part)[name]))
    }
  })

  it("IM-70 without its members is none, and neither is what is no object", () => {
    const { ontologyType, ...untyped } = identifier("b1")
    const cases: ReadonlyArray<readonly [unknown, (typeof names)[number]]> = [
      [{ something: "something" }, "ontologyType"],
      [untyped, "ontologyType"],
      [{ ontologyType, value: "b1" }, "identifierType.id"],
      [{ ontologyType, value: "b1", identifierType: "sierra" }, "identifierType.id"],
      [{ ontologyType, identifierType: { id: system } }, "value"],
      ...[null, undefined, 7, "Work[a/1]", []].map((none) => [none, "ontologyType"] as const),
      // What every object inherits is no member.
      [Object.create(identifier("b1")), "ontologyType"]
    ]
    for (const [value, name] of cases) assert.strictEqual(reasonOf(value), `sourceIdentifier.${name} must be a string`)
  })

  it("may be of any system", () => {
    for (const name of ["miro-image-number", "label-derived", "nobody's", "__proto__", "constructor", "Sierra"]) {
      assert.strictEqual(Either.getOrThrow(parsed(identifier("1", "Work", name))).key.sourceSystem, name)
    }
  })

  it.prop(
    "its key's text is the same for equal keys only, whatever separators are in them",
    [FastCheck.array(FastCheck.stringMatching(/^[a|/[\]]{1,3}$/), { minLength: 6, maxLength: 6 })],
    ([[a = "", b = "", c = "", d = "", e = "", f = ""]]) => {
      const [one, other] = [SourceKey.make(a, b, c), SourceKey.make(d, e, f)]
      assert.strictEqual(one.id === other.id, a === d && b === e && c === f)
      assert.strictEqual(SourceKey.compare(one, other), -SourceKey.compare(other, one) + 0)
      assert.strictEqual(SourceKey.compare(one, other) === 0, one.id === other.id)
    }
  )

  it.prop(
    "that is accepted is kept to the letter",
    [FastCheck.fullUnicodeString(), FastCheck.string(), FastCheck.string16bits()],
    ([value, type, name]) => {
      const made = parsed(identifier(value, type, name))
      if (Either.isLeft(made)) return
      assert.deepInclude(made.right.key, { sourceId: value, sourceSystem: name })
      assert.strictEqual(made.right.printed, `${type}[${name}/${value}]`)
    }
  )
})
