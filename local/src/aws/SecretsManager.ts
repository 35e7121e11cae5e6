/** Secrets Manager: the operations that the services use, over the AWS JSON protocol. */
import { randomBytes, randomUUID } from "node:crypto"
import type { Engine } from "./Engine.ts"
import { account, region } from "./identity.ts"
import { JsonFile } from "./JsonFile.ts"
import * as json from "./jsonProtocol.ts"

const current = "AWSCURRENT"
const previous = "AWSPREVIOUS"

interface Version {
  readonly CreatedDate: number
  readonly SecretString?: string
  readonly SecretBinary?: string
  readonly stages: ReadonlyArray<string>
}

interface Secret {
  readonly ARN: string
  readonly Name: string
  readonly Description?: string
  readonly CreatedDate: number
  readonly LastChangedDate: number
  readonly DeletedDate?: number
  readonly versions: Readonly<Record<string, Version>>
}

type Secrets = Record<string, Secret>
type File = JsonFile<Secrets>

const now = (): number => Date.now() / 1000
const secretsPerPage = 100
const recoveryDays = 30
const daySeconds = 86_400

const find = (secrets: Secrets, id: string): Secret =>
  Object.values(secrets).find(({ ARN, Name }) => id === Name || id === ARN || id === ARN.slice(0, -"-XXXXXX".length)) ??
  fail("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")

const fail = (name: string, message: string): never => {
  throw new json.AwsError(name, message)
}

const live = (file: File, input: json.Input): Secret => {
  const secret = find(file.value, json.requiredText(input, "SecretId"))
  return secret.DeletedDate === undefined
    ? secret
    : fail(
        "InvalidRequestException",
        "You can't perform this operation on the secret because it was marked for deletion."
      )
}

const store = (file: File, secret: Secret): void => {
  file.value[secret.Name] = secret
  file.save()
}

const content = (input: json.Input): Pick<Version, "SecretString" | "SecretBinary"> | undefined => {
  const text = json.optionalText(input, "SecretString")
  const binary = json.optionalText(input, "SecretBinary")
  if (text !== undefined && binary !== undefined) {
    return fail("InvalidParameterException", "You can't specify both a binary secret value and a string secret value.")
  }
  return text !== undefined ? { SecretString: text } : binary !== undefined ? { SecretBinary: binary } : undefined
}

const stagesOf = (input: json.Input): ReadonlyArray<string> => {
  const given = input["VersionStages"]
  return Array.isArray(given) && given.length > 0 ? given.map(String) : [current]
}

/** The version that gives AWSCURRENT away becomes AWSPREVIOUS; every other stage just moves. */
const moveStages = (versions: Secret["versions"], stages: ReadonlyArray<string>): Secret["versions"] =>
  Object.fromEntries(
    Object.entries(versions).map(([id, version]) => {
      const demoted = stages.includes(current) && version.stages.includes(current)
      const kept = version.stages.filter(
        (stage) => !stages.includes(stage) && !(stages.includes(current) && stage === previous)
      )
      return [id, { ...version, stages: demoted ? [...kept, previous] : kept }]
    })
  )

const withVersion = (
  secret: Secret,
  input: json.Input,
  value: NonNullable<ReturnType<typeof content>>,
  stages: ReadonlyArray<string>
): readonly [Secret, string] => {
  const id = json.optionalText(input, "ClientRequestToken") ?? randomUUID()
  const same = secret.versions[id]
  if (same !== undefined) {
    return same.SecretString === value.SecretString && same.SecretBinary === value.SecretBinary
      ? [secret, id]
      : fail("ResourceExistsException", "A resource with the ID you requested already exists.")
  }
  const versions = { ...moveStages(secret.versions, stages), [id]: { CreatedDate: now(), ...value, stages } }
  return [{ ...secret, LastChangedDate: now(), versions }, id]
}

const createSecret = (file: File, input: json.Input): object => {
  const name = json.requiredText(input, "Name")
  const value = content(input)
  const before = file.value[name]
  const token = json.optionalText(input, "ClientRequestToken")
  if (before?.DeletedDate !== undefined) {
    return fail(
      "InvalidRequestException",
      "You can't create this secret because a secret with this name is already scheduled for deletion."
    )
  }
  if (before !== undefined && (token === undefined || value === undefined || before.versions[token] === undefined)) {
    return fail("ResourceExistsException", `The operation failed because the secret ${name} already exists.`)
  }
  const created = now()
  const description = json.optionalText(input, "Description")
  const secret: Secret = before ?? {
    ARN: `arn:aws:secretsmanager:${region}:${account}:secret:${name}-${randomBytes(3).toString("hex")}`,
    Name: name,
    ...(description === undefined ? {} : { Description: description }),
    CreatedDate: created,
    LastChangedDate: created,
    versions: {}
  }
  const [stored, VersionId] = value === undefined ? [secret, undefined] : withVersion(secret, input, value, [current])
  store(file, stored)
  return { ARN: stored.ARN, Name: name, VersionId }
}

