/** Creates what the platform needs in its engines and does not have yet. */
import {
  CreateTableCommand,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
  UpdateTimeToLiveCommand,
  waitUntilTableExists
} from "@aws-sdk/client-dynamodb"
import { CreateBucketCommand, HeadBucketCommand, S3Client } from "@aws-sdk/client-s3"
import { CreateQueueCommand, GetQueueUrlCommand, SetQueueAttributesCommand, SQSClient } from "@aws-sdk/client-sqs"
import { GetParameterCommand, PutParameterCommand, SSMClient } from "@aws-sdk/client-ssm"
import { dlqName } from "../../../infra/src/resources.ts"
import {
  buckets,
  parameters,
  type ParameterDefinition,
  queueArn,
  type QueueDefinition,
  queues,
  type TableDefinition,
  tables
} from "../resources.ts"
import type { AwsEndpoints } from "./Engine.ts"
import { region } from "./identity.ts"

export interface CreateResourcesOptions {
  readonly stage: string
  /** The engines themselves: what the platform does must not be in the journal. */
  readonly engines: AwsEndpoints
  /** The proxy, whose host the queue URLs carry. */
  readonly proxy: AwsEndpoints
  /** PEM of the authority that signs mParticle's callbacks. */
  readonly callbackCertificate?: string
  /** Queues beside the product's, by their name in platform.json. */
  readonly extraQueues?: Readonly<Record<string, QueueDefinition>>
  /** How long a received message is hidden, of queues where it is to be another time than their own. */
  readonly visibilitySeconds?: Readonly<Record<string, number>>
}

/** As platform.json shows it. */
export interface Resources {
  readonly queues: Readonly<Record<string, string>>
  readonly tables: Readonly<Record<string, string>>
  readonly buckets: Readonly<Record<string, string>>
}

const retentionSeconds = 14 * 86_400

const client = (endpoint: string) => ({
  endpoint,
  region,
  credentials: { accessKeyId: "platform", secretAccessKey: "platform" }
})

/** The answer of `call`, or undefined when it fails with one of these error names. */
const unless = async <A>(names: ReadonlyArray<string>, call: Promise<A>): Promise<A | undefined> => {
  try {
    return await call
  } catch (error) {
    if (error instanceof Error && names.includes(error.name)) return undefined
    throw error
  }
}

const createTable = async (dynamodb: DynamoDBClient, { expiry, name, schema }: TableDefinition): Promise<void> => {
  await unless(
    ["ResourceInUseException"],
    dynamodb.send(new CreateTableCommand({ TableName: name, BillingMode: "PAY_PER_REQUEST", ...schema }))
  )
  await waitUntilTableExists({ client: dynamodb, maxWaitTime: 10, minDelay: 1 }, { TableName: name })
  if (expiry === undefined) return
  const { TimeToLiveDescription } = await dynamodb.send(new DescribeTimeToLiveCommand({ TableName: name }))
  if (TimeToLiveDescription?.AttributeName === expiry) return
  await dynamodb.send(
    new UpdateTimeToLiveCommand({ TableName: name, TimeToLiveSpecification: { Enabled: true, AttributeName: expiry } })
  )
}

const createQueue = async (sqs: SQSClient, name: string, attributes: Record<string, string>): Promise<string> => {
  const fifo = name.endsWith(".fifo") ? { FifoQueue: "true" } : {}
  const found = await unless(["QueueDoesNotExist"], sqs.send(new GetQueueUrlCommand({ QueueName: name })))
  const url =
    found?.QueueUrl ?? (await sqs.send(new CreateQueueCommand({ QueueName: name, Attributes: fifo }))).QueueUrl
  if (url === undefined) throw new Error(`SQS: ${name} was created without a URL`)
  // Set on every start, so that a data folder of an older version gets what is written here now.
  await sqs.send(new SetQueueAttributesCommand({ QueueUrl: url, Attributes: attributes }))
  return url
}

