/**
 * What a function's process finds in its environment: the platform's addresses, and every setting of `npm start`.
 *
 * The rule for settings: each variable with an upper-case name reaches the functions, except the ones of the shell, of
 * Node.js and npm, of AWS (the platform gives its own) and of the platform itself. So a new setting needs no list here.
 * The id minter's originals gave its settings lower-case names, as environments have them for other things too: those are
 * the ones of its contract.
 */
import { accessKeyPrefix } from "../aws/AwsProxy.ts"
import type { Resources } from "../aws/createResources.ts"
import type { AwsEndpoints } from "../aws/Engine.ts"
import { region } from "../aws/identity.ts"
import { otlpPath } from "../gateway/traceRoutes.ts"

const settingName = /^[A-Z][A-Z0-9_]*$/

const minterName =
  /^(?:cluster_url(?:_readonly)?|db_(?:port|username|password|secret_name)|max_connections|es_(?:upstream|downstream)_\w+|es_apikey|es_source_index|es_identified_index|use_downstream|downstream_queue_url|metrics_namespace|log_level)$/

const foreignPrefixes =
  /^(?:AWS|BASH|CONDA|DBUS|DOCKER|GIT|GITHUB|GPG|LC|LESS|NODE|NPM|NVM|PYENV|RUST|SSH|SSL|TERM|VITE|VITEST|VSCODE|XDG)_/

const foreign = new Set([
  ..."CI COLOR COLORTERM COLUMNS CONTAINER_NAME DEBIAN_FRONTEND DISPLAY EDITOR HISTFILE HOME HOST HOSTNAME".split(" "),
  ..."IFS INIT_CWD LANG LANGUAGE LINES LOGNAME LS_COLORS MAIL MANPATH NODE OLDPWD OSTYPE PAGER PATH PS1 PWD".split(" "),
  ..."SHELL SHELLOPTS SHLVL TERM TEMP TMP TMPDIR TZ UID USER USERNAME VISUAL VITEST WAYLAND_DISPLAY".split(" "),
  ..."ALL_PROXY HTTP_PROXY HTTPS_PROXY NO_PROXY FORCE_COLOR NO_COLOR".split(" "),
  ..."DATA_DIR DYNAMODB_URL EXTRA_FUNCTIONS MPARTICLE_SANDBOX_RATE_LIMIT MYSQL_URL PORT S3_URL SQS_URL".split(" ")
])

/** The variables that are settings of functions. */
export const settingsFrom = (environment: Readonly<Record<string, string | undefined>>): Record<string, string> => {
  const settings: Record<string, string> = {}
  for (const [name, value] of Object.entries(environment)) {
    if (value === undefined) continue
    const isSetting = settingName.test(name) && !foreignPrefixes.test(name) && !foreign.has(name)
    if (isSetting || minterName.test(name)) settings[name] = value
  }
  return settings
}

export interface Addresses {
  readonly aws: AwsEndpoints
  readonly mparticle: string
  readonly gateway: string
  readonly apiStage: string
  readonly resources: Resources
  /** The settings of the id minter's functions, for one process. */
  readonly minter: (processId: string) => Readonly<Record<string, string>>
  /** The settings of the archive's functions, for one process. */
  readonly archive: (processId: string) => Readonly<Record<string, string>>
}

/** Where the Staging service finds what is its own. PUBLIC_BASE_URL is not set: the signed URL is the event's own. */
const stagingSettings = ({ buckets, queues, tables }: Resources): Record<string, string> => ({
  CONVERSATIONS_TABLE_NAME: tables["conversations"] ?? "",
  STAGE_TABLE_NAME: tables["stage"] ?? "",
  LOCK_TABLE_NAME: tables["lock"] ?? "",
  WHATSAPP_QUEUE_URL: queues["whatsapp"] ?? "",
  SMS_QUEUE_URL: queues["sms"] ?? "",
  EMAIL_QUEUE_URL: queues["email"] ?? "",
  HANDOFF_QUEUE_URL: queues["handoff"] ?? "",
  PARKING_QUEUE_URL: queues["parking"] ?? "",
  HANDOFF_BUCKET: buckets["handoff"] ?? "",
  ENVIRONMENT_NAME: "dev"
})

/** The environment of one process; a setting that is given wins over the platform's own. */
export const functionEnvironment = (
  processId: string,
  addresses: Addresses,
  settings: Readonly<Record<string, string>>
): Record<string, string> => {
  const { archive, aws, mparticle, gateway, apiStage, minter, resources } = addresses
  return {
    MPARTICLE_DSR_URL: `${mparticle}/p/${processId}/v3`,
    MPARTICLE_EVENTS_URL: `${mparticle}/p/${processId}/v2`,
    BRAZE_URL: `${mparticle}/p/${processId}/braze`,
    CALLBACK_BASE_URL: `${gateway}/${apiStage}`,
    CERTIFICATE_HOSTS: new URL(mparticle).hostname,
    BATON_INTEGRATION_ENABLED: "true",
    BREAKER_TABLE: resources.tables["breaker"] ?? "",
    OTEL_EXPORTER_OTLP_ENDPOINT: `${gateway}${otlpPath}`,
    ...stagingSettings(resources),
    ...minter(processId),
    ...archive(processId),
    S3_BUCKET_NAME: resources.buckets["dex"] ?? "",
    downstream_queue_url: resources.queues["idMinterDownstream"] ?? "",
    ...settings,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: `${accessKeyPrefix}${processId.toUpperCase()}`,
    AWS_SECRET_ACCESS_KEY: "local",
    AWS_ENDPOINT_URL_DYNAMODB: aws.dynamodb,
    AWS_ENDPOINT_URL_SQS: aws.sqs,
    AWS_ENDPOINT_URL_S3: aws.s3,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: aws.secretsmanager,
    AWS_ENDPOINT_URL_SSM: aws.ssm
  }
}
