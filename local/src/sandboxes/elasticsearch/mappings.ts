/** An index's mappings, as far as they make it refuse a document. */
import { isRecord } from "../../isRecord.ts"
import { ElasticError, illegalArgument } from "./elasticError.ts"
import type { ErrorCause } from "./elasticError.ts"

type Json = Readonly<Record<string, unknown>>

const isText = (value: unknown): value is string => typeof value === "string"
const isScalar = (value: unknown): boolean => isText(value) || typeof value === "number" || typeof value === "boolean"
const isNumber = (value: unknown): boolean =>
  typeof value === "number" || (isText(value) && value.trim() !== "" && Number.isFinite(Number(value)))

/** What a field of each type takes; every one takes null, and a list of what it takes. */
const takes = new Map<string, (value: unknown) => boolean>([
  ...["byte", "double", "float", "integer", "long", "short"].map((type) => [type, isNumber] as const),
  ...["keyword", "text"].map((type) => [type, isScalar] as const),
  ["boolean", (value) => typeof value === "boolean" || value === "true" || value === "false" || value === ""],
  ["date", (value) => typeof value === "number" || (isText(value) && /^(?:\d{4}(?:-\d\d.*)?|-?\d+)$/.test(value))]
])

const objectTypes = new Set(["object", "nested"])

/** What the fields of a mapping, or of an object in it, are. */
const properties = (mapping: Json): Json => (isRecord(mapping["properties"]) ? mapping["properties"] : {})

const isObjectMapping = (mapping: Json): boolean =>
  mapping["type"] === undefined || objectTypes.has(String(mapping["type"]))

/** The mappings in the body of a request for an index; throws for a field of a type that is not known here. */
export const readMappings = (given: unknown): Json => {
  if (given === undefined) return {}
  if (!isRecord(given)) throw illegalArgument("[mappings] must be an object")
  for (const [name, mapping] of Object.entries(properties(given))) {
    const known = isRecord(mapping) && (isObjectMapping(mapping) || takes.has(String(mapping["type"])))
    if (!known) {
      const type = isRecord(mapping) ? String(mapping["type"]) : "none"
      const reason = `The mapper type [${type}] declared on field [${name}] does not exist in the local platform.`
      throw new ElasticError(400, { type: "mapper_parsing_exception", reason })
    }
    if (isObjectMapping(mapping)) readMappings(mapping)
  }
  return given
}

const parsing = (reason: string): ErrorCause => ({ type: "document_parsing_exception", reason: `[1:1] ${reason}` })

const fieldFlaw = (
  mapping: Json,
  path: string,
  value: unknown,
  id: string,
  dynamic: unknown
): ErrorCause | undefined => {
  if (value === null) return undefined
  if (Array.isArray(value)) {
    for (const one of value) {
      const flaw = fieldFlaw(mapping, path, one, id, dynamic)
      if (flaw !== undefined) return flaw
    }
    return undefined
  }
  if (!isObjectMapping(mapping)) {
    const type = String(mapping["type"])
    if (takes.get(type)?.(value) === true) return undefined
    const preview = isRecord(value) ? JSON.stringify(value) : String(value)
    return parsing(
      `failed to parse field [${path}] of type [${type}] in document with id '${id}'. Preview of field's value: '${preview}'`
    )
  }
  if (mapping["enabled"] === false) return undefined
  if (!isRecord(value))
    return parsing(`object mapping for [${path}] tried to parse field [${path}] as object, but found a concrete value`)
  return objectFlaw(mapping, value, id, path, dynamic)
}

const objectFlaw = (
  mapping: Json,
  json: Json,
  id: string,
  path: string,
  inherited: unknown
): ErrorCause | undefined => {
  const dynamic = mapping["dynamic"] ?? inherited
  const known = properties(mapping)
  for (const [name, value] of Object.entries(json)) {
    const field = Object.hasOwn(known, name) ? known[name] : undefined
    const full = path === "" ? name : `${path}.${name}`
    if (!isRecord(field)) {
      if (dynamic !== "strict") continue
      const within = path === "" ? "_doc" : path
      const reason = `[1:1] mapping set to strict, dynamic introduction of [${name}] within [${within}] is not allowed`
      return { type: "strict_dynamic_mapping_exception", reason }
    }
    const flaw = fieldFlaw(field, full, value, id, dynamic)
    if (flaw !== undefined) return flaw
  }
  return undefined
}

/** Why a document, which is a JSON object, does not fit the mappings of its index; undefined when it does. */
export const mappingFlaw = (mappings: Json, source: string, id: string): ErrorCause | undefined =>
  Object.keys(mappings).length === 0 ? undefined : objectFlaw(mappings, JSON.parse(source) as Json, id, "", true)
