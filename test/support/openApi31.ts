/**
 * The structure of OpenAPI 3.1 as a JSON Schema, as far as our documents use it. Nothing else is let through, so that a
 * misspelt field is found.
 */
import type { JsonObject } from "../../scripts/contracts/json.ts"

const text = { type: "string", minLength: 1 }
const reference = (kind: string): JsonObject => ({
  type: "object",
  required: ["$ref"],
  properties: { $ref: { type: "string", pattern: `^#/components/${kind}/[A-Za-z0-9._-]+$` } },
  additionalProperties: false
})
const schema = { $ref: "#/$defs/schema" }

const closed = (required: ReadonlyArray<string>, properties: JsonObject): JsonObject => ({
  type: "object",
  required,
  properties,
  additionalProperties: false
})

const mapOf = (values: JsonObject, pattern = "."): JsonObject => ({
  type: "object",
  minProperties: 1,
  propertyNames: { pattern },
  additionalProperties: values
})

const content = mapOf(closed(["schema"], { schema }), "^[a-z]+/[a-z.+-]+$")

const parameter = closed(["name", "in", "schema", "required"], {
  name: text,
  in: { enum: ["path", "query", "header", "cookie"] },
  description: text,
  required: { type: "boolean" },
  schema
})

const response = closed(["description"], {
  description: text,
  headers: mapOf(reference("headers")),
  content
})

const operation = closed(["operationId", "responses", "tags"], {
  operationId: text,
  tags: { type: "array", minItems: 1, items: text },
  summary: text,
  description: text,
  parameters: { type: "array", items: parameter },
  requestBody: closed(["content"], { content, required: { type: "boolean" } }),
  responses: mapOf(response, "^[1-5][0-9][0-9]$")
})

/** The whole document. */
export const openApi31: JsonObject = {
  $defs: { schema: { type: ["object", "boolean"] } },
  ...closed(["openapi", "info", "paths", "components"], {
    openapi: { type: "string", pattern: "^3\\.1\\.[0-9]+$" },
    info: closed(["title", "version"], { title: text, version: text, description: text }),
    servers: { type: "array", minItems: 1, items: closed(["url"], { url: text }) },
    tags: { type: "array", items: closed(["name"], { name: text, description: text }) },
    paths: mapOf({ ...mapOf(operation, "^(get|put|post|delete|options|head|patch|trace)$") }, "^/[^?#]*$"),
    components: closed(["schemas"], {
      schemas: mapOf(schema, "^[A-Za-z0-9._-]+$"),
      headers: mapOf(closed(["schema"], { description: text, schema }))
    })
  })
}
