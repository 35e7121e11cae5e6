/** What the platform has in its AWS engines: tables, queues, buckets and parameters, as data. */
import type { CreateTableCommandInput } from "@aws-sdk/client-dynamodb"
import * as shared from "../../infra/src/resources.ts"
import { buckets, type Key, type QueueKey, type TableKey } from "../../infra/src/resources.ts"
import { account, region } from "./aws/identity.ts"

export { buckets, conversationIndexes } from "../../infra/src/resources.ts"

export interface TableDefinition {
  readonly name: string
  readonly schema: Pick<CreateTableCommandInput, "AttributeDefinitions" | "KeySchema" | "GlobalSecondaryIndexes">
  /** The attribute with the time in epoch seconds after which an item may go; items stay when it is left out. */
  readonly expiry?: string
}

export interface QueueDefinition {
  readonly name: string
  readonly visibilitySeconds: number
  /** How long a message waits before its first delivery, unless its sender says otherwise; not at all when left out. */
  readonly delaySeconds?: number
  /** After this many receives a message goes to the queue's dead-letter queue, `<name>-dlq`. */
  readonly maxReceiveCount: number
}

export interface ParameterDefinition {
  readonly name: string
  readonly value: string
  readonly secure?: true
  /** Follows from this run's addresses and names, so it is written anew at each start. */
  readonly derived?: true
}

/** The stage whose names the resources carry when STAGE is not set. */
export const defaultStage = "CODE"

const key = (name: string, type: "HASH" | "RANGE") => ({ AttributeName: name, KeyType: type })

const keySchema = ({ hash, range }: Key) => [key(hash, "HASH"), ...(range === undefined ? [] : [key(range, "RANGE")])]

const schemaOf = ({ indexes = [], ...table }: shared.TableDefinition): TableDefinition["schema"] => {
  const names = new Set(
    [table, ...indexes].flatMap(({ hash, range }) => (range === undefined ? [hash] : [hash, range]))
  )
  return {
    AttributeDefinitions: [...names].map((name) => ({ AttributeName: name, AttributeType: "S" })),
    KeySchema: keySchema(table),
    ...(indexes.length === 0
      ? {}
      : {
          GlobalSecondaryIndexes: indexes.map(({ name, ...keys }) => ({
            IndexName: name,
            KeySchema: keySchema(keys),
            Projection: { ProjectionType: "ALL" }
          }))
        })
  }
}

const tableOf = (table: shared.TableDefinition): TableDefinition => ({
  name: table.name,
  schema: schemaOf(table),
  ...(table.expiry === undefined ? {} : { expiry: table.expiry })
})

/** The same keys, with something else at each. */
const mapKeys = <K extends string, A, B>(record: Readonly<Record<K, A>>, change: (value: A, key: K) => B) =>
  // Object.entries forgets the keys' type.
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value as A, key as K)])) as Record<K, B>

/** The tables by their name in platform.json. */
export const tables = (stage: string): Record<TableKey, TableDefinition> =>
  mapKeys<TableKey, shared.TableDefinition, TableDefinition>(shared.tables(stage), tableOf)

/** A queue whose consumer is another system: here a test or a person receives, who does not wait so long to see it again. */
const othersSeconds = 30

/**
 * For how long a message is hidden: shorter than deployed, six times the function's time limit, because here nobody waits
 * so long for a message whose function was killed.
 */
const visibilitySeconds: Readonly<Record<QueueKey, number>> = {
  fallback: 30,
  // As long as the tries of one delivery take, the waits between them included.
  deletion: 20,
  whatsapp: othersSeconds,
  sms: othersSeconds,
  email: othersSeconds,
  handoff: othersSeconds,
  parking: 60,
  // Short enough to see a malformed message in its dead-letter queue soon. With trouble at more than one of its stages the
  // function can take longer: a message may then be delivered twice, which minting survives: it gives the same ids.
  idMinter: 10,
  idMinterDownstream: othersSeconds
}

/** The queues by their name in platform.json; each has a dead-letter queue, there with the suffix `Dlq`. */
export const queues = (stage: string): Record<QueueKey, QueueDefinition> =>
  mapKeys<QueueKey, shared.QueueDefinition, QueueDefinition>(
    shared.queues(stage),
    ({ delaySeconds, maxReceiveCount, name }, key) => ({
      name,
      visibilitySeconds: visibilitySeconds[key],
      ...(delaySeconds === undefined ? {} : { delaySeconds }),
      maxReceiveCount
    })
  )

/** What the simulators of the platform let in. */
export const credentials = {
  workspace: { id: "1234", key: "local-workspace-key", secret: "local-workspace-secret" },
  events: { key: "local-events-key", secret: "local-events-secret" },
  braze: { key: "local-braze-key" }
} as const

/**
 * The parameters of the stage; `fallbackQueueUrl` is the one that functions use, `callbackCertificate` what they are to
 * trust when mParticle calls back.
 */
export const parameters = (
  stage: string,
  fallbackQueueUrl: string,
  callbackCertificate?: string
): ReadonlyArray<ParameterDefinition> => {
  const { correlation, dsr } = tables(stage)
  const named = (name: string): string => `${shared.parameterPath(stage)}/${name}`
  return [
    { name: named("mparticle-api-key"), value: credentials.workspace.key, secure: true },
    { name: named("mparticle-api-secret"), value: credentials.workspace.secret, secure: true },
    { name: named("mparticle-workspace-id"), value: credentials.workspace.id },
    { name: named("events-api-key"), value: credentials.events.key, secure: true },
    { name: named("events-api-secret"), value: credentials.events.secret, secure: true },
    { name: named("braze-api-key"), value: credentials.braze.key, secure: true },
    { name: named("pod"), value: "eu1" },
    { name: named("email-hash-key"), value: "local-email-hash-key-0123456789abcdef", secure: true },
    { name: named("baton-allowed-accounts"), value: account },
    { name: named("dynamodb-table-name"), value: dsr.name, derived: true },
    { name: named("baton-correlation-table"), value: correlation.name, derived: true },
    { name: named("fallback-queue-url"), value: fallbackQueueUrl, derived: true },
    { name: named("sar-results-bucket"), value: buckets(stage).results, derived: true },
    ...(callbackCertificate === undefined
      ? []
      : [{ name: named("callback-certificate-path"), value: callbackCertificate, derived: true } as const])
  ]
}

/** The ARN of a queue, from its name or its URL. */
export const queueArn = (queue: string): string => `arn:aws:sqs:${region}:${account}:${queue.split("/").at(-1)}`
