/** The checked-in OpenAPI document as the judge of answers: status, headers and body have to be what it says. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js"
import { documentFolder } from "../../scripts/contracts.ts"

/** An answer of an operation, as the document describes it. */
export interface DocumentedResponse {
  readonly description: string
  readonly headers: Readonly<Record<string, unknown>>
  readonly content: Readonly<Record<string, { readonly schema: { readonly $ref: string } }>>
}

export interface DocumentedOperation {
  readonly operationId: string
  readonly tags: ReadonlyArray<string>
  readonly parameters: ReadonlyArray<{ readonly name: string; readonly in: string; readonly required: boolean }>
  readonly requestBody?: { readonly content: DocumentedResponse["content"]; readonly required: boolean }
  readonly responses: Readonly<Record<string, DocumentedResponse>>
}

export interface Document {
  readonly openapi: string
  readonly info: { readonly title: string; readonly version: string }
  readonly servers: ReadonlyArray<{ readonly url: string }>
  readonly tags: ReadonlyArray<{ readonly name: string }>
  readonly paths: Readonly<Record<string, Readonly<Record<string, DocumentedOperation>>>>
  readonly components: {
    readonly schemas: Readonly<Record<string, unknown>>
    readonly headers: Readonly<Record<string, unknown>>
  }
}

/** The document as it is checked in. */
export const documentText: string = readFileSync(join(documentFolder, "mparticle-api.json"), "utf8")

export const document = JSON.parse(documentText) as Document

const ajv = new Ajv2020({ strict: false, allErrors: true })
ajv.addSchema({ $id: "api", components: document.components })
const validators = new Map<string, ValidateFunction>()

/** What is wrong with a value, seen from a schema of the document. */
export const schemaFaults = ($ref: string, value: unknown): ReadonlyArray<string> => {
  const validate = validators.get($ref) ?? ajv.compile({ $ref: `api${$ref}` })
  validators.set($ref, validate)
  return validate(value) ? [] : (validate.errors ?? []).map((error) => `${error.instancePath} ${error.message}`)
}

const isAt = (template: string, path: string): boolean => {
  const [expected, segments] = [template.split("/"), path.split("/")]
  return (
    expected.length === segments.length && expected.every((part, at) => part.startsWith("{") || part === segments[at])
  )
}

const own = <A>(record: Readonly<Record<string, A>>, key: string): A | undefined =>
  Object.hasOwn(record, key) ? record[key] : undefined

/** The operation that a request is for; undefined where there is none. */
export const operationAt = (method: string, path: string): DocumentedOperation | undefined => {
  const [, operations = {}] = Object.entries(document.paths).find(([template]) => isAt(template, path)) ?? []
  return own(operations, method.toLowerCase())
}

/** What is wrong with an answer, seen from the document. */
export const answerFaults = (
  request: { readonly method: string; readonly path: string },
  answer: { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: unknown }
): ReadonlyArray<string> => {
  const operation = operationAt(request.method, request.path)
  // The documents are no part of the API, and nothing else is anywhere but there.
  if (operation === undefined) {
    return answer.status === 404 ? schemaFaults("#/components/schemas/HttpFailure", answer.body) : []
  }
  const response = own(operation.responses, String(answer.status))
  if (response === undefined) return [`${operation.operationId} does not document ${answer.status}`]
  const missing = Object.keys(response.headers).filter((name) => name !== "retry-after" && !(name in answer.headers))
  const surplus = Object.keys(answer.headers).filter((name) => name !== "content-type" && !(name in response.headers))
  const [media = ""] = Object.keys(response.content)
  return [
    ...missing.map((name) => `the header ${name} is missing`),
    ...surplus.map((name) => `the header ${name} is not documented for ${answer.status}`),
    ...(answer.headers["content-type"] === media ? [] : [`the content type is ${answer.headers["content-type"]}`]),
    ...schemaFaults(response.content[media]?.schema.$ref ?? "", answer.body)
  ]
}
