/** A service in a stage: what all services have alike. What only one has is in the stack of its name. */
import { Duration, RemovalPolicy, Stack, Tags } from "aws-cdk-lib/core"
import { type IKey, Key } from "aws-cdk-lib/aws-kms"
import { EventSourceMapping, type IFunction } from "aws-cdk-lib/aws-lambda"
import { Topic } from "aws-cdk-lib/aws-sns"
import { EmailSubscription } from "aws-cdk-lib/aws-sns-subscriptions"
import type { Construct } from "constructs"
import { type FunctionDefinition, type FunctionName, functions } from "../../../src/handlers/Functions.ts"
import type { StageConfig } from "../Config.ts"
import { Deployments } from "../constructs/Deployments.ts"
import { ServiceBucket } from "../constructs/ServiceBucket.ts"
import { reserved, ServiceFunction } from "../constructs/ServiceFunction.ts"
import { ServiceQueue } from "../constructs/ServiceQueue.ts"
import { ServiceSchedule } from "../constructs/ServiceSchedule.ts"
import { ServiceTable } from "../constructs/ServiceTable.ts"
import { queueOf, tableOf } from "../Names.ts"
import type { QueueKey } from "../resources.ts"
import { type ServiceDefinition, type ServiceName, services, stackName } from "../services.ts"
import { addWatch } from "../watch/addWatch.ts"
import type { Target } from "../watch/Target.ts"

/** Of which stage a stack is, and where bundles are. */
export interface StackOptions {
  readonly config: StageConfig
  /** The folder of a function's bundle. */
  readonly folderOf: (name: FunctionName) => string
}

/** A service's stack. */
export interface ServiceStackProps extends StackOptions {
  readonly service: ServiceName
  /** Another service's key, where this one works on the other's data. */
  readonly key?: IKey
  /** Topics whose messages come to queues. */
  readonly topics?: Readonly<Partial<Record<QueueKey, string>>>
}

/** A service in a stage. */
export class ServiceStack extends Stack {
  readonly service: ServiceName
  readonly config: StageConfig
  /** With what personal data is encrypted, where there is some. */
  readonly key: IKey | undefined
  private readonly made = new Map<FunctionName, ServiceFunction>()
  private readonly queuesMade = new Map<QueueKey, ServiceQueue>()

  constructor(scope: Construct, props: ServiceStackProps) {
    const { config, service } = props
    super(scope, stackName(service, config.stage), {
      stackName: stackName(service, config.stage),
      description: `${service}, ${config.stage}`,
      env: { account: config.account, region: config.region },
      terminationProtection: config.stage === "PROD"
    })
    this.service = service
    this.config = config
    this.key = props.key ?? this.ownKey()
    Tags.of(this).add("Stage", config.stage)
    Tags.of(this).add("App", services[service].stackName)
    this.addResources(props.topics ?? {})
    for (const name of services[service].functions) this.addFunction(name, props.folderOf(name))
  }

  /** A function of this stack. */
  functionOf(name: FunctionName): ServiceFunction {
    const found = this.made.get(name)
    if (found === undefined) throw new Error(`${this.stackName} has no function ${name}`)
    return found
  }

  /** All functions of this stack. */
  get allFunctions(): ReadonlyArray<ServiceFunction> {
    return [...this.made.values()]
  }

  /** Alarms, the dashboard, and the deployments that are rolled back on them: when everything else is there. */
  watch(target: Omit<Target, "stage"> = {}): void {
    const topic = (severity: "critical" | "warning"): Topic => {
      const topic = new Topic(this, `Alarms-${severity}`, { topicName: `${this.stackName}-alarms-${severity}` })
      topic.addSubscription(new EmailSubscription(this.config.alarmEmail))
      return topic
    }
    const { rollback } = addWatch(this, {
      service: this.service,
      target: { ...target, stage: this.config.stage },
      topics: { critical: topic("critical"), warning: topic("warning") },
      ...(this.config.alarmActions === undefined ? {} : { actionsEnabled: this.config.alarmActions })
    })
    new Deployments(this, { applicationName: this.stackName, functions: this.allFunctions, rollback })
  }

  private ownKey(): IKey | undefined {
    const { queues, tables }: ServiceDefinition = services[this.service]
    const isPersonal =
      tables.some((key) => tableOf(this.config, key).personal) ||
      queues.some((key) => queueOf(this.config, key).personal)
    if (!isPersonal) return undefined
    return new Key(this, "Key", {
      alias: this.stackName,
      description: `Personal data of ${this.stackName}`,
      enableKeyRotation: true,
      removalPolicy: RemovalPolicy.RETAIN
    })
  }

  private addResources(topics: Readonly<Partial<Record<QueueKey, string>>>): void {
    const { buckets, queues, tables }: ServiceDefinition = services[this.service]
    const encryption = this.key === undefined ? {} : { encryptionKey: this.key }
    const { config } = this
    for (const key of tables) {
      const definition = tableOf(config, key)
      if (definition.foreign !== true) new ServiceTable(this, { key, definition, stage: config.stage, ...encryption })
    }
    for (const key of queues) {
      const topicArn = topics[key]
      const topic = topicArn === undefined ? {} : { topicArn }
      const definition = queueOf(config, key)
      this.queuesMade.set(key, new ServiceQueue(this, { key, definition, ...encryption, ...topic }))
    }
    for (const key of buckets) new ServiceBucket(this, { key, config, ...encryption })
  }

  private addFunction(name: FunctionName, folder: string): void {
    const { config, key } = this
    const made = new ServiceFunction(this, { name, config, folder, ...(key === undefined ? {} : { key }) })
    this.made.set(name, made)
    const { schedule, scheduleZone, warmUp } = functions[name]
    if (schedule !== undefined) {
      const timeZone = scheduleZone === undefined ? "UTC" : config.dexArchive[scheduleZone]
      new ServiceSchedule(this, { expression: schedule, timeZone, target: made })
    }
    if (warmUp !== undefined) {
      new ServiceSchedule(this, { expression: warmUp, timeZone: "UTC", target: made, input: { warmup: true } })
    }
    this.feed(made, functions[name])
  }

  /** What lies on the function's queue comes to it, and what it could not do stays there. */
  private feed(
    { live, name }: ServiceFunction,
    { batchSize, maxConcurrency, queue, windowSeconds }: FunctionDefinition
  ) {
    if (queue === undefined) return
    const found = [...this.queuesMade].find(([key]) => key === queue)
    if (found === undefined) throw new Error(`${this.stackName} has no queue ${queue} for ${name}`)
    // More than may run would only be throttled, and count as receives.
    const concurrency = reserved(name, this.config) ?? maxConcurrency
    new EventSourceMapping(this, `Feed-${name}`, {
      target: live as IFunction,
      eventSourceArn: found[1].queue.queueArn,
      reportBatchItemFailures: true,
      ...(batchSize === undefined ? {} : { batchSize }),
      ...(windowSeconds === undefined ? {} : { maxBatchingWindow: Duration.seconds(windowSeconds) }),
      ...(concurrency === undefined ? {} : { maxConcurrency: concurrency })
    })
  }
}
