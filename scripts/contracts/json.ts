/** JSON as data, and JSON Schema as far as the tools here look into it. */
import { contractVersionField } from "../../src/schemas/ContractVersion.ts"

export type Json = null | boolean | number | string | ReadonlyArray<Json> | JsonObject

export interface JsonObject {
  readonly [key: string]: Json
}

/** A JSON Schema: true takes everything, false nothing. */
export type JsonSchema = boolean | JsonObject

export const isObject = (json: Json | undefined): json is JsonObject =>
  typeof json === "object" && json !== null && !Array.isArray(json)

/** The member as schemas by name; nothing where it is absent. */
export const schemasIn = (json: Json | undefined): Readonly<Record<string, JsonSchema>> =>
  isObject(json) ? (json as Readonly<Record<string, JsonSchema>>) : {}

/** The member as a list of schemas; nothing where it is absent. */
export const listIn = (json: Json | undefined): ReadonlyArray<JsonSchema> =>
  Array.isArray(json) ? (json as ReadonlyArray<JsonSchema>) : []

const namedSchemas = new Set(["$defs", "properties", "patternProperties", "dependentSchemas"])
const listsOfSchemas = new Set(["anyOf", "allOf", "oneOf", "prefixItems"])
const schemas = new Set(["items", "additionalProperties", "propertyNames", "contains", "not", "if", "then", "else"])

/** The schema with each schema directly inside it replaced; values such as an enumeration's members are left alone. */
export const mapSchemas = (schema: JsonObject, replace: (inner: JsonSchema) => JsonSchema): JsonObject =>
  Object.fromEntries(
    Object.entries(schema).map(([keyword, value]): [string, Json] => {
      if (namedSchemas.has(keyword)) {
        return [keyword, Object.fromEntries(Object.entries(schemasIn(value)).map(([name, s]) => [name, replace(s)]))]
      }
      if (listsOfSchemas.has(keyword)) return [keyword, listIn(value).map(replace)]
      if (schemas.has(keyword) && (typeof value === "boolean" || isObject(value))) return [keyword, replace(value)]
      return [keyword, value]
    })
  )

const words = new Set(["$schema", "$id", "$comment", "title", "description", "examples", "deprecated", "$defs"])

/** Whether a keyword constrains nothing by itself: it explains, or holds definitions for others to refer to. */
export const isWord = (keyword: string): boolean => words.has(keyword) || keyword === contractVersionField

/** The schema without what only explains it. */
export const withoutWords = (schema: JsonSchema): JsonSchema =>
  typeof schema === "boolean"
    ? schema
    : Object.fromEntries(
        Object.entries(mapSchemas(schema, withoutWords)).filter(([keyword]) => keyword === "$defs" || !isWord(keyword))
      )
