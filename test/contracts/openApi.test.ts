/** The OpenAPI document that is given out: what src says, sound by OpenAPI 3.1, and true of every route. */
import { assert, describe, it } from "@effect/vitest"
import { Ajv2020 } from "ajv/dist/2020.js"
import { pageOf } from "../../scripts/build/apiDocuments.ts"
import { documentFolder, documents, drift, folder, readFiles } from "../../scripts/contracts.ts"
import { isObject, type Json, type JsonObject } from "../../scripts/contracts/json.ts"
import { finished } from "../../scripts/contracts/openApi.ts"
import type { HttpError } from "../../src/handlers/MParticleHttp/answers.ts"
import type { InputError } from "../../src/handlers/Lambda/HttpRouter.ts"
import { contractVersion } from "../../src/schemas/ContractVersion.ts"
import { errorCodes } from "../../src/schemas/ErrorCode.ts"
import type { InternalError, OutOfTime } from "../../src/schemas/HttpError.ts"
import type { ValidationError } from "../../src/schemas/MParticleError.ts"
import type { VerificationError } from "../../src/services/CallbackVerifier.ts"
import type { EventsError } from "../../src/services/Events.ts"
import type { FindError, ObserveError, SubmitError } from "../../src/services/MParticle.ts"
import { document, documentText } from "../support/openApi.ts"
import { openApi31 } from "../support/openApi31.ts"

const whole = JSON.parse(documentText) as JsonObject

const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ name: `${method} ${path}`, path, operation }))
)

const objectsIn = (json: Json): ReadonlyArray<JsonObject> => [
  ...(isObject(json) ? [json] : []),
  ...(typeof json === "object" && json !== null ? Object.values(json).flatMap(objectsIn) : [])
]

const referencesIn = (json: Json): ReadonlyArray<string> =>
  objectsIn(json).flatMap(({ $ref }) => (typeof $ref === "string" ? [$ref] : []))

const target = (reference: string): Json | undefined =>
  reference
    .replace("#/", "")
    .split("/")
    .reduce<Json | undefined>(
      (json, key) => (isObject(json) && Object.hasOwn(json, key) ? json[key] : undefined),
      whole
    )

/** The document does not say what holds anyway: that keys may be added. */
const withoutAllowance = (json: Json): Json =>
  Array.isArray(json)
    ? json.map(withoutAllowance)
    : isObject(json)
      ? Object.fromEntries(
          Object.entries(json).flatMap(([key, value]) =>
            key === "additionalProperties" && value === true ? [] : [[key, withoutAllowance(value)]]
          )
        )
      : json

