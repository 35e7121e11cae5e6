/** What the tests of the permissions do to have each function make the calls that only happen when something goes wrong. */
import { DeleteItemCommand, DynamoDBClient, GetItemCommand, PutItemCommand } from "@aws-sdk/client-dynamodb"
import { CreateSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager"
import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs"
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb"
import { assert } from "vitest"
import type { ParkedMessage } from "../../src/schemas/Staging.ts"
import { call, eventually, invoke, type Running } from "./platform.ts"

type Item = Readonly<Record<string, unknown>>

export interface Ground extends Disposable {
  readonly put: (table: string, item: Item) => Promise<void>
  readonly get: (table: string, key: Item) => Promise<Item | undefined>
  readonly remove: (table: string, key: Item) => Promise<void>
  /** Puts a message into a queue. */
  readonly send: (queue: string, body: object) => Promise<void>
  readonly secret: (name: string, value: object) => Promise<void>
  /** Invokes a function, which is to answer; its answer. */
  readonly run: (name: string, event?: unknown) => Promise<Item>
  /** A call of the platform, which is to succeed; its answer. */
  readonly ask: (method: string, path: string, body?: unknown) => Promise<unknown>
  /** What a function is seen to have done, as `operation`s. */
  readonly done: (name: string) => ReadonlyArray<string>
}

/** The ground that a running platform is. */
export const groundOf = (running: Running): Ground => {
  const { aws, queues, tables } = running.platform.info
  const client = (endpoint: string) => ({
    endpoint,
    region: "eu-west-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" }
  })
  const dynamo = new DynamoDBClient(client(aws.dynamodb))
  const sqs = new SQSClient(client(aws.sqs))
  const secrets = new SecretsManagerClient(client(aws.secretsmanager))
  return {
    put: async (table, item) => {
      await dynamo.send(new PutItemCommand({ TableName: tables[table] ?? "", Item: marshall(item) }))
    },
    get: async (table, key) => {
      const { Item } = await dynamo.send(new GetItemCommand({ TableName: tables[table] ?? "", Key: marshall(key) }))
      return Item === undefined ? undefined : unmarshall(Item)
    },
    remove: async (table, key) => {
      await dynamo.send(new DeleteItemCommand({ TableName: tables[table] ?? "", Key: marshall(key) }))
    },
    send: async (queue, body) => {
      await sqs.send(new SendMessageCommand({ QueueUrl: queues[queue] ?? "", MessageBody: JSON.stringify(body) }))
    },
    secret: async (name, value) => {
      await secrets.send(new CreateSecretCommand({ Name: name, SecretString: JSON.stringify(value) }))
    },
    run: async (name, event = {}) => {
      const { functionError, payload } = await invoke(running.lambda, name, event)
      assert.isUndefined(functionError, JSON.stringify(payload))
      return payload
    },
    ask: async (method, path, body) => {
      const response = await call(running, method, path, body)
      assert.isTrue(response.ok, `${path}: ${response.status}`)
      return response.json()
    },
    done: (name) =>
      (running.platform.sandboxes.get("aws")?.requests() ?? []).flatMap((entry) =>
        entry.function === name ? [entry.operation ?? ""] : []
      ),
    [Symbol.dispose]: () => {
      dynamo.destroy()
      sqs.destroy()
      secrets.destroy()
    }
  }
}

/** An event of SQS with one message. */
export const batchOf = (body: object): object => ({ Records: [{ messageId: "1", body: JSON.stringify(body) }] })

/** A breaker that was open until a moment ago: whoever calls next writes down that it probes. */
export const wasOpen = (key: string): Item => ({
  key,
  _tag: "Open",
  generation: Math.floor(Date.now() / 1000),
  since: Date.now() - 60_000,
  until: Date.now() - 1_000,
  expiresAt: Math.ceil(Date.now() / 1000) + 3_600
})

/** A company, and a customer for each channel; a secret of theirs has the name that functions may read. */
export const company = { whatsapp: "+447700900100", sms: "+447700900100", email: "company@example.com" } as const

export type Channel = keyof typeof company

/** The row of a conversation between the company and a customer. */
export const conversationOf = (channel: Channel, customer: string, changes: Item = {}): Item => ({
  primary_channel: customer,
  conversation_id: `permissions#${customer}`,
  ...(channel === "email"
    ? { gsi_company_email: company.email, gsi_recipient_email: customer }
    : { [`gsi_company_${channel}_number`]: company[channel], gsi_recipient_tel: customer }),
  channel_config: {
    [`${channel}_credentials_id`]: `ai-multi-comms/${channel}-credentials/acme/support/${channel === "email" ? "sendgrid" : "twilio"}-dev`
  },
  project_status: "active",
  allowed_channels: [channel],
  conversation_status: "initial_message_sent",
  recipient_tel: customer,
  task_complete: 0,
  secret:
    channel === "email"
      ? {}
      : {
          twilio_account_sid: "AC00000000000000000000000000000001",
          twilio_auth_token: "0123456789abcdef0123456789abcdef"
        },
  ...changes
})

/** A message of a customer that could not be staged when it came. */
export const parkedOf = (channel: Channel, customer: string): ParkedMessage => ({
  type: "STAGING_PARKED",
  schema_version: 1,
  cause: "STAGE_DB_TRANSIENT_ERROR",
  parked_at: new Date().toISOString(),
  conversation_id: `permissions#${customer}`,
  message: {
    channel_type: channel,
    message_sid: `parked-${customer}`,
    from: channel === "whatsapp" ? `whatsapp:${customer}` : customer,
    to: channel === "whatsapp" ? `whatsapp:${company.whatsapp}` : company[channel],
    body: "Hello",
    num_media: 0,
    media: [],
    received_at: new Date().toISOString()
  }
})

/** Waits until a function has made a call of each of these operations. */
export const sees = (ground: Ground, name: string, ...operations: ReadonlyArray<string>): Promise<void> =>
  eventually(() => assert.includeMembers([...ground.done(name)], [...operations], name))
