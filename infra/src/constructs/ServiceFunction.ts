/** A function with its role, its log group and the alias that everything calls. */
import { Duration, RemovalPolicy } from "aws-cdk-lib/core"
import { Role, ServicePrincipal } from "aws-cdk-lib/aws-iam"
import type { IKey } from "aws-cdk-lib/aws-kms"
import {
  Alias,
  Architecture,
  CfnFunction,
  Code,
  Function,
  type IVersion,
  Runtime,
  Tracing
} from "aws-cdk-lib/aws-lambda"
import { LogGroup } from "aws-cdk-lib/aws-logs"
import { Construct } from "constructs"
import { type FunctionName, functions } from "../../../src/handlers/Functions.ts"
import type { StageConfig } from "../Config.ts"
import { environmentOf } from "../environment.ts"
import { alias, logGroupName, roleName } from "../Names.ts"
import { policyOf } from "../policies.ts"
import { services, type ServiceDefinition, serviceOf } from "../services.ts"

/** A function, and where it runs. */
export interface ServiceFunctionProps {
  readonly name: FunctionName
  readonly config: StageConfig
  /** The folder of its bundle. */
  readonly folder: string
  /** With what the service's personal data is encrypted. */
  readonly key?: IKey
}

/** Nobody reads source maps there, and they are larger than the code. */
const notDeployed = ["*.map"]

/** How many processes may run at once, where a database limits it. */
export const reserved = (name: FunctionName, { idMinter: { concurrency } }: StageConfig): number | undefined => {
  if (name === "id-minter-stepfunction") return concurrency.stepFunction
  if (name === "id-minter-sqs") return concurrency.sqs
  return name === "id-minter-pool" || name === "id-minter-migrate" ? 1 : undefined
}

/** Written as it is: CDK's own network constructs look up in the account what here is said. */
const setNetwork = (lambda: Function, { securityGroupIds, subnetIds }: StageConfig["idMinter"]["network"]): void => {
  const { defaultChild } = lambda.node
  if (!CfnFunction.isCfnFunction(defaultChild)) throw new Error(`${lambda.node.path} is no function`)
  defaultChild.vpcConfig = { securityGroupIds: [...securityGroupIds], subnetIds: [...subnetIds] }
}

/** A deployed function. */
export class ServiceFunction extends Construct {
  readonly name: FunctionName
  readonly lambda: Function
  /** The version in service; a deployment moves it there by and by. */
  readonly live: Alias

  constructor(scope: Construct, { config, folder, key, name }: ServiceFunctionProps) {
    super(scope, name)
    this.name = name
    const { memoryMb, timeoutSeconds } = functions[name]
    const service: ServiceDefinition = services[serviceOf(name)]
    const network = service.network === undefined ? undefined : config[service.network].network
    const concurrency = reserved(name, config)
    const role = new Role(this, "Role", {
      roleName: roleName(name),
      assumedBy: new ServicePrincipal("lambda.amazonaws.com"),
      inlinePolicies: {
        [name]: policyOf(name, config, {
          network: network !== undefined,
          ...(key === undefined ? {} : { keyArn: key.keyArn })
        })
      }
    })
    const logGroup = new LogGroup(this, "LogGroup", {
      logGroupName: logGroupName(name),
      retention: config.logRetentionDays,
      removalPolicy: config.stage === "PROD" ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY
    })
    this.lambda = new Function(this, "Function", {
      functionName: name,
      code: Code.fromAsset(folder, { exclude: notDeployed }),
      handler: "index.handler",
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      timeout: Duration.seconds(timeoutSeconds),
      memorySize: memoryMb,
      environment: { ...environmentOf(name, config) },
      // Whatever CDK would add to a role is in its one policy, or not wanted.
      role: role.withoutPolicyUpdates(),
      logGroup,
      tracing: Tracing.ACTIVE,
      // An older version is what a deployment is rolled back to.
      currentVersionOptions: { removalPolicy: RemovalPolicy.RETAIN },
      ...(concurrency === undefined ? {} : { reservedConcurrentExecutions: concurrency })
    })
    if (network !== undefined) setNetwork(this.lambda, network)
    // CDK does not write its optional properties as strictly as they are checked here.
    this.live = new Alias(this, "Live", { aliasName: alias, version: this.lambda.currentVersion as IVersion })
  }
}