describe("the OpenAPI document", () => {
  it("is what src says, whenever it is made", async () => {
    assert.deepStrictEqual(drift(await documents(), await readFiles(documentFolder), "contracts/openapi"), [])
    assert.strictEqual((await documents())["mparticle-api.json"], documentText)
  })

  it("is named in the drift that it has", async () => {
    const stale = { ...(await documents()), "mparticle-api.json": documentText.replace("MParticle API", "Another") }
    assert.deepStrictEqual(drift(stale, await readFiles(documentFolder), "contracts/openapi"), [
      "contracts/openapi/mparticle-api.json is not what src says: npm run contracts"
    ])
  })

  it("has the structure of OpenAPI 3.1, and carries the version of the contracts", () => {
    const validate = new Ajv2020({ strict: true, allErrors: true, allowUnionTypes: true }).compile(openApi31)
    assert.isTrue(validate(whole), JSON.stringify(validate.errors))
    assert.deepStrictEqual([document.openapi, document.info.version], ["3.1.0", contractVersion])
  })

  it("describes the routes of the contract, and no other", () => {
    assert.sameMembers(
      operations.map(({ name }) => name),
      [
        "post /data-subject-requests",
        "get /data-subject-requests/{id}",
        "post /data-subject-requests/{id}/callback",
        "post /events",
        "get /health"
      ]
    )
  })

  it("refers to nothing that it has not, and has no schema that nothing refers to", () => {
    const references = new Set(referencesIn(whole))
    for (const reference of references) assert.isDefined(target(reference), reference)
    for (const [kind, parts] of Object.entries(document.components)) {
      for (const name of Object.keys(parts)) assert.isTrue(references.has(`#/components/${kind}/${name}`), name)
    }
    assert.isAbove(references.size, 15)
  })

  it("names each operation once, and its groups", () => {
    const ids = operations.map(({ operation }) => operation.operationId)
    assert.lengthOf([...new Set(ids)], ids.length)
    for (const id of ids) assert.match(id, /^(Requests|Events|Service)\.\w+$/)
    assert.deepStrictEqual(
      document.tags.map(({ name }) => name),
      ["Requests", "Events", "Service"]
    )
  })

  it("is relative to where it is served, whatever stage and domain that is", () => {
    const urls = ["https://a.example.com/dev/openapi.json", "https://b.example.com/openapi.json"].map((at) =>
      document.servers.map(({ url }) => new URL(url, at).href)
    )
    assert.deepStrictEqual(urls, [["https://a.example.com/dev/"], ["https://b.example.com/"]])
  })

  it.each(operations)("$name has every parameter of its path, and its body", ({ name, operation, path }) => {
    const wanted = [...path.matchAll(/\{(\w+)\}/g)].map(([, parameter]) => parameter)
    const inPath = operation.parameters.filter((parameter) => parameter.in === "path")
    assert.deepStrictEqual(
      inPath.map((parameter) => [parameter.name, parameter.required]),
      wanted.map((parameter) => [parameter, true])
    )
    assert.strictEqual(operation.requestBody?.required, name.startsWith("post") ? true : undefined)
  })

  it.each(operations)("$name has words for every answer, and says which headers it has", ({ operation }) => {
    for (const [status, { content, description, headers }] of Object.entries(operation.responses)) {
      assert.notMatch(description, /^(Error|)$/, status)
      assert.deepStrictEqual(Object.keys(content), ["application/json"])
      assert.includeMembers(Object.keys(headers), ["x-request-id", "x-correlation-id", "x-contract-version"])
    }
  })

  it("has schemas that are JSON Schemas, and lets keys be added to them", () => {
    const ajv = new Ajv2020({ strict: true, allowUnionTypes: true }).addVocabulary(["x-open"])
    ajv.addVocabulary(["components"])
    ajv.addSchema({ $id: "api", components: whole["components"] })
    for (const name of Object.keys(document.components.schemas)) {
      const validate = ajv.compile({ $ref: `api#/components/schemas/${name}` })
      const { examples = [] } = document.components.schemas[name] as { readonly examples?: ReadonlyArray<unknown> }
      for (const example of examples) assert.isTrue(validate(example), name)
    }
    const text = JSON.stringify(whole)
    assert.notInclude(text, '"additionalProperties":false')
    assert.notMatch(text, /"\$id"|\$defs|HttpApiDecodeError|"_tag"/)
  })

  it("has the schemas of the public contracts, word for word", async () => {
    const contracts = await readFiles(folder)
    const shared = Object.entries(contracts).flatMap(([file, text]) => {
      const {
        $defs = {},
        $id: _,
        $schema: __,
        title,
        "x-contract-version": ___,
        ...body
      } = JSON.parse(text) as JsonObject
      return /^(http|events)-/.test(file) && isObject($defs)
        ? [[String(title), body] as const, ...Object.entries($defs)]
        : []
    })
    assert.isAbove(shared.length, 12)
    for (const [name, schema] of shared) {
      const text = JSON.stringify(schema).replaceAll("#/$defs/", "#/components/schemas/")
      const { examples: _, ...shown } = document.components.schemas[name] as JsonObject
      assert.deepStrictEqual(shown, withoutAllowance(JSON.parse(text) as Json), name)
    }
  })
})

type Codes<E extends { readonly code: string }> = Readonly<Record<E["code"], true>>
type Anywhere = OutOfTime | InternalError

