/** Parameter Store: the operations that the services use, over the AWS JSON protocol. */
import { createHash } from "node:crypto"
import type { Engine } from "./Engine.ts"
import { account, region } from "./identity.ts"
import { JsonFile } from "./JsonFile.ts"
import * as json from "./jsonProtocol.ts"

const types = ["String", "StringList", "SecureString"] as const

interface Parameter {
  readonly Name: string
  readonly Type: (typeof types)[number]
  readonly Value: string
  readonly Version: number
  readonly LastModifiedDate: number
}

type Parameters = Record<string, Parameter>

const maximumNames = 10
const maximumBytes = 4096

const arnOf = (name: string): string =>
  `arn:aws:ssm:${region}:${account}:parameter${name.startsWith("/") ? "" : "/"}${name}`

/** Opaque, the same for each reading of one version, and without anything of the value in it. */
const ciphertextOf = (parameter: Parameter): string => {
  const seed = createHash("sha512").update(`${parameter.Name} ${parameter.Version}`).digest()
  return Buffer.concat([Buffer.from("0102020078", "hex"), seed, createHash("sha512").update(seed).digest()]).toString(
    "base64"
  )
}

const shown = (parameter: Parameter, input: json.Input): object => ({
  ...parameter,
  Value:
    parameter.Type === "SecureString" && input["WithDecryption"] !== true ? ciphertextOf(parameter) : parameter.Value,
  ARN: arnOf(parameter.Name),
  DataType: "text"
})

const find = (parameters: Parameters, asked: string): Parameter | undefined =>
  Object.values(parameters).find(({ Name }) => Name === asked || arnOf(Name) === asked)

const existing = (parameters: Parameters, input: json.Input): Parameter => {
  const name = json.requiredText(input, "Name")
  const parameter = find(parameters, name)
  if (parameter === undefined) throw new json.AwsError("ParameterNotFound", `Parameter ${name} not found.`)
  return parameter
}

const getParameters = (parameters: Parameters, input: json.Input): object => {
  const names = input["Names"]
  if (!Array.isArray(names) || names.length === 0 || names.length > maximumNames) {
    throw new json.AwsError("ValidationException", `Names must have between 1 and ${maximumNames} members`)
  }
  const found = names.map((name) => [String(name), find(parameters, String(name))] as const)
  return {
    Parameters: found.flatMap(([, parameter]) => (parameter === undefined ? [] : [shown(parameter, input)])),
    InvalidParameters: found.flatMap(([name, parameter]) => (parameter === undefined ? [name] : []))
  }
}

const getParametersByPath = (parameters: Parameters, input: json.Input): object => {
  const path = json.requiredText(input, "Path")
  if (!path.startsWith("/")) throw new json.AwsError("ValidationException", "Path must begin with a slash")
  const root = path.endsWith("/") ? path : `${path}/`
  const limit = json.optionalNumber(input, "MaxResults", 1, maximumNames) ?? maximumNames
  const below = Object.values(parameters)
    .filter(
      ({ Name }) => Name.startsWith(root) && (input["Recursive"] === true || !Name.slice(root.length).includes("/"))
    )
    .toSorted((a, b) => (a.Name < b.Name ? -1 : 1))
  const { items, next } = json.page(below, ({ Name }) => Name, limit, json.optionalText(input, "NextToken"))
  return { Parameters: items.map((parameter) => shown(parameter, input)), ...next }
}

const validName = (name: string): string => {
  if (!/^[\w./-]+$/.test(name) || (name.includes("/") && !name.startsWith("/"))) {
    throw new json.AwsError(
      "ValidationException",
      "Name must be fully qualified and only have letters, digits and . - _ /"
    )
  }
  return name
}

const putParameter = (file: JsonFile<Parameters>, input: json.Input): object => {
  const name = validName(json.requiredText(input, "Name"))
  const value = json.requiredText(input, "Value")
  const before = find(file.value, name)
  if (before !== undefined && input["Overwrite"] !== true) {
    throw new json.AwsError(
      "ParameterAlreadyExists",
      "The parameter already exists. To overwrite this value, set the overwrite option in the request to true."
    )
  }
  const type = types.find((candidate) => candidate === (json.optionalText(input, "Type") ?? before?.Type))
  if (type === undefined) throw new json.AwsError("ValidationException", `Type must be one of ${types.join(", ")}`)
  if (Buffer.byteLength(value, "utf8") > maximumBytes) {
    throw new json.AwsError("ValidationException", `Value must have at most ${maximumBytes} bytes`)
  }
  const version = (before?.Version ?? 0) + 1
  file.value[name] = { Name: name, Type: type, Value: value, Version: version, LastModifiedDate: Date.now() / 1000 }
  file.save()
  return { Version: version, Tier: "Standard" }
}

const deleteParameter = (file: JsonFile<Parameters>, input: json.Input): object => {
  delete file.value[existing(file.value, input).Name]
  file.save()
  return {}
}

/** Starts Parameter Store; `file` keeps the parameters between runs. */
export const startSsm = (options: { readonly file?: string | undefined } = {}): Promise<Engine> => {
  const file = new JsonFile<Parameters>(options.file, {})
  return json.serveJsonProtocol("AmazonSSM", {
    GetParameter: (input) => ({ Parameter: shown(existing(file.value, input), input) }),
    GetParameters: (input) => getParameters(file.value, input),
    GetParametersByPath: (input) => getParametersByPath(file.value, input),
    PutParameter: (input) => putParameter(file, input),
    DeleteParameter: (input) => deleteParameter(file, input)
  })
}
