/** MParticle: the HTTP API with mParticle's callbacks, the queues and what all of its requests are kept in. */
import { StringParameter } from "aws-cdk-lib/aws-ssm"
import type { Construct } from "constructs"
import { HttpGateway } from "../constructs/HttpGateway.ts"
import { bucketName, queueUrl, tableOf } from "../Names.ts"
import { parameterPath } from "../resources.ts"
import { ServiceStack, type StackOptions } from "./ServiceStack.ts"

/** The service's documented limits (contract 1.4): beyond them, 429. */
const throttle = { rate: 2_000, burst: 5_000 }

/** The stack of MParticle. */
export class MParticleStack extends ServiceStack {
  constructor(scope: Construct, options: StackOptions) {
    const { deletionTopicArn, domain } = options.config.mparticle
    super(scope, {
      ...options,
      service: "MParticle",
      topics: deletionTopicArn === undefined ? {} : { deletion: deletionTopicArn }
    })
    const { stage } = this.config
    const name = `mparticle-api-${stage.toLowerCase()}`
    const target = this.functionOf("mparticle-api-http")
    new HttpGateway(this, { name, config: this.config, target, throttle, domain })
    this.addParameters()
    this.watch({ api: { name, stage: stage.toLowerCase() } })
  }

  /** What follows from the stack. Keys and secrets are put there by people: CloudFormation makes no SecureString. */
  private addParameters(): void {
    const { config } = this
    const values = {
      "dynamodb-table-name": tableOf(config, "dsr").name,
      "baton-correlation-table": tableOf(config, "correlation").name,
      "fallback-queue-url": queueUrl(config, "fallback"),
      "sar-results-bucket": bucketName(config, "results"),
      pod: config.mparticle.pod,
      "mparticle-workspace-id": config.mparticle.workspaceId
    }
    for (const [name, stringValue] of Object.entries(values)) {
      new StringParameter(this, `Parameter-${name}`, {
        parameterName: `${parameterPath(config.stage)}/${name}`,
        stringValue
      })
    }
  }
}