/** With which statuses a route succeeds, and the codes with which it can fail: each that its types know, and no other. */
const routes = {
  "post /data-subject-requests": [
    ["201", "202"],
    {
      VALIDATION_ERROR: true,
      PAYLOAD_TOO_LARGE: true,
      IDEMPOTENCY_CONFLICT: true,
      SUBMISSION_FAILED: true,
      DATABASE_ERROR: true,
      CONFIGURATION_ERROR: true,
      TIMEOUT: true,
      INTERNAL_ERROR: true
    } satisfies Codes<InputError | SubmitError | Anywhere>
  ],
  "get /data-subject-requests/{id}": [
    ["200"],
    {
      VALIDATION_ERROR: true,
      REQUEST_NOT_FOUND: true,
      DATABASE_ERROR: true,
      CONFIGURATION_ERROR: true,
      TIMEOUT: true,
      INTERNAL_ERROR: true
    } satisfies Codes<ValidationError | FindError | Anywhere>
  ],
  "post /data-subject-requests/{id}/callback": [
    ["202"],
    {
      VALIDATION_ERROR: true,
      PAYLOAD_TOO_LARGE: true,
      CERTIFICATE_VALIDATION_ERROR: true,
      CERTIFICATE_UNAVAILABLE: true,
      REQUEST_NOT_FOUND: true,
      DATABASE_ERROR: true,
      CONFIGURATION_ERROR: true,
      TIMEOUT: true,
      INTERNAL_ERROR: true
    } satisfies Codes<InputError | VerificationError | ObserveError | Anywhere>
  ],
  "post /events": [
    ["200"],
    {
      VALIDATION_ERROR: true,
      PAYLOAD_TOO_LARGE: true,
      MPARTICLE_API_ERROR: true,
      NETWORK_ERROR: true,
      CIRCUIT_OPEN: true,
      RATE_LIMITED: true,
      CONFIGURATION_ERROR: true,
      TIMEOUT: true,
      INTERNAL_ERROR: true
    } satisfies Codes<InputError | EventsError | Anywhere>
  ],
  "get /health": [["200", "503"], { TIMEOUT: true, INTERNAL_ERROR: true } satisfies Codes<Anywhere>]
} as const

describe("the answers of a route", () => {
  it.each(Object.entries(routes))("%s are documented, all of them and no other", (name, [successes, codes]) => {
    const failures = (Object.keys(codes) as ReadonlyArray<HttpError["code"]>).map((code) => ({
      code,
      status: String(errorCodes[code].statusCode)
    }))
    const responses = operations.find((operation) => operation.name === name)?.operation.responses ?? {}
    assert.sameMembers(Object.keys(responses), [...new Set([...successes, ...failures.map(({ status }) => status)])])
    for (const { code, status } of failures) {
      assert.deepInclude(responses[status]?.content["application/json"]?.schema, {
        $ref: "#/components/schemas/HttpFailure"
      })
      assert.include(responses[status]?.description, `\`${code}\``)
    }
    for (const status of successes) {
      assert.notInclude(responses[status]?.content["application/json"]?.schema.$ref, "HttpFailure")
    }
  })
})

describe("the reference page", () => {
  it("shows this very document, and loads nothing from anywhere", async () => {
    const page = await pageOf("mparticle-api")
    const [, embedded = "{}"] =
      /<script id="swagger-spec" type="application\/json">\s*([\s\S]*?)<\/script>/.exec(page) ?? []
    assert.deepStrictEqual(JSON.parse(embedded), whole)
    assert.notMatch(page, /<(?:script|link|img)[^>]+(?:src|href)=["']?(?:https?:)?\/\//)
    assert.notMatch(page, /@import|url\(["']?https?:/)
  })
})

describe("finished", () => {
  it("fails on a document that refers to a schema which is nowhere", () => {
    const schema = { $ref: "#/components/schemas/Nowhere" }
    const responses = { 200: { description: "", content: { "application/json": { schema } } } }
    const spec = { paths: { "/": { get: { responses } } }, components: { schemas: {} } }
    assert.throws(() => finished(spec, new Map()), /refers to Nowhere/)
  })
})
