/** The files in `contracts` are what `src` says, and their version tells how far they are from the last release. */
import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { drift, folder, generate, readFiles, releaseProblem } from "../../scripts/contracts.ts"
import type { JsonObject } from "../../scripts/contracts/json.ts"
import { jsonSchemaOf } from "../../scripts/contracts/jsonSchema.ts"
import { publicContracts } from "../../scripts/contracts/publicContracts.ts"
import { differenceOf, newest, versionProblem } from "../../scripts/contracts/release.ts"
import { contractVersion, contractVersionField } from "../../src/schemas/ContractVersion.ts"
import { Email, StatusPayload } from "../../src/schemas/index.ts"

describe("contracts", () => {
  it("are what src says, whenever they are made", async () => {
    const expected = await generate()
    assert.deepStrictEqual(drift(expected, await readFiles(folder)), [])
    assert.deepStrictEqual(await generate(), expected)
    assert.sameMembers(
      Object.keys(expected),
      Object.keys(publicContracts).map((name) => `${name}.json`)
    )
  })

  it("have a name, a version and words of their own, and stand alone", async () => {
    for (const [file, text] of Object.entries(await readFiles(folder))) {
      const schema = JSON.parse(text) as JsonObject
      assert.strictEqual(schema["$schema"], "https://json-schema.org/draft/2020-12/schema")
      assert.strictEqual(schema["$id"], `urn:integration-services:contract:${file.replace(".json", "")}`)
      assert.strictEqual(schema[contractVersionField], contractVersion)
      assert.isString(schema["title"])
      assert.isString(schema["description"])
      assert.notMatch(text, /"\$ref": "(?!#\/\$defs\/)/)
      assert.strictEqual(text.split('"$id"').length, 2)
    }
  })

  it("name nothing that is internal", async () => {
    const text = JSON.stringify(await readFiles(folder))
    assert.notMatch(text, /RequestRecord|AuditEntry|claimOwner|\\"received\\"/)
  })

  it("carry the version that their distance from the last release demands", async () => {
    assert.isUndefined(await releaseProblem(await readFiles(folder)))
  })
})

describe("jsonSchemaOf", () => {
  it("gives named parts their names, and schemas and keys their words", () => {
    const { $defs, description, properties, title } = jsonSchemaOf(
      "a",
      StatusPayload,
      new Map([
        ["StatusPayload", "A query."],
        ["StatusPayload.correlationId", "Optional."],
        ["RequestId", "An id."]
      ])
    )
    assert.deepStrictEqual([title, description], ["StatusPayload", "A query."])
    assert.deepStrictEqual(properties, {
      mparticleRequestId: { $ref: "#/$defs/RequestId" },
      correlationId: { anyOf: [{ $ref: "#/$defs/CorrelationId" }, { type: "null" }], description: "Optional." }
    })
    assert.deepNestedInclude($defs, { "RequestId.description": "An id." })
    assert.hasAllKeys($defs, ["RequestId", "CorrelationId"])
  })

  it("refuses a contract that index.ts does not export, and words for a key that there is not", () => {
    const unknown = Schema.Struct({ email: Email })
    assert.throws(() => jsonSchemaOf("unknown", unknown, new Map()), /does not export the schema of unknown/)
    const words = new Map([["StatusPayload.email", "An address."]])
    assert.throws(() => jsonSchemaOf("a", StatusPayload, words), /nothing in the schema for .* "An address\."/)
  })
})

describe("drift", () => {
  it("names what differs, is missing or is surplus", () => {
    assert.deepStrictEqual(drift({ "a.json": "1", "b.json": "2" }, { "a.json": "1", "b.json": "2" }), [])
    const lines = drift(
      { "a.json": "1", "b.json": "2", "c.json": "3" },
      { "a.json": "1", "b.json": "0", "d.json": "4" }
    )
    assert.deepStrictEqual(lines, [
      "contracts/b.json is not what src says: npm run contracts",
      "contracts/c.json is missing: npm run contracts",
      "contracts/d.json is no public contract: npm run contracts removes it"
    ])
  })
})

describe("the version rule", () => {
  const text = (maxLength: number, more: JsonObject = {}) => ({
    a: { type: "string", maxLength, [contractVersionField]: "1.0.0", ...more }
  })
  const differences = {
    none: differenceOf(text(5), text(5, { [contractVersionField]: "2.0.0" }), () => "request"),
    patch: differenceOf(text(5), text(5, { description: "a text" }), () => "request"),
    minor: differenceOf(text(5), text(6), () => "request"),
    major: differenceOf(text(5), text(4), () => "request")
  }

  it("tells words, additions and breaks apart", () => {
    assert.deepStrictEqual(
      Object.values(differences).map(({ level }) => level),
      ["none", "patch", "minor", "major"]
    )
    assert.deepStrictEqual(differences.major.breaking, ["a: maxLength was 5 and is 4"])
    assert.strictEqual(differenceOf(text(5), { ...text(5), b: {} }, () => "request").level, "minor")
    assert.deepStrictEqual(
      differenceOf(text(5), {}, () => "request"),
      { level: "major", breaking: ["a: is gone"] }
    )
  })

  it.each([
    ["none", "1.2.3", true],
    ["none", "1.2.4", false],
    ["patch", "1.2.3", false],
    ["patch", "1.2.4", true],
    ["patch", "1.2.2", false],
    ["minor", "1.2.4", false],
    ["minor", "1.3.0", true],
    ["minor", "2.0.0", true],
    ["minor", "1.1.9", false],
    ["major", "1.3.0", false],
    ["major", "2.0.0", true],
    ["major", "0.9.0", false]
  ] as const)("after 1.2.3, a difference of level %s under %s: %s", (level, current, isGood) => {
    const problem = versionProblem("1.2.3", current, differences[level])
    assert.strictEqual(problem === undefined, isGood, problem)
  })

  it("says what breaks, and by how much to rise", () => {
    assert.strictEqual(
      versionProblem("1.2.3", "1.3.0", differences.major),
      "the contracts differ from 1.2.3: contractVersion is 1.3.0 and must rise by a major version at least\n  a: maxLength was 5 and is 4"
    )
  })

  it("orders versions by number", () => {
    assert.strictEqual(newest(["1.9.0", "1.10.0", "1.2.11"]), "1.10.0")
    assert.isUndefined(newest([]))
    assert.throws(() => newest(["1.0.0", "one"]), /one is no version/)
  })
})
