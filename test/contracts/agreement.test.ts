/** The JSON Schemas that are given out take and refuse what the code takes and refuses. */
import { assert, describe, it } from "@effect/vitest"
import { Ajv2020 } from "ajv/dist/2020.js"
import * as Arbitrary from "effect/Arbitrary"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"
import { folder, readFiles } from "../../scripts/contracts.ts"
import type { Json, JsonObject } from "../../scripts/contracts/json.ts"
import { publicContracts } from "../../scripts/contracts/publicContracts.ts"

const files = await readFiles(folder)
const ajv = new Ajv2020({ strict: true, allowUnionTypes: true }).addVocabulary(["x-open", "x-contract-version"])

const cases = Object.entries(publicContracts).map(([name, { schema }]) => {
  const validate = ajv.compile(JSON.parse(files[`${name}.json`] ?? "false") as JsonObject)
  const decode = Schema.decodeUnknownEither(schema)
  const encode = Schema.encodeSync(schema)
  return {
    name,
    // Events hold any JSON: their values take long to make.
    runs: name === "events-request" ? 600 : 3000,
    byJsonSchema: (value: Json): boolean => validate(value),
    byEffect: (value: Json): boolean => Either.isRight(decode(value)),
    values: Arbitrary.make(schema).map((value): Json => encode(value))
  }
})

const face = "\u{1f600}"

const groups: ReadonlyArray<ReadonlyArray<Json>> = [
  [null, true, false, 0, -1, 1.5, "", " ", "\u00a0\u2003\ufeff", "\u0000", "a", "a\n", "../a", "toString"],
  [127, 128, 129, 255, 256, 257].flatMap((length) => ["a".repeat(length), "\u00e9".repeat(length), " ".repeat(length)]),
  [128, 129, 256, 257].map((length) => face.repeat(length)),
  ["\ud800", "a\udc00b", `${"a".repeat(256)}\udfff`],
  ["a@b.cc", "A@B.CC", "a@b", "a b@c.dd", " a@b.cc", "a@b.cc\n", "\u00e9@b.cc", `${"a".repeat(65)}@b.cc`],
  [`a@${"b".repeat(63)}.${"c".repeat(63)}.${"d".repeat(63)}.${"e".repeat(58)}.ff`, `a@${"b.".repeat(125)}ccc`],
  ["initiate", "status", "delete", "export", "GDPR", "ccpa", "RER", "SAR", "mparticlerer", "mparticlesar"],
  ["queued", "completed", "received", "pending", "TIMEOUT", "UNKNOWN_CODE", "2024-01-15T10:30:00.000Z"],
  [[], [null], ["a"], [1], {}, { "": null }, { payload: {} }, { reason: 1 }, [{ path: "a", reason: "b" }]]
]

const hostile = groups.flat()

/** Keys that a place can lose, gain or have replaced: those of the contracts, and some that no contract names. */
const keys = ["correlationId", "email", "regulation", "details", "success", "subjectEmail", "__proto__", "constructor"]

interface Mutation {
  readonly place: number
  readonly kind: "replace" | "delete" | "add"
  readonly key: string
  readonly value: Json
}

const mutation: FastCheck.Arbitrary<Mutation> = FastCheck.record({
  place: FastCheck.nat(),
  kind: FastCheck.constantFrom("replace", "delete", "add"),
  key: FastCheck.constantFrom(...keys),
  value: FastCheck.constantFrom(...hostile)
})

type Place = ReadonlyArray<string>

const entriesOf = (value: Json): ReadonlyArray<readonly [string, Json]> =>
  typeof value === "object" && value !== null ? Object.entries(value) : []

const placesIn = (value: Json): ReadonlyArray<Place> => [
  [],
  ...entriesOf(value).flatMap(([key, inner]) => placesIn(inner).map((place) => [key, ...place]))
]

const withKey = (value: Json, key: string, inner: Json | undefined): Json => {
  const rest = entriesOf(value).filter(([name]) => name !== key)
  const entries = inner === undefined ? rest : [...rest, [key, inner] as const]
  return Array.isArray(value) ? entries.map(([, item]) => item) : Object.fromEntries(entries)
}

