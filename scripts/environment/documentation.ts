/** What each setting is, in a line. Names, needs and defaults come from the Config definitions, and are held against this. */
import { bucketNameOf, queueUrlOf, secretName, tableName } from "./examples.ts"

/** A setting as people need it explained. */
export interface Documented {
  readonly what: string
  /** A value as in the stage CODE, where the setting has no default. */
  readonly example?: string
  /** What an absent one stands for, as a text that could be set; the definitions are held against it. */
  readonly default?: string
  /** What an absent one means, where no text says it. */
  readonly absent?: string
  readonly secret?: true
  /** Lambda sets it. */
  readonly byLambda?: true
}

const common: Readonly<Record<string, Documented>> = {
  LOG_LEVEL: {
    what: "The least level that is logged: TRACE, DEBUG, INFO, WARN, ERROR or FATAL",
    default: "INFO"
  },
  log_level: { what: "The same by the name that the id minter's originals gave it; LOG_LEVEL wins", default: "INFO" },
  OTEL_EXPORTER_OTLP_ENDPOINT: {
    what: "Base URL of a collector that takes traces by OTLP over HTTP",
    absent: "traces go to X-Ray"
  },
  OTEL_EXPORTER_OTLP_HEADERS: {
    what: "Headers for the collector, name=value, separated by commas",
    absent: "none",
    secret: true
  },
  OTEL_TRACES_SAMPLER_ARG: { what: "Share of traces that is recorded where the caller has not decided", default: "1" },
  AWS_XRAY_DAEMON_ADDRESS: { what: "Where the X-Ray daemon listens", absent: "no traces to X-Ray", byLambda: true }
}

const mparticle: Readonly<Record<string, Documented>> = {
  STAGE: { what: "CODE or PROD; part of every parameter's path", example: "CODE" },
  BREAKER_TABLE: {
    what: "Table with what is known of each upstream, shared by all processes",
    absent: "each process finds out by itself"
  },
  BATON_INTEGRATION_ENABLED: { what: "Whether Baton's requests are taken", default: "true" },
  BATON_TIMEOUT_SECONDS: { what: "How long an initiate may take, all retries included", default: "25" },
  MPARTICLE_DSR_URL: { what: "Base URL of mParticle's DSR API", default: "https://opendsr.mparticle.com/v3" },
  MPARTICLE_EVENTS_URL: { what: "Base URL of mParticle's Events API", absent: "that of the parameter pod" },
  BRAZE_URL: { what: "Base URL of Braze's REST API", absent: "nobody is deleted at Braze" },
  CALLBACK_BASE_URL: {
    what: "Base URL under which mParticle reaches our callback",
    absent: "the stage's own host below support.guardianapis.com"
  },
  MPARTICLE_SKIP_WAITING_PERIOD: { what: "Whether erasures skip mParticle's waiting of seven days", default: "true" },
  STATUS_REFRESH_SECONDS: {
    what: "After how long a record is compared with mParticle's when somebody asks for it",
    default: "900"
  },
  CLAIM_LEASE_SECONDS: { what: "How long a process that sends a request keeps others from it", default: "10" },
  PROCESSOR_DOMAINS: {
    what: "Domains whose callbacks are taken, separated by commas",
    default: "opendsr.mparticle.com"
  },
  CERTIFICATE_HOSTS: {
    what: "Hosts from which the callback's certificate may be fetched",
    default: "static.mparticle.com,opendsr.mparticle.com"
  },
  CERTIFICATE_PINS: {
    what: "SHA-256 fingerprints of the only certificates that are taken, separated by commas",
    absent: "any with a path to a trusted authority"
  },
  STRICT_CALLBACKS: {
    what: "Whether a callback for another workspace or URL than ours is refused",
    default: "false"
  },
  RESULTS_PREFIX: { what: "What stands before a request's id in the name of its results in S3", absent: "nothing" }
}

const staging: Readonly<Record<string, Documented>> = {
  CONVERSATIONS_TABLE_NAME: {
    what: "Table of the conversations, which is another service's",
    example: tableName("conversations")
  },
  STAGE_TABLE_NAME: { what: "Table in which messages wait for their reader", example: tableName("stage") },
  LOCK_TABLE_NAME: { what: "Table of the locks that make one trigger of many messages", example: tableName("lock") },
  WHATSAPP_QUEUE_URL: { what: "Queue of WhatsApp's reader", example: queueUrlOf("whatsapp") },
  SMS_QUEUE_URL: { what: "Queue of the reader of SMS", example: queueUrlOf("sms") },
  EMAIL_QUEUE_URL: { what: "Queue of the reader of e-mail", example: queueUrlOf("email") },
  HANDOFF_QUEUE_URL: { what: "Queue of the people who take conversations over", example: queueUrlOf("handoff") },
  PARKING_QUEUE_URL: {
    what: "Where authenticated messages wait that could not be staged",
    absent: "they are Twilio's to send again"
  },
  HANDOFF_BUCKET: {
    what: "Where handoffs go that are too large for a queue",
    absent: "such a message cannot be handed over"
  },
  BATCH_WINDOW_SECONDS: {
    what: "How long a conversation's messages are gathered before its reader is told, 0 to 900",
    default: "10"
  },
  TTL_BUFFER_SECONDS: { what: "How long a lock outlives its trigger", default: "60" },
  STAGE_TTL_SECONDS: { what: "After how long a staged message that nobody read is gone", default: "259200" },
  TOMBSTONE_TTL_SECONDS: {
    what: "How long a message that comes again is known; where there is a parking queue, it has to be longer than that keeps one",
    default: "86400"
  },
  SECRET_CACHE_SECONDS: { what: "How long a tenant's secret is used without being fetched again", default: "300" },
  HONOUR_HANDOFF_FLAG: { what: "Whether a conversation's hand_off_to_human counts", default: "true" },
  LOCKED_STALE_SECONDS: {
    what: "After how long a reader that has not come to its end is taken for dead",
    default: "905"
  },
  INVALID_SIGNATURE_STATUS: { what: "What Twilio is answered when a signature is wrong: 200 or 403", default: "200" },
  PUBLIC_BASE_URL: {
    what: "Scheme, host and base path that providers call, where a proxy or a domain hides them",
    absent: "what API Gateway says"
  }
}

