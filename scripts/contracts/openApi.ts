/**
 * What the library makes of an API's description, made true: its schemas are the public contracts in their own words,
 * nothing is in it that only the library's router answers, and every answer says which headers it has.
 */
import { contractVersionField } from "../../src/schemas/ContractVersion.ts"
import { errorCodes } from "../../src/schemas/ErrorCode.ts"
import type { Documentation } from "./documentation.ts"
import { isObject, type Json, type JsonObject, type JsonSchema, listIn, mapSchemas, schemasIn } from "./json.ts"
import { definitionsOf, plain } from "./jsonSchema.ts"

const place = "#/components/schemas/"
const failure = "HttpFailure"
/** The library's own answer to a body that does not decode. Ours is a failure like any other. */
const foreign = `${place}HttpApiDecodeError`

const text = (json: Json | undefined): string => (typeof json === "string" ? json : "")

const mapped = (json: Json | undefined, change: (value: Json, key: string) => Json): JsonObject =>
  Object.fromEntries(Object.entries(isObject(json) ? json : {}).map(([key, value]) => [key, change(value, key)]))

const object = (json: Json | undefined): JsonObject => (isObject(json) ? json : {})

/** The names of the schemas that a part of the document refers to. */
const namesIn = (json: Json): ReadonlyArray<string> =>
  [...JSON.stringify(json).matchAll(/"\$ref":"#\/(?:components\/schemas|\$defs)\/([^"]+)"/g)].map(
    ([, name]) => name ?? ""
  )

const withoutForeign = (schema: JsonSchema): JsonSchema => {
  const choices = listIn(object(schema)["anyOf"]).filter((choice) => object(choice)["$ref"] !== foreign)
  return choices.length === 1 ? (choices[0] ?? true) : schema
}

const codesWith = (status: string): string =>
  Object.entries(errorCodes)
    .flatMap(([code, { statusCode }]) => (String(statusCode) === status ? [`\`${code}\``] : []))
    .join(", ")

const header = (description: string, type = "string"): JsonObject => ({ description, schema: { type } })

const headers = {
  "x-request-id": header("The gateway's id of the call."),
  "x-correlation-id": header("The id under which the call is found in logs and traces."),
  [contractVersionField]: header("The version of the contracts that the answer follows."),
  "retry-after": header("Seconds to wait before the same call; only where they are known.", "integer")
}

const headersOf = (status: string): JsonObject => {
  const names = Object.keys(headers).filter((name) => name !== "retry-after" || ["429", "502", "503"].includes(status))
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]))
}

const response =
  (documentation: Documentation) =>
  (json: Json, status: string): Json => {
    const content = mapped(object(json)["content"], (media) => ({
      ...object(media),
      schema: withoutForeign((object(media)["schema"] ?? true) as JsonSchema)
    }))
    const [name = ""] = namesIn(content)
    const description = name === failure ? codesWith(status) : documentation.get(name)
    return { description: description ?? text(object(json)["description"]), headers: headersOf(status), content }
  }

const isForeign = (json: Json): boolean =>
  Object.values(object(object(json)["content"])).every((media) => object(object(media)["schema"])["$ref"] === foreign)

/** An operation that asks for no security says nothing of it: that is the gateway's. */
const operation =
  (documentation: Documentation) =>
  (json: Json): Json => {
    const { responses = {}, security: _, ...rest } = object(json)
    const ours = Object.fromEntries(Object.entries(object(responses)).filter(([, value]) => !isForeign(value)))
    return { ...rest, responses: mapped(ours, response(documentation)) }
  }

/** What the page shows, and sends when it is tried out, where it would make something up. */
const examples: Readonly<Record<string, Json>> = {
  CorrelationId: "workflow-456",
  Email: "user@example.com",
  IdentityId: "guardian-user-123",
  IncomingEvent: {
    event_type: "page_view",
    data: { page: "/home" },
    timestamp: 1705315800,
    user_id: "guardian-user-123"
  },
  RequestId: "0b5e9a3e-2f0c-4a53-9d0b-0d4f5f3f2a11",
  Timestamp: "2024-01-15T10:30:00.000Z"
}

/** What is allowed anyway need not be said; the page would make up a key for it. */
const withoutAllowance = (schema: JsonSchema): JsonSchema => {
  if (typeof schema === "boolean") return schema
  const { additionalProperties, ...rest } = mapSchemas(schema, withoutAllowance)
  return additionalProperties === undefined || additionalProperties === true ? rest : { additionalProperties, ...rest }
}

const published = (name: string, schema: JsonSchema): JsonSchema => {
  const relocated = JSON.parse(JSON.stringify(schema).replaceAll('"#/$defs/', `"${place}`)) as JsonSchema
  const example = examples[name]
  return { ...object(withoutAllowance(relocated)), ...(example === undefined ? {} : { examples: [example] }) }
}

/** Everything that the names stand for, and that they refer to themselves, in the order of the alphabet. */
const closure = (
  names: ReadonlyArray<string>,
  schemas: Readonly<Record<string, JsonSchema>>
): ReadonlyArray<readonly [name: string, schema: JsonSchema]> => {
  const found = new Map<string, JsonSchema>()
  const visit = (name: string): void => {
    const schema = schemas[name]
    if (schema === undefined) throw new Error(`the document refers to ${name}, which is nowhere`)
    if (found.has(name)) return
    found.set(name, schema)
    namesIn(schema).forEach(visit)
  }
  names.forEach(visit)
  return [...found].toSorted(([a], [b]) => (a < b ? -1 : 1))
}

/** The document as it is given out. */
export const finished = (spec: JsonObject, documentation: Documentation): JsonObject => {
  const { components, paths: described, security: _, ...rest } = spec
  const paths = mapped(described, (operations) => mapped(operations, operation(documentation)))
  const own = mapped(object(components)["schemas"], (schema) => plain(object(schema)))
  const schemas: Readonly<Record<string, JsonSchema>> = {
    ...schemasIn(own),
    ...definitionsOf(new Set(namesIn(paths)), documentation)
  }
  const used = closure(namesIn(paths), schemas)
  return {
    ...rest,
    paths,
    components: {
      schemas: Object.fromEntries(used.map(([name, schema]) => [name, published(name, schema)])),
      headers
    }
  }
}
