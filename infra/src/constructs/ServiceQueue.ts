/** A queue with its dead-letter queue. */
import { Duration } from "aws-cdk-lib/core"
import { ServicePrincipal } from "aws-cdk-lib/aws-iam"
import type { IKey } from "aws-cdk-lib/aws-kms"
import { CfnSubscription } from "aws-cdk-lib/aws-sns"
import { Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs"
import { Construct } from "constructs"
import { functions } from "../../../src/handlers/Functions.ts"
import { dlqName, type QueueDefinition, type QueueKey } from "../resources.ts"

/** A queue of a service. */
export interface ServiceQueueProps {
  readonly key: QueueKey
  readonly definition: QueueDefinition
  /** With what personal data is encrypted; other messages are with SQS's own key. */
  readonly encryptionKey?: IKey
  /** The topic whose messages come here. */
  readonly topicArn?: string
}

/** As AWS advises: less, and a batch that is still being worked on can be delivered again. */
const timeoutsHidden = 6

/** For how long a message that was received is hidden. */
export const visibilitySeconds = ({ consumer }: QueueDefinition): number =>
  typeof consumer === "string" ? timeoutsHidden * functions[consumer].timeoutSeconds : consumer.visibilitySeconds

/** A queue of a service. */
export class ServiceQueue extends Construct {
  readonly queue: Queue
  readonly deadLetters: Queue

  constructor(scope: Construct, { definition, encryptionKey, key, topicArn }: ServiceQueueProps) {
    super(scope, `Queue-${key}`)
    const encryption =
      definition.personal && encryptionKey !== undefined
        ? { encryption: QueueEncryption.KMS, encryptionMasterKey: encryptionKey }
        : { encryption: QueueEncryption.SQS_MANAGED }
    this.deadLetters = new Queue(this, "DeadLetters", {
      queueName: dlqName(definition.name),
      retentionPeriod: Duration.days(14),
      enforceSSL: true,
      ...encryption
    })
    this.queue = new Queue(this, "Queue", {
      queueName: definition.name,
      visibilityTimeout: Duration.seconds(visibilitySeconds(definition)),
      deliveryDelay: Duration.seconds(definition.delaySeconds ?? 0),
      retentionPeriod: Duration.days(definition.retentionDays ?? 4),
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: definition.maxReceiveCount },
      enforceSSL: true,
      ...encryption
    })
    if (topicArn !== undefined) this.subscribe(topicArn, definition.personal ? encryptionKey : undefined)
  }

  /** What the topic tells comes here, in SNS's own envelope. */
  private subscribe(topicArn: string, key: IKey | undefined): void {
    const sns = new ServicePrincipal("sns.amazonaws.com", { conditions: { ArnEquals: { "aws:SourceArn": topicArn } } })
    this.queue.grant(sns, "sqs:SendMessage")
    key?.grant(sns, "kms:Decrypt", "kms:GenerateDataKey")
    new CfnSubscription(this, "Subscription", {
      topicArn,
      protocol: "sqs",
      endpoint: this.queue.queueArn,
      region: topicArn.split(":")[3] ?? ""
    })
  }
}
