/** What each function finds in its environment where it is deployed. What is not said here has the code's default. */
import { type FunctionName, functions } from "../../src/handlers/Functions.ts"
import type { StageConfig } from "./Config.ts"
import { bucketName, queueUrl, tableOf } from "./Names.ts"
import { secretNames } from "./permissions/SecretNames.ts"
import { queues } from "./resources.ts"

/** Variables by their names. */
export type Environment = Readonly<Record<string, string>>

/** Only what is set: an empty variable would count as absent, but be there for people to wonder at. */
const given = (variables: Readonly<Record<string, string | undefined>>): Environment =>
  Object.fromEntries(Object.entries(variables).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])))

/**
 * CloudFormation puts a secret's value there when it changes the function. It does not see that a value was exchanged:
 * naming the secret's version is what makes it look again, and a new version of the function with it.
 */
const resolved = (secret: string, field = "", version?: string): string =>
  `{{resolve:secretsmanager:${secret}:SecretString:${field}${version === undefined ? "" : `::${version}`}}}`

/** Traces go to X-Ray, by the daemon that Lambda names, unless there is a collector. */
const common = ({ otlpEndpoint, otlpHeadersSecret }: StageConfig): Environment =>
  given({
    LOG_LEVEL: "INFO",
    OTEL_EXPORTER_OTLP_ENDPOINT: otlpEndpoint,
    OTEL_EXPORTER_OTLP_HEADERS: otlpHeadersSecret === undefined ? undefined : resolved(otlpHeadersSecret)
  })

/**
 * Amazon's own authority, from which SQL Server's certificate on RDS is. Node.js does not know it; Lambda's image has it in
 * this file, which its runtimes read by themselves no longer.
 */
const databaseAuthority: Environment = { NODE_EXTRA_CA_CERTS: "/var/runtime/ca-cert.pem" }

const mparticle = (config: StageConfig): Environment => {
  const { callbackBaseUrl, domain } = config.mparticle
  return given({
    STAGE: config.stage,
    BREAKER_TABLE: tableOf(config, "breaker").name,
    BATON_INTEGRATION_ENABLED: "true",
    CALLBACK_BASE_URL: domain === undefined ? callbackBaseUrl : `https://${domain.name}`
  })
}

/** Few, so that a mistake in another function's setting does not stop it. */
const deletion = (config: StageConfig): Environment =>
  given({
    STAGE: config.stage,
    BREAKER_TABLE: tableOf(config, "breaker").name,
    BRAZE_URL: config.mparticle.brazeUrl
  })

const staging = (config: StageConfig): Environment => {
  const { domain } = config.staging
  return given({
    CONVERSATIONS_TABLE_NAME: tableOf(config, "conversations").name,
    STAGE_TABLE_NAME: tableOf(config, "stage").name,
    LOCK_TABLE_NAME: tableOf(config, "lock").name,
    WHATSAPP_QUEUE_URL: queueUrl(config, "whatsapp"),
    SMS_QUEUE_URL: queueUrl(config, "sms"),
    EMAIL_QUEUE_URL: queueUrl(config, "email"),
    HANDOFF_QUEUE_URL: queueUrl(config, "handoff"),
    PARKING_QUEUE_URL: queueUrl(config, "parking"),
    HANDOFF_BUCKET: bucketName(config, "handoff"),
    // A parked message is known for longer than it can come back: else it would be taken as a new one.
    TOMBSTONE_TTL_SECONDS: String((queues(config.stage).parking.retentionDays + 1) * 86_400),
    PUBLIC_BASE_URL: domain === undefined ? undefined : `https://${domain.name}`
  })
}

/** The secret with the clusters' API keys, which the code takes from its environment. */
export const clusterSecretName = ({ stage }: StageConfig): string => `id-minter/elasticsearch-${stage.toLowerCase()}`

const identifiers = (config: StageConfig): Environment => {
  const { connectionsPerProcess, databaseHost, databasePort, databaseReplicaHost } = config.idMinter
  return given({
    cluster_url: databaseHost,
    cluster_url_readonly: databaseReplicaHost,
    db_port: String(databasePort),
    db_secret_name: secretNames(config.stage).idMinterDatabase,
    max_connections: String(connectionsPerProcess)
  })
}

const works = (config: StageConfig): Environment => {
  const { clusterKeysVersion, source, target } = config.idMinter
  return given({
    ...identifiers(config),
    es_upstream_host: source.host,
    es_upstream_port: source.port?.toString(),
    es_upstream_apikey: resolved(clusterSecretName(config), "upstream_apikey", clusterKeysVersion),
    es_source_index: source.index,
    es_downstream_host: target.host,
    es_downstream_port: target.port?.toString(),
    es_downstream_apikey: resolved(clusterSecretName(config), "downstream_apikey", clusterKeysVersion),
    es_identified_index: target.index
  })
}

const archive = (config: StageConfig): Environment => {
  const { apiBaseUrl, dateOffsetDays, triggerTimeZone } = config.dexArchive
  const secrets = secretNames(config.stage)
  return {
    ...databaseAuthority,
    S3_BUCKET_NAME: bucketName(config, "dex"),
    DB_SECRET_NAME: secrets.dexDatabase,
    API_SECRET_NAME: secrets.dexApi,
    DEX_API_BASE_URL: apiBaseUrl,
    TRIGGER_TIME_ZONE: triggerTimeZone,
    TRIGGER_DATE_OFFSET_DAYS: String(dateOffsetDays)
  }
}

const environments: Readonly<Record<FunctionName, (config: StageConfig) => Environment>> = {
  "mparticle-api-lambda": mparticle,
  "mparticle-api-http": mparticle,
  "mparticle-api-retry": mparticle,
  "mparticle-api-reconcile": mparticle,
  "mparticle-api-deletion": deletion,
  staging,
  "staging-sweeper": staging,
  "id-minter-stepfunction": works,
  "id-minter-sqs": (config) => ({
    ...works(config),
    use_downstream: "sqs",
    downstream_queue_url: queueUrl(config, "idMinterDownstream")
  }),
  "id-minter-pool": identifiers,
  "id-minter-migrate": identifiers,
  "dex-trigger-response-archive": archive,
  "dex-archive-verify": archive
}

/** The environment of a function in a stage. */
export const environmentOf = (name: FunctionName, config: StageConfig): Environment => ({
  ...common(config),
  ...functions[name].process,
  ...environments[name](config)
})
