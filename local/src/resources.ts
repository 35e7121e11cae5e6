/** What the platform has in its AWS engines: tables, queues, buckets and parameters, as data. */
import type { CreateTableCommandInput } from "@aws-sdk/client-dynamodb"
import { account, region } from "./aws/identity.ts"

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
const text = (name: string) => ({ AttributeName: name, AttributeType: "S" }) as const
const index = (name: string, hash: string, range: string) => ({
  IndexName: name,
  KeySchema: [key(hash, "HASH"), key(range, "RANGE")],
  Projection: { ProjectionType: "ALL" as const }
})

/** How a conversation is found by who writes to whom: the index of each channel, and where it has the two. */
export const conversationIndexes = {
  whatsapp: {
    name: "company-whatsapp-number-recipient-tel-index",
    company: "gsi_company_whatsapp_number",
    user: "gsi_recipient_tel"
  },
  sms: {
    name: "company-sms-number-recipient-tel-index",
    company: "gsi_company_sms_number",
    user: "gsi_recipient_tel"
  },
  email: {
    name: "company-email-recipient-email-index",
    company: "gsi_company_email",
    user: "gsi_recipient_email"
  }
} as const

const conversationKeys = ["primary_channel", "conversation_id"] as const
const indexKeys = new Set(Object.values(conversationIndexes).flatMap(({ company, user }) => [company, user]))

/** The conversations are another service's; both share the first part of the name. */
const sharedPrefix = "ai-multi-comms"
const stagingPrefix = `${sharedPrefix}-replies`

/** The tables by their name in platform.json. */
export const tables = (stage: string) =>
  ({
    dsr: {
      name: `mparticle-dsr-requests-${stage.toLowerCase()}`,
      schema: {
        AttributeDefinitions: ["id", "email", "submittedAt", "pendingShard", "expectedCompletionTime"].map(text),
        KeySchema: [key("id", "HASH")],
        GlobalSecondaryIndexes: [
          index("EmailIndex", "email", "submittedAt"),
          index("PendingIndex", "pendingShard", "expectedCompletionTime")
        ]
      },
      expiry: "expiresAt"
    },
    correlation: {
      name: `mparticle-baton-correlation-${stage.toLowerCase()}`,
      schema: { AttributeDefinitions: [text("correlationId")], KeySchema: [key("correlationId", "HASH")] },
      expiry: "expiresAt"
    },
    conversations: {
      name: `${sharedPrefix}-conversations-${stage.toLowerCase()}`,
      schema: {
        AttributeDefinitions: [...conversationKeys, ...indexKeys].map(text),
        KeySchema: [key("primary_channel", "HASH"), key("conversation_id", "RANGE")],
        GlobalSecondaryIndexes: Object.values(conversationIndexes).map(({ company, name, user }) =>
          index(name, company, user)
        )
      }
    },
    stage: {
      name: `${stagingPrefix}-conversations-stage-${stage.toLowerCase()}`,
      schema: {
        AttributeDefinitions: ["conversation_id", "message_sid"].map(text),
        KeySchema: [key("conversation_id", "HASH"), key("message_sid", "RANGE")]
      },
      expiry: "expires_at"
    },
    lock: {
      name: `${stagingPrefix}-conversations-trigger-lock-${stage.toLowerCase()}`,
      schema: { AttributeDefinitions: [text("conversation_id")], KeySchema: [key("conversation_id", "HASH")] },
      expiry: "expires_at"
    }
  }) satisfies Record<string, TableDefinition>

/**
 * A queue of the Staging service, whose consumer is another system. Deployed it hides a message for 905 s, longer than
 * that consumer may work on it; here a test or a person receives it, who does not wait so long to see it again.
 */
const stagingQueue = (name: string, stage: string) => ({
  name: `${stagingPrefix}-${name}-queue-${stage.toLowerCase()}`,
  visibilitySeconds: 30,
  maxReceiveCount: 3
})

/** The queues by their name in platform.json; each has a dead-letter queue, there with the suffix `Dlq`. */
export const queues = (stage: string) =>
  ({
    // Half of the 60 s that are deployed, where the function may run for as long: here a retry is not waited for that long.
    fallback: { name: `mparticle-api-fallback-${stage.toLowerCase()}`, visibilitySeconds: 30, maxReceiveCount: 5 },
    // Deployed it is six times the function's 300 s. Here it is as long as the tries of one delivery take, the waits between them included.
    deletion: {
      name: `mparticle-api-deletion-${stage.toLowerCase()}`,
      visibilitySeconds: 20,
      delaySeconds: 10,
      maxReceiveCount: 3
    },
    whatsapp: stagingQueue("whatsapp", stage),
    sms: stagingQueue("sms", stage),
    email: stagingQueue("email", stage),
    handoff: stagingQueue("handoff", stage),
    // A parked message is tried again and again until somebody has mended what is wrong.
    parking: { ...stagingQueue("parking", stage), visibilitySeconds: 60, maxReceiveCount: 50 },
    // Deployed it is six times the function's 300 s; here nobody waits so long for a message whose function was killed.
    idMinter: { name: `id-minter-${stage.toLowerCase()}`, visibilitySeconds: 5, maxReceiveCount: 3 },
    // Whoever works on the minted works is another system.
    idMinterDownstream: {
      name: `id-minter-downstream-${stage.toLowerCase()}`,
      visibilitySeconds: 30,
      maxReceiveCount: 3
    }
  }) satisfies Record<string, QueueDefinition>

/** The buckets by their name in platform.json. */
export const buckets = (stage: string) =>
  ({
    results: `mparticle-sar-results-${stage.toLowerCase()}`,
    handoff: `${stagingPrefix}-handoff-${stage.toLowerCase()}`,
    dex: `dex-trigger-archive-${stage.toLowerCase()}`
  }) satisfies Record<string, string>

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
  const named = (name: string): string => `/mparticle-api/${stage}/${name}`
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
