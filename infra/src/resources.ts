/**
 * What the services keep things in, as data: tables, queues, buckets, parameters and secrets. The one place of their names
 * and schemas, which the stacks and the local platform both read.
 */
import type { FunctionName } from "../../src/handlers/Functions.ts"

/** The stages, each of which is an AWS account of its own: functions and roles have the same names in both. */
export type Stage = "CODE" | "PROD"

/** A key of a table or of an index; all of them are texts. */
export interface Key {
  readonly hash: string
  readonly range?: string
}

/** A table, and what is in it. */
export interface TableDefinition extends Key {
  readonly name: string
  readonly indexes?: ReadonlyArray<Key & { readonly name: string }>
  /** The attribute with the time in epoch seconds after which an item may go; items stay when it is left out. */
  readonly expiry?: string
  /** Whether what is in it says something about a person. */
  readonly personal: boolean
  /** Another system's: it is used by its name and never created. */
  readonly foreign?: true
}

/** A queue; each has a dead-letter queue, `<name>-dlq`. */
export interface QueueDefinition {
  readonly name: string
  /** Who works on the messages: a function of ours, or another system that may take this many seconds for one. */
  readonly consumer: FunctionName | { readonly visibilitySeconds: number }
  /** How long a message waits before its first delivery, unless its sender says otherwise; not at all when left out. */
  readonly delaySeconds?: number
  /**
   * For how long a message is kept, four days when left out; the dead-letter queue keeps it for fourteen. Both count from
   * its first sending: with as many days here, one that nobody has tried in time is gone and no dead letter.
   */
  readonly retentionDays?: number
  /** After this many receives a message goes to the dead-letter queue. */
  readonly maxReceiveCount: number
  /** Whether a message says something about a person. */
  readonly personal: boolean
}

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

/** The conversations are another service's; both share the first part of the name. */
const sharedPrefix = "ai-multi-comms"
const stagingPrefix = `${sharedPrefix}-replies`

/** The tables by their name in platform.json. */
export const tables = (stage: string) =>
  ({
    dsr: {
      name: `mparticle-dsr-requests-${stage.toLowerCase()}`,
      hash: "id",
      indexes: [
        { name: "EmailIndex", hash: "email", range: "submittedAt" },
        { name: "PendingIndex", hash: "pendingShard", range: "expectedCompletionTime" }
      ],
      expiry: "expiresAt",
      personal: true
    },
    correlation: {
      name: `mparticle-baton-correlation-${stage.toLowerCase()}`,
      hash: "correlationId",
      expiry: "expiresAt",
      personal: true
    },
    // What is known of each upstream, shared by all processes of the mparticle functions.
    breaker: { name: `circuit-breakers-${stage.toLowerCase()}`, hash: "key", expiry: "expiresAt", personal: false },
    conversations: {
      name: `${sharedPrefix}-conversations-${stage.toLowerCase()}`,
      hash: "primary_channel",
      range: "conversation_id",
      indexes: Object.values(conversationIndexes).map(({ company, name, user }) => ({
        name,
        hash: company,
        range: user
      })),
      personal: true,
      foreign: true
    },
    stage: {
      name: `${stagingPrefix}-conversations-stage-${stage.toLowerCase()}`,
      hash: "conversation_id",
      range: "message_sid",
      expiry: "expires_at",
      personal: true
    },
    lock: {
      name: `${stagingPrefix}-conversations-trigger-lock-${stage.toLowerCase()}`,
      hash: "conversation_id",
      expiry: "expires_at",
      personal: true
    }
  }) satisfies Record<string, TableDefinition>

/** A table's name in platform.json. */
export type TableKey = keyof ReturnType<typeof tables>

/** A queue of the Staging service, whose consumer is another system. */
const stagingQueue = (name: string, stage: string, visibilitySeconds: number) => ({
  name: `${stagingPrefix}-${name}-queue-${stage.toLowerCase()}`,
  consumer: { visibilitySeconds },
  maxReceiveCount: 3,
  personal: true
})

/** A trigger's reader may work for 900 s, a human's queue hides a message for an hour (contract A1.4). */
const readerSeconds = 905
const humanSeconds = 3_600

/** The queues by their name in platform.json. */
export const queues = (stage: string) =>
  ({
    fallback: {
      name: `mparticle-api-fallback-${stage.toLowerCase()}`,
      consumer: "mparticle-api-retry",
      // As long as SQS keeps any (contract 1.13); what is gone then is on record, and the reconciliation sends it.
      retentionDays: 14,
      maxReceiveCount: 5,
      personal: false
    },
    deletion: {
      name: `mparticle-api-deletion-${stage.toLowerCase()}`,
      consumer: "mparticle-api-deletion",
      delaySeconds: 10,
      maxReceiveCount: 3,
      personal: true
    },
    whatsapp: stagingQueue("whatsapp", stage, readerSeconds),
    sms: stagingQueue("sms", stage, readerSeconds),
    email: stagingQueue("email", stage, readerSeconds),
    handoff: { ...stagingQueue("handoff", stage, humanSeconds), retentionDays: 7 },
    // The sweeper receives for itself: a parked message every minute for an hour, and then every five or six minutes. As
    // often as SQS allows is more than three days of that; it must be over before the queue forgets the message,
    // which its tombstone must outlive (`TOMBSTONE_TTL_SECONDS`): else it would be taken as a new one.
    parking: {
      name: `${stagingPrefix}-parking-queue-${stage.toLowerCase()}`,
      consumer: "staging-sweeper",
      retentionDays: 7,
      maxReceiveCount: 1_000,
      personal: true
    },
    idMinter: {
      name: `id-minter-${stage.toLowerCase()}`,
      consumer: "id-minter-sqs",
      maxReceiveCount: 3,
      personal: false
    },
    // Whoever works on the minted works is another system.
    idMinterDownstream: {
      name: `id-minter-downstream-${stage.toLowerCase()}`,
      consumer: { visibilitySeconds: 900 },
      maxReceiveCount: 3,
      personal: false
    }
  }) satisfies Record<string, QueueDefinition>

/** A queue's name in platform.json. */
export type QueueKey = keyof ReturnType<typeof queues>

/** The buckets by their name in platform.json. */
export const buckets = (stage: string) =>
  ({
    results: `mparticle-sar-results-${stage.toLowerCase()}`,
    handoff: `${stagingPrefix}-handoff-${stage.toLowerCase()}`,
    dex: `dex-trigger-archive-${stage.toLowerCase()}`
  }) satisfies Record<string, string>

/** A bucket's name in platform.json. */
export type BucketKey = keyof ReturnType<typeof buckets>

/** The path under which the mparticle functions find their parameters. */
export const parameterPath = (stage: string): string => `/mparticle-api/${stage}`

/** The name of a queue's dead-letter queue. */
export const dlqName = (name: string): string => name.replace(/(\.fifo)?$/, "-dlq$1")