const mutate = (value: Json, place: Place, { kind, key, value: hostileValue }: Mutation): Json | undefined => {
  const [head, ...rest] = place
  if (head !== undefined) {
    const inner = entriesOf(value).find(([name]) => name === head)?.[1] ?? null
    return withKey(value, head, mutate(inner, rest, { kind, key, value: hostileValue, place: 0 }))
  }
  if (kind === "replace") return hostileValue
  return kind === "delete" ? undefined : withKey(value, key, hostileValue)
}

const mutated = (value: Json, mutations: ReadonlyArray<Mutation>): Json =>
  mutations.reduce<Json>((current, one) => {
    const places = placesIn(current)
    return mutate(current, places[one.place % places.length] ?? [], one) ?? null
  }, value)

const textsIn = (value: Json): ReadonlyArray<string> =>
  typeof value === "string" ? [value] : entriesOf(value).flatMap(([, inner]) => textsIn(inner))

/**
 * All that JSON Schema cannot say of a name: that it is well-formed Unicode, and that its length counts a character
 * outside the basic plane as two. There it takes what the code refuses.
 */
const cannotBeSaid = (text: string): boolean => !text.isWellFormed() || (text.length > 256 && [...text].length <= 256)

describe.each(cases)("$name", ({ byEffect, byJsonSchema, runs, values }) => {
  it("takes every value of the contract", () => {
    FastCheck.assert(
      FastCheck.property(values, (value) => byJsonSchema(value)),
      { numRuns: runs / 6, seed: 1 }
    )
  })

  it("judges damaged values as the code does, but for what JSON Schema cannot say", () => {
    const outcomes = { taken: 0, refused: 0 }
    FastCheck.assert(
      FastCheck.property(values, FastCheck.array(mutation, { minLength: 1, maxLength: 3 }), (value, mutations) => {
        const input = mutated(value, mutations)
        const isTaken = byJsonSchema(input)
        outcomes[isTaken ? "taken" : "refused"] += 1
        return isTaken === byEffect(input) || (isTaken && textsIn(input).some(cannotBeSaid))
      }),
      { numRuns: runs, seed: 1 }
    )
    assert.isAbove(outcomes.refused, runs / 10)
    assert.isAbove(outcomes.taken, 10)
  })

  it("judges each hostile value alone as the code does", () => {
    for (const value of hostile) assert.strictEqual(byJsonSchema(value), byEffect(value), JSON.stringify(value))
  })
})

describe("what JSON Schema cannot say", () => {
  const names: ReadonlyArray<readonly [contract: string, withName: (name: string) => Json]> = [
    [
      "baton-request",
      (identityId) => ({ action: "initiate", payload: { identityId, email: "a@b.cc", requestType: "delete" } })
    ],
    ["baton-request", (correlationId) => ({ action: "status", payload: { mparticleRequestId: "a", correlationId } })],
    [
      "baton-flat-request",
      (subjectId) => ({ requestType: "RER", dataProvider: "mparticlerer", action: "initiate", subjectId })
    ],
    [
      "baton-response",
      (correlationId) => ({
        success: true,
        mparticleRequestId: "a",
        status: "queued",
        correlationId,
        timestamp: "2024-01-15T10:30:00.000Z"
      })
    ]
  ]

  it.each(names)("%s: ill-formed names and long ones outside the basic plane", (contract, withName) => {
    const { byEffect, byJsonSchema } = cases.find(({ name }) => name === contract) ?? assert.fail(contract)
    for (const name of ["\ud800", "a\udc00b", face.repeat(129), face.repeat(256)]) {
      assert.deepStrictEqual([byJsonSchema(withName(name)), byEffect(withName(name))], [true, false])
    }
    for (const name of ["a", face.repeat(128)]) {
      assert.deepStrictEqual([byJsonSchema(withName(name)), byEffect(withName(name))], [true, true])
    }
  })
})
