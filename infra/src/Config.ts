/** What a stage's account has that the code cannot know: `infra/config/<stage>.json`, read and checked. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { parse as parseAccounts } from "../../src/services/AccountAllowList.ts"
import { isTimeZone } from "../../src/services/DexArchive/TriggerDates.ts"
import type { Stage } from "./resources.ts"

const matching = (pattern: RegExp, what: string) =>
  Schema.String.pipe(Schema.filter((text) => pattern.test(text) || `must be ${what}`))

const text = matching(/\S/, "a text that is more than spaces")
const account = matching(/^\d{12}$/, "an account id of 12 digits")
const host = matching(/^[\w-]+(?:\.[\w-]+)+$/, "a host's name, without protocol or port")
const https = matching(/^https:\/\/[^\s/]+\S*$/, "an https URL")
const email = matching(/^[^\s@]+@[^\s@]+\.[^\s@]+$/, "an e-mail address")
const arn = (service: string) => matching(new RegExp(`^arn:aws:${service}:\\S+$`), `the ARN of something in ${service}`)
const whole = (min: number, max: number) =>
  Schema.Int.pipe(
    Schema.filter((value) => (value >= min && value <= max) || `must be a whole number from ${min} to ${max}`)
  )

/** One list for both policies, the parameter and the check at run time, which all read it with the same function. */
const accounts = Schema.String.pipe(
  Schema.filter(
    (list) =>
      Either.isRight(parseAccounts("allowedAccounts", list)) || "must be account ids of 12 digits, separated by commas"
  )
)

const zone = Schema.String.pipe(
  Schema.filter((name) => isTimeZone(name) || "must be the name of a time zone, such as Europe/London")
)

const Domain = Schema.Struct({
  name: host,
  /** The certificate of that name, in the same region. */
  certificateArn: arn("acm")
})

/** The network in which a function reaches its database. */
const Network = Schema.Struct({
  subnetIds: Schema.NonEmptyArray(matching(/^subnet-[0-9a-f]+$/, "a subnet's id")),
  securityGroupIds: Schema.NonEmptyArray(matching(/^sg-[0-9a-f]+$/, "a security group's id"))
})

const Cluster = Schema.Struct({ host, port: Schema.optional(whole(1, 65_535)), index: text })

const retentions = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288]

/** Connections of the database that are kept for people. */
export const keptConnections = 20
/** Of the pool's and the migration's function one process each runs, once. */
const oneEach = 2

const IdMinter = Schema.Struct({
  network: Network,
  databaseHost: host,
  /** A copy that may lag behind. */
  databaseReplicaHost: Schema.optional(host),
  databasePort: whole(1, 65_535),
  /** The database's own limit, `max_connections` of the server. */
  databaseConnections: whole(1, 100_000),
  /** Connections that one process opens. */
  connectionsPerProcess: whole(1, 1_000),
  /** How many processes of each function run at most. Lambda polls a queue with two at least. */
  concurrency: Schema.Struct({ stepFunction: whole(1, 1_000), sqs: whole(2, 1_000) }),
  source: Cluster,
  target: Cluster,
  /** The version of the secret with the clusters' keys: another one brings exchanged keys to the functions. */
  clusterKeysVersion: Schema.optional(matching(/^[\w-]{32,64}$/, "the id of a secret's version")),
  /** The topic that tells of works, where they come by one. */
  worksTopicArn: Schema.optional(arn("sns"))
}).pipe(
  Schema.filter(({ concurrency, connectionsPerProcess, databaseConnections }) => {
    const needed = (concurrency.stepFunction + concurrency.sqs + oneEach) * connectionsPerProcess
    if (needed <= databaseConnections - keptConnections) return true
    return {
      path: ["concurrency"],
      message: `must fit the database: ${needed} connections are needed, and of the ${databaseConnections} of databaseConnections ${keptConnections} are kept for people`
    }
  })
)

