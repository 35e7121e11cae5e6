/** Renders what a function may do to the one policy of its role. */
import { PolicyDocument, PolicyStatement } from "aws-cdk-lib/aws-iam"
import { type FunctionName } from "../../src/handlers/Functions.ts"
import type { StageConfig } from "./Config.ts"
import { arn, logGroupName, queueOf, resourceArn, tableOf } from "./Names.ts"
import { grants } from "./permissions/Grants.ts"
import { impliedGrants } from "./permissions/ImpliedGrants.ts"
import type { Grant, Resource } from "./permissions/Grant.ts"

/** What of a function's surroundings needs rights of its own. */
export interface Surroundings {
  /** ARN of the key that tables, queues and buckets with personal data are encrypted with. */
  readonly keyArn?: string
  readonly network: boolean
}

/** Actions that AWS allows on everything or not at all, by the reason for which a function has them. */
export const unbound = {
  tracing: ["xray:PutTraceSegments", "xray:PutTelemetryRecords"],
  network: [
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses"
  ]
} as const

/** All that a function is granted, whether a call shows it or not. */
export const grantsOf = (name: FunctionName): ReadonlyArray<Grant> => [...grants[name], ...impliedGrants[name]]

/** The service through which an encrypted resource is used; undefined where it is not encrypted with our key. */
const encryptedBy = (config: StageConfig, resource: Resource): string | undefined => {
  if ("table" in resource) {
    const table = tableOf(config, resource.table)
    return table.personal && table.foreign !== true ? "dynamodb" : undefined
  }
  if ("queue" in resource) return queueOf(config, resource.queue).personal ? "sqs" : undefined
  return "bucket" in resource && resource.bucket !== "dex" ? "s3" : undefined
}

/** What the caller of a service must be allowed with the key of its data. DynamoDB asks for more than the others. */
const keyActions = ["kms:Decrypt", "kms:GenerateDataKey"]
const tableKeyActions = [...keyActions, "kms:DescribeKey", "kms:Encrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo"]

const uses = (keyArn: string, services: ReadonlySet<string>, region: string): PolicyStatement =>
  new PolicyStatement({
    actions: services.has("dynamodb") ? tableKeyActions : keyActions,
    resources: [keyArn],
    conditions: { StringEquals: { "kms:ViaService": [...services].map((name) => `${name}.${region}.amazonaws.com`) } }
  })

const keyStatements = (
  config: StageConfig,
  resources: ReadonlyArray<Resource>,
  keyArn: string | undefined
): ReadonlyArray<PolicyStatement> => {
  const services = new Set(resources.flatMap((resource) => encryptedBy(config, resource) ?? []))
  const { conversationsKeyArn } = config.staging
  const reads = resources.some((resource) => "table" in resource && resource.table === "conversations")
  return [
    ...(keyArn === undefined || services.size === 0 ? [] : [uses(keyArn, services, config.region)]),
    ...(conversationsKeyArn === undefined || !reads
      ? []
      : [uses(conversationsKeyArn, new Set(["dynamodb"]), config.region)])
  ]
}

/** The policy of a function's role: its grants, its own log group, traces, and what its surroundings need. */
export const policyOf = (name: FunctionName, config: StageConfig, surroundings: Surroundings): PolicyDocument => {
  const allow = (actions: ReadonlyArray<string>, resources: ReadonlyArray<string>): PolicyStatement =>
    new PolicyStatement({ actions: [...actions], resources: [...resources] })
  const granted = grantsOf(name)
  return new PolicyDocument({
    statements: [
      ...granted.map(({ actions, resources }) =>
        allow(
          actions,
          resources.map((resource) => resourceArn(config, resource))
        )
      ),
      ...keyStatements(
        config,
        granted.flatMap(({ resources }) => resources),
        surroundings.keyArn
      ),
      // The star stands for the streams of the group, which Lambda names.
      allow(["logs:CreateLogStream", "logs:PutLogEvents"], [arn(config, "logs", `log-group:${logGroupName(name)}:*`)]),
      allow(unbound.tracing, ["*"]),
      ...(surroundings.network ? [allow(unbound.network, ["*"])] : [])
    ]
  })
}