const idMinter: Readonly<Record<string, Documented>> = {
  cluster_url: { what: "Host of the database that is written to", example: "identifiers-code.example.org" },
  cluster_url_readonly: { what: "Host of a copy, asked first; it may lag behind", absent: "no copy is asked" },
  db_port: { what: "Port of the database, and of its copy", default: "3306" },
  db_secret_name: {
    what: "Secret with the login; db_username and db_password can be set instead of it",
    example: secretName("idMinterDatabase")
  },
  db_username: { what: "User name, where the secret has none or there is no secret", absent: "that of the secret" },
  db_password: { what: "Password that never changes, instead of a secret", absent: "that of the secret", secret: true },
  max_connections: { what: "Connections of one process to each database", default: "8" },
  ON_POOL_EXHAUSTED: {
    what: "What is done about a pool that runs short: top-up, or fail the request",
    default: "top-up"
  },
  ID_GENERATOR_DESIRED_FREE_IDS_COUNT: { what: "How many ids are free after a scheduled top-up", default: "100000" },
  es_upstream_host: { what: "Host of the cluster with the source index", example: "works-code.example.org" },
  es_upstream_port: { what: "Port of the source cluster", default: "9200" },
  es_upstream_protocol: { what: "Protocol of the source cluster; http for loopback hosts only", default: "https" },
  es_upstream_apikey: {
    what: "API key for the source index, with `read` there and `monitor` for the cluster",
    absent: "calls without a key",
    secret: true
  },
  es_apikey: { what: "The same by its older name; es_upstream_apikey wins", absent: "none", secret: true },
  es_source_index: { what: "Index from which works are read", example: "works-source" },
  es_downstream_host: { what: "Host of the cluster with the target index", example: "works-code.example.org" },
  es_downstream_port: { what: "Port of the target cluster", default: "9200" },
  es_downstream_protocol: { what: "Protocol of the target cluster; http for loopback hosts only", default: "https" },
  es_downstream_apikey: {
    what: "API key for the target index, with `index` there and `monitor` for the cluster",
    absent: "the user name, or none",
    secret: true
  },
  es_downstream_username: {
    what: "User of the target cluster, together with its password; may what the key may",
    absent: "none"
  },
  es_downstream_password: { what: "Password of that user", absent: "none", secret: true },
  es_identified_index: { what: "Index to which works are written", example: "works-identified" },
  use_downstream: { what: "Who is told of an indexed work: sqs, stdio or none", default: "sqs" },
  downstream_queue_url: {
    what: "The queue that is told; not needed where use_downstream is not sqs",
    example: queueUrlOf("idMinterDownstream")
  },
  metrics_namespace: { what: "CloudWatch namespace of the metrics", default: "id_minter" }
}

const dexArchive: Readonly<Record<string, Documented>> = {
  S3_BUCKET_NAME: { what: "Bucket of the archive", example: bucketNameOf("dex") },
  DB_SECRET_NAME: { what: "Secret with the login of SQL Server", example: secretName("dexDatabase") },
  API_SECRET_NAME: { what: "Secret with the OAuth2 client of the DEX API", example: secretName("dexApi") },
  DEX_API_BASE_URL: { what: "Base URL of the DEX API, https", example: "https://dex-code.example.org" },
  TRIGGER_DATE_OFFSET_DAYS: { what: "Days that are added to today; -1 is yesterday", default: "0" },
  TRIGGER_TIME_ZONE: { what: "Time zone in which today is meant", default: "UTC" },
  MAX_CONCURRENCY: { what: "Clients that are worked on at once, 1 to 100", default: "8" },
  HTTP_TIMEOUT_MS: { what: "Milliseconds that one call of the API may take", default: "30000" },
  MAX_ATTEMPTS: { what: "Tries of one client's call, the first among them", default: "3" },
  FAIL_ON_PARTIAL: { what: "Whether a client that was not archived makes the run an error", default: "false" },
  DB_TRUST_SERVER_CERTIFICATE: {
    what: "Does not verify SQL Server's certificate: on one's own machine only",
    default: "false"
  }
}

/** Every setting by its name. */
export const documentation: Readonly<Record<string, Documented>> = {
  ...common,
  ...mparticle,
  ...staging,
  ...idMinter,
  ...dexArchive
}

/** Variables of Node.js and of the C library that a deployed function may have. */
export const processVariables: Readonly<Record<string, string>> = {
  MALLOC_ARENA_MAX: "How many pools of memory the C library's threads have",
  MALLOC_MMAP_THRESHOLD_: "From which size on, in bytes, the C library gives memory back as soon as it is free",
  MALLOC_TRIM_THRESHOLD_: "How much memory, in bytes, the C library keeps at the end of its heap",
  NODE_EXTRA_CA_CERTS: "A file with authorities that Node.js does not know, such as Amazon's of RDS",
  NODE_OPTIONS: "Options of the Node.js process"
}

/** An example of each setting that must be set. */
export const examples: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(documentation).flatMap(([name, { example }]) => (example === undefined ? [] : [[name, example]]))
)