/** The configuration of a stage. */
export const Config = Schema.Struct({
  account,
  region: matching(/^[a-z]{2}(?:-[a-z]+)+-\d$/, "a region's name"),
  /** Who is told of alarms. */
  alarmEmail: email,
  /** Whether alarms tell them; in PROD alone when left out. */
  alarmActions: Schema.optional(Schema.Boolean),
  logRetentionDays: Schema.Number.pipe(
    Schema.filter((days) => retentions.includes(days) || `must be one of ${retentions.join(", ")}`)
  ),
  /** The collector that takes traces by OTLP; without it they go to X-Ray. */
  otlpEndpoint: Schema.optional(https),
  /** The secret with what the collector wants to be told, as OTEL_EXPORTER_OTLP_HEADERS has it. */
  otlpHeadersSecret: Schema.optional(text),
  baton: Schema.Struct({
    /** The accounts that may call us: `"111111111111, 222222222222"`. */
    allowedAccounts: accounts,
    /** What they must say when they assume our role, where something was agreed on. */
    externalId: Schema.optional(matching(/^[\w+=,.@:/-]{2,1224}$/, "an external id as IAM takes it")),
    /** The log group of a trail with Lambda's data events, which tells of calls that IAM refused. */
    trailLogGroup: Schema.optional(text)
  }),
  mparticle: Schema.Struct({
    pod: matching(/^[a-z]+\d+$/, "a pod's name, such as eu1"),
    workspaceId: text,
    domain: Schema.optional(Domain),
    /** Where mParticle reaches us without a domain: `https://<id>.execute-api.<region>.amazonaws.com/<stage>`. */
    callbackBaseUrl: Schema.optional(https),
    brazeUrl: Schema.optional(https),
    /** The topic that tells of deleted accounts, where they come by one. */
    deletionTopicArn: Schema.optional(arn("sns"))
  }),
  staging: Schema.Struct({
    domain: Schema.optional(Domain),
    /** Calls a second, and at once; what is beyond is answered 503, so that Twilio brings it again. */
    throttle: Schema.Struct({ rate: whole(1, 10_000), burst: whole(1, 5_000) }),
    /** The key with which the conversations' owner encrypts them, where it is its own. */
    conversationsKeyArn: Schema.optional(arn("kms"))
  }),
  idMinter: IdMinter,
  dexArchive: Schema.Struct({
    network: Network,
    apiBaseUrl: https,
    /** The zone of the job that makes the data: of the schedule, and of what "today" is. */
    triggerTimeZone: zone,
    dateOffsetDays: whole(-3_650, 3_650),
    /** How long a version is kept that was written over. */
    noncurrentDays: whole(1, 36_500)
  }),
  /** Names of buckets that are not ours to choose any more: they are taken worldwide. */
  bucketNames: Schema.optional(
    Schema.Struct({ results: Schema.optional(text), handoff: Schema.optional(text), dex: Schema.optional(text) })
  )
})

/** The configuration of a stage, and which one it is. */
export type StageConfig = Schema.Schema.Type<typeof Config> & { readonly stage: Stage }

const decode = Schema.decodeUnknownEither(Config, { errors: "all", onExcessProperty: "error" })

/** The configuration, or a refusal that names every field that will not do, and what was expected there. */
export const readConfig = (stage: Stage, value: unknown): StageConfig => {
  const config = decode(value)
  if (Either.isRight(config)) return { ...config.right, stage }
  const problems = ParseResult.ArrayFormatter.formatErrorSync(config.left).map(
    ({ message, path }) => `${path.join(".")}: ${message}`
  )
  throw new Error(`infra/config/${stage}.json will not do:\n${problems.join("\n")}`)
}

/** The configuration that is committed for a stage. */
export const loadConfig = (stage: Stage): StageConfig =>
  readConfig(stage, JSON.parse(readFileSync(join(import.meta.dirname, "../config", `${stage}.json`), "utf8")))

/** The account ids of AWS's own documentation, ids that count up, and names that nobody owns. */
const example =
  /123456789012|111122223333|444455556666|\b(?:subnet|sg)-0123456789abcdef|(?:^|[@./])example\.(?:com|net|org)\b|\bexample\b/

/** The fields that still have an example's value, such as `idMinter.databaseHost`: with them nothing can be deployed. */
export const exampleValues = (config: unknown, path: ReadonlyArray<string> = []): ReadonlyArray<string> => {
  if (typeof config === "string") return example.test(config) ? [path.join(".")] : []
  if (typeof config !== "object" || config === null) return []
  return Object.entries(config).flatMap(([key, value]) => exampleValues(value, [...path, key]))
}
