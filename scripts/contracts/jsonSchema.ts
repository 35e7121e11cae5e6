/** Makes the JSON Schema of a public contract, with the names of `src/schemas/index.ts` and the words of its docstrings. */
import * as JSONSchema from "effect/JSONSchema"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import { contractVersion, contractVersionField } from "../../src/schemas/ContractVersion.ts"
import * as publicSchemas from "../../src/schemas/index.ts"
import type { Documentation } from "./documentation.ts"
import { isObject, type JsonObject, type JsonSchema, mapSchemas, schemasIn } from "./json.ts"

const names: ReadonlyMap<SchemaAST.AST, string> = new Map(
  Object.entries(publicSchemas).flatMap(([name, value]) => (Schema.isSchema(value) ? [[value.ast, name]] : []))
)

const withNamedParts = (ast: SchemaAST.AST): SchemaAST.AST => {
  const { annotations } = ast
  switch (ast._tag) {
    case "TypeLiteral":
      return new SchemaAST.TypeLiteral(
        ast.propertySignatures.map(
          (key) =>
            new SchemaAST.PropertySignature(key.name, named(key.type), key.isOptional, key.isReadonly, key.annotations)
        ),
        ast.indexSignatures.map((index) => {
          return new SchemaAST.IndexSignature(index.parameter, named(index.type), index.isReadonly)
        }),
        annotations
      )
    case "TupleType":
      return new SchemaAST.TupleType(
        ast.elements.map((element) => {
          return new SchemaAST.OptionalType(named(element.type), element.isOptional, element.annotations)
        }),
        ast.rest.map((element) => new SchemaAST.Type(named(element.type), element.annotations)),
        ast.isReadonly,
        annotations
      )
    case "Union":
      return SchemaAST.Union.make(ast.types.map(named), annotations)
    case "Refinement":
      return new SchemaAST.Refinement(named(ast.from), ast.filter, annotations)
    case "Transformation":
      return new SchemaAST.Transformation(named(ast.from), named(ast.to), ast.transformation, annotations)
    default:
      return ast
  }
}

/** Names are given here and not in `src`: as identifiers they would stand in error texts in place of what was expected. */
const named = (ast: SchemaAST.AST): SchemaAST.AST => {
  const name = names.get(ast)
  const inner = withNamedParts(ast)
  return name === undefined ? inner : SchemaAST.annotations(inner, { [SchemaAST.JSONIdentifierAnnotationId]: name })
}

/** Effect marks its unconstrained schemas with an `$id`, which may stand only once in a document. */
const withoutInnerIds = (schema: JsonSchema): JsonSchema => {
  if (typeof schema === "boolean") return schema
  const { $id: _, ...rest } = mapSchemas(schema, withoutInnerIds)
  return rest
}

const describe = (schema: JsonSchema | undefined, way: ReadonlyArray<string>, description: string): JsonObject => {
  if (!isObject(schema)) throw new Error(`there is nothing in the schema for the documentation "${description}"`)
  const [key, ...rest] = way
  if (key === undefined) return { ...schema, description }
  const properties = schemasIn(schema["properties"])
  return { ...schema, properties: { ...properties, [key]: describe(properties[key], rest, description) } }
}

const documented = (name: string, schema: JsonSchema, documentation: Documentation): JsonSchema =>
  [...documentation].reduce((current, [path, text]) => {
    const [owner, ...way] = path.split(".")
    return owner === name ? describe(current, way, text) : current
  }, schema)

/** The contract as a self-contained JSON Schema; the same input always gives the same text. */
export const jsonSchemaOf = (
  contract: string,
  schema: Schema.Schema.AnyNoContext,
  documentation: Documentation
): JsonObject => {
  const title = names.get(schema.ast)
  if (title === undefined) throw new Error(`src/schemas/index.ts does not export the schema of ${contract}`)
  const definitions: Record<string, JSONSchema.JsonSchema7> = {}
  const made = JSONSchema.fromAST(withNamedParts(schema.ast), {
    definitions,
    target: "jsonSchema2020-12",
    additionalPropertiesStrategy: "allow"
  })
  // Only plain JSON is left of what Effect gives, without keys that are undefined.
  const plain = (value: JSONSchema.JsonSchema7): JsonSchema =>
    withoutInnerIds(JSON.parse(JSON.stringify(value)) as JsonSchema)
  const parts = Object.entries(definitions).toSorted(([a], [b]) => (a < b ? -1 : 1))
  const { description, ...body } = documented(title, plain(made), documentation) as JsonObject
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    $id: `urn:integration-services:contract:${contract}`,
    title,
    ...(description === undefined ? {} : { description }),
    [contractVersionField]: contractVersion,
    ...body,
    ...(parts.length === 0
      ? {}
      : {
          $defs: Object.fromEntries(parts.map(([name, part]) => [name, documented(name, plain(part), documentation)]))
        })
  }
}
