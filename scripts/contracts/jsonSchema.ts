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

/** Effect marks its unconstrained schemas with an `$id`, which may stand only once in a document, and filters with code. */
const withoutMarks = (schema: JsonSchema): JsonSchema => {
  if (typeof schema === "boolean") return schema
  const { $id: _, title: __, ...rest } = mapSchemas(schema, withoutMarks)
  return rest
}

/** Only plain JSON of what Effect gives, without keys that are undefined. */
export const plain = (value: object): JsonSchema => withoutMarks(JSON.parse(JSON.stringify(value)) as JsonSchema)

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

/** A schema, and everything in it that has a name of its own. */
const made = (ast: SchemaAST.AST) => {
  const definitions: Record<string, JSONSchema.JsonSchema7> = {}
  const schema = JSONSchema.fromAST(ast, {
    definitions,
    target: "jsonSchema2020-12",
    additionalPropertiesStrategy: "allow"
  })
  return { schema, definitions }
}

const documentedParts = (
  definitions: Readonly<Record<string, JSONSchema.JsonSchema7>>,
  documentation: Documentation
): Readonly<Record<string, JsonSchema>> =>
  Object.fromEntries(
    Object.entries(definitions)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, part]) => [name, documented(name, plain(part), documentation)])
  )

/** What `src/schemas/index.ts` exports under these names, and everything in it that has a name of its own. */
export const definitionsOf = (
  wanted: ReadonlySet<string>,
  documentation: Documentation
): Readonly<Record<string, JsonSchema>> =>
  Object.assign(
    {},
    ...[...names].flatMap(([ast, name]) =>
      wanted.has(name) ? [documentedParts(made(named(ast)).definitions, documentation)] : []
    )
  )

/** The contract as a self-contained JSON Schema; the same input always gives the same text. */
export const jsonSchemaOf = (
  contract: string,
  schema: Schema.Schema.AnyNoContext,
  documentation: Documentation
): JsonObject => {
  const title = names.get(schema.ast)
  if (title === undefined) throw new Error(`src/schemas/index.ts does not export the schema of ${contract}`)
  const { definitions, schema: whole } = made(withNamedParts(schema.ast))
  const parts = documentedParts(definitions, documentation)
  const { description, ...body } = documented(title, plain(whole), documentation) as JsonObject
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    $id: `urn:integration-services:contract:${contract}`,
    title,
    ...(description === undefined ? {} : { description }),
    [contractVersionField]: contractVersion,
    ...body,
    ...(Object.keys(parts).length === 0 ? {} : { $defs: parts })
  }
}