const getSecretValue = (file: File, input: json.Input): object => {
  const secret = live(file, input)
  const id = json.optionalText(input, "VersionId")
  const stage = json.optionalText(input, "VersionStage") ?? (id === undefined ? current : undefined)
  const [VersionId, version] =
    Object.entries(secret.versions).find(
      ([candidate, { stages }]) =>
        (id === undefined || candidate === id) && (stage === undefined || stages.includes(stage))
    ) ??
    fail(
      "ResourceNotFoundException",
      stage === undefined
        ? `Secrets Manager can't find the specified secret value for VersionId: ${id}`
        : `Secrets Manager can't find the specified secret value for staging label: ${stage}`
    )
  const { stages, ...value } = version
  return { ARN: secret.ARN, Name: secret.Name, VersionId, VersionStages: stages, ...value }
}

const putSecretValue = (file: File, input: json.Input): object => {
  const value =
    content(input) ?? fail("InvalidRequestException", "You must provide either SecretString or SecretBinary.")
  const VersionStages = stagesOf(input)
  const [secret, VersionId] = withVersion(live(file, input), input, value, VersionStages)
  store(file, secret)
  return { ARN: secret.ARN, Name: secret.Name, VersionId, VersionStages: secret.versions[VersionId]?.stages }
}

const updateSecret = (file: File, input: json.Input): object => {
  const description = json.optionalText(input, "Description")
  const secret = { ...live(file, input), ...(description === undefined ? {} : { Description: description }) }
  const value = content(input)
  const [stored, VersionId] = value === undefined ? [secret, undefined] : withVersion(secret, input, value, [current])
  store(file, { ...stored, LastChangedDate: now() })
  return { ARN: stored.ARN, Name: stored.Name, VersionId }
}

const described = ({ versions, ...secret }: Secret, stagesMember: string): object => ({
  ...secret,
  [stagesMember]: Object.fromEntries(
    Object.entries(versions).flatMap(([id, { stages }]) => (stages.length === 0 ? [] : [[id, stages]]))
  )
})

const deleteSecret = (file: File, input: json.Input): object => {
  const days = json.optionalNumber(input, "RecoveryWindowInDays", 7, recoveryDays) ?? recoveryDays
  const force = input["ForceDeleteWithoutRecovery"] === true
  const secret = force ? find(file.value, json.requiredText(input, "SecretId")) : live(file, input)
  const DeletionDate = now() + (force ? 0 : days * daySeconds)
  if (force) {
    delete file.value[secret.Name]
    file.save()
  } else {
    store(file, { ...secret, DeletedDate: now() })
  }
  return { ARN: secret.ARN, Name: secret.Name, DeletionDate }
}

const listSecrets = (file: File, input: json.Input): object => {
  const limit = json.optionalNumber(input, "MaxResults", 1, secretsPerPage) ?? secretsPerPage
  const sorted = Object.values(file.value)
    .filter(({ DeletedDate }) => DeletedDate === undefined || input["IncludePlannedDeletion"] === true)
    .toSorted((a, b) => (a.Name < b.Name ? -1 : 1))
  const { items, next } = json.page(sorted, ({ Name }) => Name, limit, json.optionalText(input, "NextToken"))
  return { SecretList: items.map((secret) => described(secret, "SecretVersionsToStages")), ...next }
}

/** Starts Secrets Manager; `file` keeps the secrets between runs. */
export const startSecretsManager = (options: { readonly file?: string | undefined } = {}): Promise<Engine> => {
  const file = new JsonFile<Secrets>(options.file, {})
  return json.serveJsonProtocol("secretsmanager", {
    CreateSecret: (input) => createSecret(file, input),
    DeleteSecret: (input) => deleteSecret(file, input),
    DescribeSecret: (input) => described(find(file.value, json.requiredText(input, "SecretId")), "VersionIdsToStages"),
    GetSecretValue: (input) => getSecretValue(file, input),
    ListSecrets: (input) => listSecrets(file, input),
    PutSecretValue: (input) => putSecretValue(file, input),
    UpdateSecret: (input) => updateSecret(file, input)
  })
}