const createQueues = async (
  sqs: SQSClient,
  key: string,
  queue: QueueDefinition
): Promise<ReadonlyArray<readonly [string, string]>> => {
  const retention = { MessageRetentionPeriod: String(retentionSeconds) }
  const dlq = dlqName(queue.name)
  const dlqUrl = await createQueue(sqs, dlq, retention)
  const url = await createQueue(sqs, queue.name, {
    ...retention,
    VisibilityTimeout: String(queue.visibilitySeconds),
    DelaySeconds: String(queue.delaySeconds ?? 0),
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn: queueArn(dlq), maxReceiveCount: queue.maxReceiveCount })
  })
  return [
    [key, url],
    [`${key}Dlq`, dlqUrl]
  ]
}

const createBucket = async (s3: S3Client, name: string): Promise<void> => {
  const found = await unless(["NotFound", "NoSuchBucket"], s3.send(new HeadBucketCommand({ Bucket: name })))
  if (found === undefined) await s3.send(new CreateBucketCommand({ Bucket: name }))
}

const putParameter = async (ssm: SSMClient, parameter: ParameterDefinition): Promise<void> => {
  const { derived, name, secure, value } = parameter
  const found = await unless(
    ["ParameterNotFound"],
    ssm.send(new GetParameterCommand({ Name: name, WithDecryption: true }))
  )
  if (found !== undefined && (derived !== true || found.Parameter?.Value === value)) return
  await ssm.send(
    new PutParameterCommand({
      Name: name,
      Value: value,
      Type: secure === true ? "SecureString" : "String",
      Overwrite: true
    })
  )
}

const names = (definitions: Readonly<Record<string, TableDefinition>>): Record<string, string> =>
  Object.fromEntries(Object.entries(definitions).map(([key, { name }]) => [key, name]))

/** Creates what is missing, and answers what there is. A second call changes nothing. */
export const createResources = async (options: CreateResourcesOptions): Promise<Resources> => {
  const { engines, proxy, stage } = options
  const ours: Readonly<Record<string, QueueDefinition>> = queues(stage)
  const { extraQueues = {}, visibilitySeconds = {} } = options
  const taken = Object.keys(extraQueues).find((name) => Object.hasOwn(ours, name))
  if (taken !== undefined) throw new Error(`there is a queue ${taken} already: give the extra one another name`)
  const allQueues = Object.fromEntries(
    Object.entries({ ...ours, ...extraQueues }).map(([name, queue]) => [
      name,
      { ...queue, visibilitySeconds: visibilitySeconds[name] ?? queue.visibilitySeconds }
    ])
  )
  using clients = new DisposableStack()
  const adopt = <A extends { destroy(): void }>(made: A): A => clients.adopt(made, () => made.destroy())
  const dynamodb = adopt(new DynamoDBClient(client(engines.dynamodb)))
  const sqs = adopt(new SQSClient({ ...client(engines.sqs), useQueueUrlAsEndpoint: false }))
  const s3 = adopt(new S3Client({ ...client(engines.s3), forcePathStyle: true }))
  const ssm = adopt(new SSMClient(client(engines.ssm)))
  const [created] = await Promise.all([
    Promise.all(Object.entries(allQueues).map(([key, queue]) => createQueues(sqs, key, queue))),
    ...Object.values(tables(stage)).map((table) => createTable(dynamodb, table)),
    ...Object.values(buckets(stage)).map((bucket) => createBucket(s3, bucket))
  ])
  const urls = Object.fromEntries(
    created.flat().map(([key, url]) => [key, new URL(new URL(url).pathname, proxy.sqs).href])
  )
  const { callbackCertificate } = options
  const wanted = parameters(stage, urls["fallback"] ?? "", callbackCertificate)
  await Promise.all(wanted.map((parameter) => putParameter(ssm, parameter)))
  return { queues: urls, tables: names(tables(stage)), buckets: buckets(stage) }
}
