/** Whatever is done to a contract: where no breaking change is found, every value of it is still taken. */
import { assert, describe, it } from "@effect/vitest"
import { Ajv2020 } from "ajv/dist/2020.js"
import * as Arbitrary from "effect/Arbitrary"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"
import { folder, readFiles } from "../../scripts/contracts.ts"
import { breakingChanges, openMark } from "../../scripts/contracts/compatibility.ts"
import { isObject, isWord, type Json, type JsonObject } from "../../scripts/contracts/json.ts"
import { publicContracts } from "../../scripts/contracts/publicContracts.ts"

const files = await readFiles(folder)

/** An open enumeration is the one place where a value may be refused by design. */
const closed = (json: Json): Json =>
  Array.isArray(json)
    ? json.map(closed)
    : isObject(json)
      ? Object.fromEntries(
          Object.entries(json).flatMap(([key, value]) => (key === openMark ? [] : [[key, closed(value)]]))
        )
      : json

const cases = Object.entries(publicContracts).map(([name, { direction, schema }]) => {
  const encode = Schema.encodeSync(schema)
  const values = FastCheck.sample(Arbitrary.make(schema), { numRuns: 60, seed: 1 }).map((value): Json => encode(value))
  const contract = closed(JSON.parse(files[`${name}.json`] ?? "null") as Json) as JsonObject
  return { name, contract, direction, values }
})

const keywords: ReadonlyArray<readonly [keyword: string, ...values: ReadonlyArray<Json>]> = [
  ["type", "string", "number", "integer", "boolean", "null", "object", "array", ["string", "null"]],
  ["enum", ["GDPR"], ["a", 1, null], [true], []],
  ["const", "initiate", null],
  ["minLength", 0, 1, 10],
  ["maxLength", 0, 300],
  ["minimum", 0],
  ["maximum", 10],
  ["pattern", "^[a-z]+$", "."],
  ["required", [], ["action"], ["payload", "action"], ["nothing"]],
  ["additionalProperties", false, true, { type: "string" }],
  ["items", { type: "string" }, false, true],
  ["minItems", 1],
  ["maxItems", 0],
  [
    "properties",
    {},
    { action: true },
    { payload: { $ref: "#/$defs/RequestId" }, code: { $ref: "#/$defs/BatonFailure" } },
    { code: { type: "string" }, success: false }
  ],
  ["not", {}, { const: "a" }],
  ["oneOf", [{ type: "string" }], [true, { required: ["action"] }]],
  [
    "anyOf",
    [],
    [true],
    [{ type: "string" }, { type: "object" }],
    [{ required: ["action"] }, { required: ["success"] }]
  ],
  ["allOf", [], [{ type: "object" }], [{ minLength: 1 }, { minLength: 2 }], [{ anyOf: [{ type: "null" }, true] }]],
  ["if", { required: ["action"] }],
  ["then", { required: ["payload"] }],
  ["propertyNames", { maxLength: 3 }],
  ["prefixItems", [{ type: "number" }]],
  ["patternProperties", { "^a": false }],
  ["dependentRequired", { action: ["nothing"] }],
  ["uniqueItems", true]
]

const addition = FastCheck.constantFrom(
  ...keywords.flatMap(([keyword, ...values]) => values.map((value) => [keyword, value] as const))
)

interface Change {
  readonly place: number
  readonly kind: "add" | "delete" | "widen" | "narrow"
  readonly addition: readonly [keyword: string, value: Json]
}

const change: FastCheck.Arbitrary<Change> = FastCheck.record({
  place: FastCheck.nat(),
  kind: FastCheck.constantFrom("add", "delete", "widen", "narrow"),
  addition
})

type Way = ReadonlyArray<string>

const entriesOf = (json: Json): ReadonlyArray<readonly [string, Json]> =>
  Array.isArray(json) || isObject(json) ? Object.entries(json) : []

const waysIn = (json: Json): ReadonlyArray<Way> => [
  [],
  ...entriesOf(json)
    .filter(([key]) => key === "$defs" || !isWord(key))
    .flatMap(([key, inner]) => waysIn(inner).map((way) => [key, ...way]))
]

const rebuilt = (json: Json, entries: ReadonlyArray<readonly [string, Json]>): Json =>
  Array.isArray(json) ? entries.map(([, item]) => item) : Object.fromEntries(entries)

const damage = (json: Json, way: Way, one: Change): Json | undefined => {
  const [key, ...rest] = way
  if (key !== undefined) {
    const inner = entriesOf(json).flatMap(([name, value]) => {
      const next = name === key ? damage(value, rest, one) : value
      return next === undefined ? [] : [[name, next] as const]
    })
    return rebuilt(json, inner)
  }
  const [keyword, value] = one.addition
  if (one.kind === "delete") return undefined
  if (one.kind === "add") return isObject(json) ? { ...json, [keyword]: value } : value
  if (typeof json === "number") return one.kind === "widen" ? json + 1 : json - 1
  return one.kind === "widen" && Array.isArray(json) ? [...json, value] : isObject(json) ? { [keyword]: value } : json
}

// Each validator is used for sixty values: to optimize it would take longer than it saves.
const ajv = new Ajv2020({ strict: false, logger: false, code: { optimize: false } })

/** Undefined where the document is no JSON Schema any more. */
const validatorOf = (schema: Json): ((value: Json) => boolean) | undefined => {
  try {
    const validate = ajv.compile(isObject(schema) ? { ...schema, $id: "" } : { not: {} })
    return (value) => validate(value)
  } catch {
    return undefined
  }
}

describe.each(cases)("$name", ({ contract, direction, values }) => {
  it("is taken whole, or a breaking change is found", () => {
    const outcomes = { harmless: 0, breaking: 0 }
    FastCheck.assert(
      FastCheck.property(FastCheck.array(change, { minLength: 1, maxLength: 2 }), (changes) => {
        const other = changes.reduce<Json>((current, one) => {
          const ways = waysIn(current)
          return damage(current, ways[one.place % ways.length] ?? [], one) ?? null
        }, contract)
        const isTaken = validatorOf(other)
        if (!isObject(other) || isTaken === undefined) return true
        const [before, after] = direction === "request" ? [contract, other] : [other, contract]
        const isWhole = values.every(isTaken)
        const found = breakingChanges(direction, before, after)
        if (found.length === 0) outcomes.harmless += 1
        else if (!isWhole) outcomes.breaking += 1
        return found.length > 0 || isWhole
      }),
      { numRuns: 200, seed: 1 }
    )
    assert.isAbove(outcomes.harmless, 10)
    assert.isAbove(outcomes.breaking, 10)
  })
})
