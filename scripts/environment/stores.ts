/** What functions read from Parameter Store and Secrets Manager: names, and what has to be in each. */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { grants } from "../../infra/src/permissions/Grants.ts"
import { secretNames } from "../../infra/src/permissions/SecretNames.ts"
import type { SecretKey } from "../../infra/src/permissions/Grant.ts"
import { type FunctionName, functions } from "../../src/handlers/Functions.ts"
import { LoginSecret } from "../../src/layers/IdMinter/Databases.ts"
import { TenantSecret } from "../../src/layers/Staging/WebhookAuth.ts"
import { ApiSecret, DatabaseSecret } from "../../src/schemas/DexArchive.ts"
import { exampleStage } from "./examples.ts"

/** A parameter, and who writes it: people, or the deployment, which knows the value. */
export interface DocumentedParameter {
  readonly what: string
  readonly by: "deployment" | "people"
  readonly secret?: true
  /** Without it the functions work, but for what is said. */
  readonly optional?: true
  /** No function reads it: it tells people what the policies say. */
  readonly forPeople?: true
}

/** The parameters by their names below `/mparticle-api/{stage}/`. */
export const parameters: Readonly<Record<string, DocumentedParameter>> = {
  "mparticle-api-key": { what: "Key of the workspace's DSR API", by: "people", secret: true },
  "mparticle-api-secret": { what: "Secret of that key", by: "people", secret: true },
  "events-api-key": { what: "Key of the feed for events and deletions", by: "people", secret: true },
  "events-api-secret": { what: "Secret of that key", by: "people", secret: true },
  "email-hash-key": {
    what: "Random text with which e-mail addresses of erased people are hashed. Never change it: after that they are found no more",
    by: "people",
    secret: true
  },
  "braze-api-key": {
    what: "Key of Braze's REST API with the right `users.delete`; only where brazeUrl is configured",
    by: "people",
    secret: true,
    optional: true
  },
  "callback-certificate-path": {
    what: "Authorities, as PEM, to one of which the callback's certificate must lead; without it those that Node.js knows",
    by: "people",
    optional: true
  },
  "mparticle-workspace-id": { what: "Id of the workspace", by: "deployment" },
  pod: { what: "mParticle's pod, such as eu1", by: "deployment" },
  "dynamodb-table-name": { what: "Table of the requests", by: "deployment" },
  "baton-correlation-table": { what: "Table that leads from Baton's ids to requests", by: "deployment" },
  "baton-allowed-accounts": {
    what: "Accounts that may invoke, separated by commas; the function's policy is made of the same list",
    by: "deployment",
    forPeople: true
  },
  "fallback-queue-url": { what: "Queue of the requests that mParticle could not take", by: "deployment" },
  "sar-results-bucket": { what: "Bucket of the exports' results", by: "deployment" }
}

const resourcesOf = (name: FunctionName) => grants[name].flatMap(({ resources }) => resources)

const readers = (reads: (name: FunctionName) => boolean): ReadonlyArray<FunctionName> =>
  // Object.keys forgets the keys' type.
  (Object.keys(functions) as ReadonlyArray<FunctionName>).filter(reads)

/** The functions that may read a parameter. */
export const readersOfParameter = (parameter: string): ReadonlyArray<FunctionName> =>
  readers((name) => resourcesOf(name).some((resource) => "parameters" in resource && resource.parameters === parameter))

/** The functions that may read a secret. */
export const readersOfSecret = (secret: SecretKey): ReadonlyArray<FunctionName> =>
  readers((name) => resourcesOf(name).some((resource) => "secret" in resource && resource.secret === secret))

/** Every parameter that some function may read. */
export const grantedParameters: ReadonlyArray<string> = [
  ...new Set(
    readers(() => true).flatMap((name) =>
      resourcesOf(name).flatMap((resource) => ("parameters" in resource ? [resource.parameters] : []))
    )
  )
]

/** A secret, with an example of its form. */
export interface DocumentedSecret {
  readonly name: string
  readonly what: string
  /** Whether the code would take a text as this secret, and knows each of its fields. */
  readonly takes?: (text: string) => boolean
  readonly example: Readonly<Record<string, string | number>>
  readonly note: string
}

const names = secretNames(exampleStage)

const by = <A, I>(schema: Schema.Schema<A, I>): ((text: string) => boolean) => {
  const decode = Schema.decodeUnknownEither(schema, { onExcessProperty: "error" })
  return (text) => Either.isRight(decode(text))
}

const twilio = { twilio_account_sid: "AC…", twilio_auth_token: "…" }

/** The secrets by their keys; `clusters` is read by CloudFormation, and the functions find it in their environment. */
export const secrets: Readonly<Record<SecretKey | "clusters", DocumentedSecret>> = {
  dexDatabase: {
    name: names.dexDatabase,
    what: "Login of SQL Server",
    takes: by(DatabaseSecret),
    example: { host: "…", username: "…", password: "…", database: "Mediant", port: 1433 },
    note: "`database` and `port` may be left out: these are their defaults"
  },
  dexApi: {
    name: names.dexApi,
    what: "OAuth2 client of the DEX API",
    takes: by(ApiSecret),
    example: { token_url: "https://…/oauth2/token", client_id: "…", client_secret: "…" },
    note: "with the scope `dex/trigger:all`"
  },
  idMinterDatabase: {
    name: names.idMinterDatabase,
    what: "Login of the database `identifiers`",
    takes: by(LoginSecret),
    example: { username: "…", password: "…" },
    note: "as RDS makes it; `username` may be left out where the setting db_username has it. Other fields are not read"
  },
  clusters: {
    name: `id-minter/elasticsearch-${exampleStage.toLowerCase()}`,
    what: "API keys of the two Elasticsearch clusters",
    example: { upstream_apikey: "…", downstream_apikey: "…" },
    note: "base64 of `id:key`, as Elasticsearch answers it in `encoded`. They may `read` the source index or `index` into the target index, and `monitor` the cluster. Read when the stack is deployed"
  },
  whatsappCredentials: {
    name: names.whatsappCredentials,
    what: "A tenant's Twilio account, for WhatsApp",
    takes: by(TenantSecret),
    example: twilio,
    note: "one for each company and project"
  },
  smsCredentials: {
    name: names.smsCredentials,
    what: "A tenant's Twilio account, for SMS",
    takes: by(TenantSecret),
    example: twilio,
    note: "one for each company and project"
  },
  emailCredentials: {
    name: names.emailCredentials,
    what: "A tenant's key of SendGrid's inbound webhook",
    takes: by(TenantSecret),
    example: { sendgrid_public_key: "…" },
    note: "one for each company and project; base64 of the DER form, as SendGrid shows it"
  }
}
