/** The staging webhook as somebody writes it by hand, for messages where nothing goes wrong: the same calls, the bare SDK. */
import {
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  TransactWriteItemsCommand
} from "@aws-sdk/client-dynamodb"
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager"
import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs"
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb"
import { validateRequest } from "twilio/lib/webhooks/webhooks.js"

interface ProxyEvent {
  readonly body: string
  readonly isBase64Encoded: boolean
  readonly headers: Readonly<Record<string, string>>
  readonly requestContext: { readonly domainName: string; readonly path: string }
}

const {
  CONVERSATIONS_TABLE_NAME: conversations = "",
  STAGE_TABLE_NAME: stage = "",
  LOCK_TABLE_NAME: locks = "",
  WHATSAPP_QUEUE_URL: queue = ""
} = process.env

const dynamo = new DynamoDBClient()
const secrets = new SecretsManagerClient()
const sqs = new SQSClient()

const cached = new Map<string, { readonly twilio_account_sid: string; readonly twilio_auth_token: string }>()

const secretOf = async (name: string) => {
  const known = cached.get(name)
  if (known !== undefined) return known
  const { SecretString = "{}" } = await secrets.send(new GetSecretValueCommand({ SecretId: name }))
  const secret = JSON.parse(SecretString) as { twilio_account_sid: string; twilio_auth_token: string }
  cached.set(name, secret)
  return secret
}

const bare = (address: string): string => address.replace(/^whatsapp:/, "")

const answer = (statusCode: number) => ({
  statusCode,
  headers: { "Content-Type": "text/xml" },
  body: "<?xml version='1.0' encoding='UTF-8'?><Response></Response>"
})

/** Answers one WhatsApp message. */
export const handler = async (event: ProxyEvent) => {
  const text = event.isBase64Encoded ? Buffer.from(event.body, "base64").toString("utf8") : event.body
  const params = Object.fromEntries(new URLSearchParams(text))
  const { AccountSid = "", Body = "", From = "", MessageSid = "", MessageType, ProfileName, To = "" } = params
  const customer = bare(From)
  const { Items = [] } = await dynamo.send(
    new QueryCommand({
      TableName: conversations,
      IndexName: "company-whatsapp-number-recipient-tel-index",
      KeyConditionExpression: "#company = :company AND #customer = :customer",
      ProjectionExpression: "#p0, #p1, #p2",
      ExpressionAttributeNames: {
        "#p0": "primary_channel",
        "#p1": "conversation_id",
        "#p2": "channel_config",
        "#company": "gsi_company_whatsapp_number",
        "#customer": "gsi_recipient_tel"
      },
      ExpressionAttributeValues: { ":company": { S: bare(To) }, ":customer": { S: customer } }
    })
  )
  const [found] = Items.map((item) => unmarshall(item))
  if (found === undefined) return answer(404)
  const secret = await secretOf(found["channel_config"].whatsapp_credentials_id)
  const url = `https://${event.requestContext.domainName}${event.requestContext.path}`
  const signature = event.headers["X-Twilio-Signature"] ?? ""
  if (secret.twilio_account_sid !== AccountSid || !validateRequest(secret.twilio_auth_token, signature, url, params)) {
    return answer(403)
  }
  const conversation_id = String(found["conversation_id"])
  const { Item = {} } = await dynamo.send(
    new GetItemCommand({
      TableName: conversations,
      Key: { primary_channel: { S: customer }, conversation_id: { S: conversation_id } },
      ConsistentRead: true
    })
  )
  const conversation = unmarshall(Item)
  if (conversation["project_status"] !== "active" || !conversation["allowed_channels"].includes("whatsapp")) {
    return answer(200)
  }
  const now = Date.now()
  const seconds = Math.floor(now / 1000)
  const received_at = new Date(now).toISOString()
  const tombstone = { conversation_id: `dedupe#${MessageSid}`, message_sid: MessageSid }
  await dynamo.send(
    new TransactWriteItemsCommand({
      TransactItems: [
        {
          Put: {
            TableName: stage,
            Item: marshall(
              {
                channel_type: "whatsapp",
                message_sid: MessageSid,
                from: From,
                to: To,
                body: Body,
                num_media: 0,
                media: [],
                account_sid: AccountSid,
                profile_name: ProfileName,
                message_type: MessageType,
                received_at,
                conversation_id,
                primary_channel: customer,
                expires_at: seconds + 259_200
              },
              { removeUndefinedValues: true }
            ),
            ConditionExpression: "attribute_not_exists(message_sid)"
          }
        },
        {
          Put: {
            TableName: stage,
            Item: marshall({
              ...tombstone,
              state: "STAGED",
              staged_conversation_id: conversation_id,
              channel_type: "whatsapp",
              received_at,
              expires_at: seconds + 259_200
            }),
            ConditionExpression: "attribute_not_exists(conversation_id) OR expires_at <= :now",
            ExpressionAttributeValues: marshall({ ":now": seconds }),
            ReturnValuesOnConditionCheckFailure: "ALL_OLD"
          }
        }
      ]
    })
  )
  const trigger_at = now + 10_000
  await dynamo.send(
    new PutItemCommand({
      TableName: locks,
      Item: marshall({
        conversation_id,
        owner_sid: MessageSid,
        state: "PENDING",
        trigger_at,
        expires_at: Math.floor(trigger_at / 1000) + 60
      }),
      ConditionExpression: "attribute_not_exists(conversation_id) OR expires_at <= :now",
      ExpressionAttributeValues: marshall({ ":now": seconds }),
      ReturnValuesOnConditionCheckFailure: "ALL_OLD"
    })
  )
  await sqs.send(
    new SendMessageCommand({
      QueueUrl: queue,
      MessageBody: JSON.stringify({ conversation_id, primary_channel: customer }),
      DelaySeconds: 10
    })
  )
  const queued = {
    UpdateExpression: "SET #state = :queued",
    ExpressionAttributeNames: { "#state": "state" },
    ExpressionAttributeValues: marshall({ ":queued": "QUEUED" })
  }
  await dynamo.send(
    new TransactWriteItemsCommand({
      TransactItems: [
        { Update: { TableName: locks, Key: marshall({ conversation_id }), ...queued } },
        { Update: { TableName: stage, Key: marshall(tombstone), ...queued } }
      ]
    })
  )
  console.log(JSON.stringify({ level: "INFO", message: "a message was taken", messageSid: MessageSid }))
  return answer(200)
}
