/** The physical names, ARNs and URLs of a stage. They follow from its configuration, so no stack has to ask another. */
import type { FunctionName } from "../../src/handlers/Functions.ts"
import type { StageConfig } from "./Config.ts"
import type { Resource } from "./permissions/Grant.ts"
import { secretNames } from "./permissions/SecretNames.ts"
import {
  type BucketKey,
  buckets,
  parameterPath,
  type QueueDefinition,
  type QueueKey,
  queues,
  type TableDefinition,
  type TableKey,
  tables
} from "./resources.ts"

/** The alias that everything calls: the version that is in service. */
export const alias = "live"

/** The names that the seeds gave to roles; every other function's role is named after it. */
const roleNames: Partial<Record<FunctionName, string>> = {
  staging: "StagingLambdaRole",
  "dex-trigger-response-archive": "DexTriggerArchiveLambdaRole"
}

/** The name of a function's role. */
export const roleName = (name: FunctionName): string => roleNames[name] ?? `${name}-role`

/** The name of a function's log group. */
export const logGroupName = (name: FunctionName): string => `/aws/lambda/${name}`

/** A table's definition in a stage. */
export const tableOf = ({ stage }: StageConfig, key: TableKey): TableDefinition => tables(stage)[key]

/** A queue's definition in a stage. */
export const queueOf = ({ stage }: StageConfig, key: QueueKey): QueueDefinition => queues(stage)[key]

/** A bucket's name in a stage. */
export const bucketName = ({ bucketNames, stage }: StageConfig, key: BucketKey): string =>
  bucketNames?.[key] ?? buckets(stage)[key]

/** A queue's URL. */
export const queueUrl = (config: StageConfig, key: QueueKey): string =>
  `https://sqs.${config.region}.amazonaws.com/${config.account}/${queueOf(config, key).name}`

/** An ARN of the stage's account and region. */
export const arn = ({ account, region }: StageConfig, service: string, resource: string): string =>
  `arn:aws:${service}:${region}:${account}:${resource}`

/** A function's ARN; `qualifier` is a version or an alias. */
export const functionArn = (config: StageConfig, name: FunctionName, qualifier?: string): string =>
  arn(config, "lambda", `function:${name}${qualifier === undefined ? "" : `:${qualifier}`}`)

/** The name of one of the id minter's state machines, by the name of its file. */
export const stateMachineName = ({ stage }: StageConfig, file: "idMinter" | "idMinterBatches"): string =>
  `${file === "idMinter" ? "id-minter" : "id-minter-batches"}-${stage.toLowerCase()}`

/** The ARN of what a permission is about. */
export const resourceArn = (config: StageConfig, resource: Resource): string => {
  if ("table" in resource) {
    const table = `table/${tableOf(config, resource.table).name}`
    return arn(config, "dynamodb", resource.index === undefined ? table : `${table}/index/${resource.index}`)
  }
  if ("queue" in resource) return arn(config, "sqs", queueOf(config, resource.queue).name)
  if ("bucket" in resource) {
    const bucket = `arn:aws:s3:::${bucketName(config, resource.bucket)}`
    return resource.objects === undefined ? bucket : `${bucket}/${resource.objects}*`
  }
  // Secrets Manager adds six characters of its own to the name.
  if ("secret" in resource) {
    return arn(config, "secretsmanager", `secret:${secretNames(config.stage)[resource.secret]}-??????`)
  }
  return arn(config, "ssm", `parameter${parameterPath(config.stage)}/${resource.parameters}`)
}
