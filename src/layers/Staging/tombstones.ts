/**
 * Tombstones of messages in the stage table, and the lease on those that a human reads: such a message is sent by one
 * attempt at a time, since nothing else tells two that overlap of each other.
 */
import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  UpdateItemCommand
} from "@aws-sdk/client-dynamodb"
import { marshall } from "@aws-sdk/util-dynamodb"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { InboundMessage } from "../../schemas/Staging.ts"
import type { StageStoreShape } from "../../services/StageStore.ts"
import { asFailure, stageCodes } from "./awsFailure.ts"
import { progressOf, run, seconds, tombstoneKey } from "./stageTable.ts"

/** The tombstones over a given client. */
export const make = (client: DynamoDBClient, table: string, ttlSeconds: number) => {
  /** The write of a tombstone where there is none, with what is to be said on it beside. */
  const put = (conversationId: string, message: InboundMessage, now: number, more: object = {}) => ({
    TableName: table,
    Item: {
      ...tombstoneKey(message),
      ...marshall({
        state: "STAGED",
        staged_conversation_id: conversationId,
        channel_type: message.channel_type,
        received_at: message.received_at,
        expires_at: seconds(now) + ttlSeconds,
        ...more
      })
    },
    // A row that nobody was told of, and that has expired, was not read: its message is a new one again, or it is lost.
    ConditionExpression:
      "attribute_not_exists(conversation_id) OR expires_at <= :now OR (#state = :staged AND row_expires_at <= :now)",
    ExpressionAttributeNames: { "#state": "state" },
    ExpressionAttributeValues: marshall({ ":now": seconds(now), ":staged": "STAGED" }),
    ReturnValuesOnConditionCheckFailure: "ALL_OLD" as const
  })

  const reserve: StageStoreShape["reserve"] = (conversationId, message, reason, { by, until }) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      const more = { hand_off_reason: reason, sending_by: by, sending_until: until }
      const command = new PutItemCommand(put(conversationId, message, now, more))
      const outcome = yield* Effect.either(run("PutItem", client, command))
      if (Either.isRight(outcome)) return { state: "new" }
      const { cause } = outcome.left
      return cause instanceof ConditionalCheckFailedException
        ? progressOf(cause.Item, { state: "known", conversationId, way: { to: "handoff", reason } })
        : yield* asFailure(stageCodes)(outcome.left)
    })

  const lease: StageStoreShape["lease"] = (message, { by, until }) =>
    Effect.gen(function* () {
      const command = new UpdateItemCommand({
        TableName: table,
        Key: tombstoneKey(message),
        UpdateExpression: "SET sending_by = :by, sending_until = :until",
        // An attempt whose answer was lost knows its own lease.
        ConditionExpression:
          "#state = :staged AND (attribute_not_exists(sending_until) OR sending_until <= :now OR sending_by = :by)",
        ExpressionAttributeNames: { "#state": "state" },
        ExpressionAttributeValues: marshall({
          ":staged": "STAGED",
          ":by": by,
          ":until": until,
          ":now": yield* Clock.currentTimeMillis
        }),
        ReturnValuesOnConditionCheckFailure: "ALL_OLD"
      })
      const outcome = yield* Effect.either(run("UpdateItem", client, command))
      if (Either.isRight(outcome)) return "leased"
      const { cause } = outcome.left
      if (!(cause instanceof ConditionalCheckFailedException)) return yield* asFailure(stageCodes)(outcome.left)
      // A tombstone that has just expired holds nobody back.
      if (cause.Item === undefined) return "leased"
      return cause.Item["state"]?.S === "QUEUED" ? "sent" : "sending"
    })

  const giveBack: StageStoreShape["giveBack"] = (message, { by }) =>
    run(
      "UpdateItem",
      client,
      new UpdateItemCommand({
        TableName: table,
        Key: tombstoneKey(message),
        UpdateExpression: "REMOVE sending_by, sending_until",
        ConditionExpression: "sending_by = :by",
        ExpressionAttributeValues: marshall({ ":by": by })
      })
    ).pipe(
      Effect.asVoid,
      Effect.catchIf(
        (error) => error.kind === "conditionFailed",
        () => Effect.void
      ),
      Effect.mapError(asFailure(stageCodes))
    )

  const progress: StageStoreShape["progress"] = (message) =>
    Effect.gen(function* () {
      const command = new GetItemCommand({ TableName: table, Key: tombstoneKey(message), ConsistentRead: true })
      const { Item } = yield* Effect.mapError(run("GetItem", client, command), asFailure(stageCodes))
      const now = seconds(yield* Clock.currentTimeMillis)
      const isUnread = Item?.["state"]?.S === "STAGED" && Number(Item["row_expires_at"]?.N ?? Infinity) <= now
      const isOver = isUnread || Number(Item?.["expires_at"]?.N ?? 0) <= now
      return progressOf(isOver ? undefined : Item, { state: "new" })
    })

  return { put, reserve, lease, giveBack, progress }
}
