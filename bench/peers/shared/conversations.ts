/** What Staging's peers share: the tables, the queues and the bucket. */
import {
  DeleteItemCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  ScanCommand,
  TransactWriteItemsCommand,
  UpdateItemCommand
} from "@aws-sdk/client-dynamodb"
import { PutObjectCommand, S3Client } from "@aws-sdk/client-s3"
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager"
import { DeleteMessageCommand, ReceiveMessageCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs"
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb"
import * as z from "zod"
import { setting } from "./setting.ts"

const dynamo = new DynamoDBClient({ maxAttempts: 1 })
const sqs = new SQSClient({ maxAttempts: 1 })
const s3 = new S3Client({ maxAttempts: 1 })
const secrets = new SecretsManagerClient({ maxAttempts: 1 })

const tables = {
  conversations: setting("CONVERSATIONS_TABLE_NAME"),
  stage: setting("STAGE_TABLE_NAME"),
  lock: setting("LOCK_TABLE_NAME")
}

const queues = {
  whatsapp: setting("WHATSAPP_QUEUE_URL"),
  sms: setting("SMS_QUEUE_URL"),
  email: setting("EMAIL_QUEUE_URL"),
  handoff: setting("HANDOFF_QUEUE_URL"),
  parking: setting("PARKING_QUEUE_URL")
}

export const channel = z.enum(["whatsapp", "sms", "email"])
export type Channel = z.infer<typeof channel>

/** One message of a customer's. */
export const inbound = z.object({
  channel_type: channel,
  message_sid: z.string(),
  account_sid: z.string().optional(),
  from: z.string(),
  to: z.string(),
  body: z.string(),
  num_media: z.number().int().nonnegative(),
  media: z.array(z.object({ url: z.string(), content_type: z.string() })),
  profile_name: z.string().optional(),
  message_type: z.string().optional(),
  button_text: z.string().optional(),
  button_payload: z.string().optional(),
  latitude: z.string().optional(),
  longitude: z.string().optional(),
  address: z.string().optional(),
  label: z.string().optional(),
  received_at: z.string()
})
export type Inbound = z.infer<typeof inbound>

const staged = inbound.extend({
  conversation_id: z.string(),
  primary_channel: z.string(),
  expires_at: z.number().int()
})

const parked = z.object({
  type: z.literal("STAGING_PARKED"),
  schema_version: z.literal(1),
  cause: z.string(),
  parked_at: z.string(),
  conversation_id: z.string(),
  message: inbound
})

const conversation = z.object({
  primary_channel: z.string(),
  conversation_id: z.string(),
  channel_config: z.record(z.string(), z.unknown())
})
export type Conversation = z.infer<typeof conversation>

const bare = (id: string): string => (id.startsWith("whatsapp:") ? id.slice("whatsapp:".length) : id)

/** The conversation between these two. */
export const findConversation = async (message: Inbound): Promise<Conversation | undefined> => {
  const { Items = [] } = await dynamo.send(
    new QueryCommand({
      TableName: tables.conversations,
      IndexName: `company-${message.channel_type}-number-recipient-tel-index`,
      KeyConditionExpression: "#company = :company AND #customer = :customer",
      ExpressionAttributeNames: {
        "#company": `gsi_company_${message.channel_type}_number`,
        "#customer": "gsi_recipient_tel"
      },
      ExpressionAttributeValues: marshall({ ":company": bare(message.to), ":customer": bare(message.from) })
    })
  )
  const [item] = Items
  if (item === undefined) return undefined
  const { primary_channel, conversation_id } = conversation.parse(unmarshall(item))
  const { Item } = await dynamo.send(
    new GetItemCommand({ TableName: tables.conversations, Key: marshall({ primary_channel, conversation_id }) })
  )
  return conversation.parse(unmarshall(Item ?? {}))
}

const credentials = z.object({ twilio_auth_token: z.string().min(1), sendgrid_public_key: z.string().optional() })

/** The secret of a conversation's credentials. */
export const credentialsOf = async ({ channel_config }: Conversation): Promise<z.infer<typeof credentials>> => {
  const SecretId = z.string().parse(channel_config["whatsapp_credentials_id"])
  const { SecretString = "" } = await secrets.send(new GetSecretValueCommand({ SecretId }))
  return credentials.parse(JSON.parse(SecretString))
}

const now = (): number => Math.floor(Date.now() / 1000)

/** Tells the channel's queue that there is something to read. */
export const trigger = async (conversationId: string, primaryChannel: string, to: Channel): Promise<void> => {
  await sqs.send(
    new SendMessageCommand({
      QueueUrl: queues[to],
      MessageBody: JSON.stringify({ conversation_id: conversationId, primary_channel: primaryChannel }),
      DelaySeconds: 10
    })
  )
}

/** Stages a message once, and starts its window where nobody has. */
export const stage = async (message: Inbound, { conversation_id, primary_channel }: Conversation): Promise<void> => {
  const item = { ...message, conversation_id, primary_channel, expires_at: now() + 259_200 }
  const once = "attribute_not_exists(conversation_id)"
  await dynamo.send(
    new TransactWriteItemsCommand({
      TransactItems: [
        { Put: { TableName: tables.stage, Item: marshall(item), ConditionExpression: once } },
        {
          Put: {
            TableName: tables.stage,
            Item: marshall({ conversation_id: `dedupe#${message.message_sid}`, expires_at: now() + 86_400 }),
            ConditionExpression: once
          }
        }
      ]
    })
  )
  const lock = { conversation_id, expires_at: now() + 70 }
  await dynamo.send(new PutItemCommand({ TableName: tables.lock, Item: marshall(lock), ConditionExpression: once }))
  await trigger(conversation_id, primary_channel, message.channel_type)
  await dynamo.send(
    new UpdateItemCommand({
      TableName: tables.lock,
      Key: marshall({ conversation_id }),
      UpdateExpression: "SET triggered = :true",
      ExpressionAttributeValues: marshall({ ":true": true })
    })
  )
}

/** Gives a conversation that wants a human to one; a context that is too large for the queue goes by the bucket. */
export const handOff = async (message: Inbound, { channel_config, ...ids }: Conversation): Promise<void> => {
  const context = JSON.stringify({ ...message, ...ids, channel_config, hand_off_reason: "auto_queued" })
  const Key = `${ids.conversation_id}/${message.message_sid}.json`
  const large = Buffer.byteLength(context) > 200_000
  if (large) await s3.send(new PutObjectCommand({ Bucket: setting("HANDOFF_BUCKET"), Key, Body: context }))
  const pointer = JSON.stringify({ ...ids, context_location: `s3://${setting("HANDOFF_BUCKET")}/${Key}` })
  await sqs.send(new SendMessageCommand({ QueueUrl: queues.handoff, MessageBody: large ? pointer : context }))
}

/** The conversations whose messages nobody has been told of. */
export const unread = async (): Promise<ReadonlyArray<z.infer<typeof staged>>> => {
  const { Items = [] } = await dynamo.send(
    new ScanCommand({
      TableName: tables.stage,
      FilterExpression: "NOT begins_with(conversation_id, :tombstone) AND received_at < :before AND expires_at > :now",
      ExpressionAttributeValues: marshall({
        ":tombstone": "dedupe#",
        ":before": new Date(Date.now() - 15_000).toISOString(),
        ":now": now()
      }),
      ConsistentRead: true
    })
  )
  return Items.map((item) => staged.parse(unmarshall(item)))
}

/** Gives a window up. */
export const unlock = async (conversation_id: string): Promise<void> => {
  await dynamo.send(new DeleteItemCommand({ TableName: tables.lock, Key: marshall({ conversation_id }) }))
}

/** Takes parked messages, and does something with each. */
export const takeParked = async (work: (message: Inbound) => Promise<void>): Promise<number> => {
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({
      QueueUrl: queues.parking,
      MaxNumberOfMessages: 10,
      VisibilityTimeout: 120,
      WaitTimeSeconds: 1
    })
  )
  for (const { Body = "", ReceiptHandle } of Messages) {
    await work(parked.parse(JSON.parse(Body)).message)
    await sqs.send(new DeleteMessageCommand({ QueueUrl: queues.parking, ReceiptHandle }))
  }
  return Messages.length
}
