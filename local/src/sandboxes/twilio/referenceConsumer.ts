/**
 * The consumer behind the channel queues as its contract has it (A1.11): it takes a conversation for itself, reads what is
 * staged, replies, and puts everything away that it has read. A conversation that is busy is left for later.
 */
import {
  ConditionalCheckFailedException,
  DeleteItemCommand,
  DynamoDBClient,
  QueryCommand,
  UpdateItemCommand
} from "@aws-sdk/client-dynamodb"
import { DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs"
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb"
import type { PlatformInfo } from "../../platformFile.ts"
import type { StagedMessage, Trigger } from "../../../../src/schemas/Staging.ts"

/** A running consumer. */
export interface ReferenceConsumer extends Disposable {
  /** What was read of each message, by its id; more than one row for one that was read again. */
  readonly read: ReadonlyMap<string, ReadonlyArray<StagedMessage>>
  /** Triggers that found nothing to read. */
  readonly empty: number
  /** Takes every trigger that is to be seen now; one consumer does one thing at a time, so calls wait for those before. */
  readonly drain: () => Promise<void>
}

/** A consumer of one of the platform's channel queues. */
export const referenceConsumer = (info: PlatformInfo, channel: "whatsapp" | "sms" | "email"): ReferenceConsumer => {
  const options = { region: "eu-west-1", credentials: { accessKeyId: "consumer", secretAccessKey: "consumer" } }
  const dynamo = new DynamoDBClient({ ...options, endpoint: info.aws.dynamodb })
  const sqs = new SQSClient({ ...options, endpoint: info.aws.sqs })
  const { conversations, lock, stage } = info.tables
  const QueueUrl = info.queues[channel]
  const read = new Map<string, Array<StagedMessage>>()
  let empty = 0

  const setStatus = (trigger: Trigger, status: string, condition?: string): Promise<unknown> =>
    dynamo.send(
      new UpdateItemCommand({
        TableName: conversations,
        Key: marshall({ primary_channel: trigger.primary_channel, conversation_id: trigger.conversation_id }),
        UpdateExpression: "SET conversation_status = :status, processing_started_at = :now",
        ExpressionAttributeValues: marshall({ ":status": status, ":now": new Date().toISOString() }),
        ...(condition === undefined ? {} : { ConditionExpression: condition })
      })
    )

  /** Whether the conversation is this consumer's now. */
  const begins = async (trigger: Trigger): Promise<boolean> => {
    try {
      await setStatus(trigger, "processing_reply", "conversation_status <> :status")
      return true
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false
      throw error
    }
  }

  const replyTo = async (trigger: Trigger): Promise<void> => {
    const { Items = [] } = await dynamo.send(
      new QueryCommand({
        TableName: stage,
        KeyConditionExpression: "conversation_id = :id",
        ExpressionAttributeValues: marshall({ ":id": trigger.conversation_id }),
        ConsistentRead: true
      })
    )
    const rows = Items.map((item) => unmarshall(item) as StagedMessage)
    if (rows.length === 0) empty += 1
    for (const row of rows) {
      if (row.primary_channel !== trigger.primary_channel) throw new Error("a row of somebody else's")
      read.set(row.message_sid, [...(read.get(row.message_sid) ?? []), row])
    }
    await setStatus(trigger, "reply_sent")
    for (const { conversation_id, message_sid } of rows) {
      await dynamo.send(new DeleteItemCommand({ TableName: stage, Key: marshall({ conversation_id, message_sid }) }))
    }
    await dynamo.send(
      new DeleteItemCommand({ TableName: lock, Key: marshall({ conversation_id: trigger.conversation_id }) })
    )
  }

  const drainNow = async (): Promise<void> => {
    for (;;) {
      const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }))
      if (Messages.length === 0) return
      for (const { Body = "", ReceiptHandle } of Messages) {
        const trigger = JSON.parse(Body) as Trigger
        if (!(await begins(trigger))) continue
        await replyTo(trigger)
        await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }))
      }
    }
  }

  let turn = Promise.resolve()
  const drain = (): Promise<void> => (turn = turn.then(drainNow, drainNow))

  return {
    read,
    get empty() {
      return empty
    },
    drain,
    [Symbol.dispose]: () => {
      dynamo.destroy()
      sqs.destroy()
    }
  }
}
