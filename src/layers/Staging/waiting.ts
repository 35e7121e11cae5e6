/** The look through the stage table for conversations whose messages wait. */
import { type DynamoDBClient, ScanCommand, type ScanCommandOutput } from "@aws-sdk/client-dynamodb"
import { marshall } from "@aws-sdk/util-dynamodb"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { isChannel } from "../../schemas/Staging.ts"
import type { StageStoreShape, Waiting } from "../../services/StageStore.ts"
import type { Item } from "../Aws/transactions.ts"
import { asFailure, stageCodes } from "./awsFailure.ts"
import { run, seconds, tombstonePrefix } from "./stageTable.ts"

const waitingOf = ({ channel_type: channel, primary_channel: customer }: Item, conversationId: string): Waiting => ({
  conversationId,
  primaryChannel: customer?.S,
  channel: isChannel(channel?.S) ? channel.S : undefined
})

/** What one row leaves out another of the same conversation may say. */
const joined = (one: Waiting | undefined, other: Waiting): Waiting => ({
  ...other,
  primaryChannel: other.primaryChannel ?? one?.primaryChannel,
  channel: other.channel ?? one?.channel
})

/** The conversations that wait in a table; it is read to its end. */
export const waitingIn =
  (client: DynamoDBClient, table: string): StageStoreShape["waiting"] =>
  (before) =>
    Effect.gen(function* () {
      const found = new Map<string, Waiting>()
      let start: ScanCommandOutput["LastEvaluatedKey"]
      do {
        const command: ScanCommand = new ScanCommand({
          TableName: table,
          ProjectionExpression: "conversation_id, primary_channel, channel_type",
          // A row that does not say when it came, or when it ends, is no reason to leave its message there.
          FilterExpression:
            "NOT begins_with(conversation_id, :tombstone) AND NOT received_at >= :before AND NOT expires_at <= :now",
          ExpressionAttributeValues: marshall({
            ":tombstone": tombstonePrefix,
            ":before": new Date(before).toISOString(),
            ":now": seconds(yield* Clock.currentTimeMillis)
          }),
          ConsistentRead: true,
          ...(start === undefined ? {} : { ExclusiveStartKey: start })
        })
        const { Items = [], LastEvaluatedKey } = yield* run("Scan", client, command)
        for (const item of Items) {
          const id = item["conversation_id"]?.S
          if (id !== undefined) found.set(id, joined(found.get(id), waitingOf(item, id)))
        }
        start = LastEvaluatedKey
      } while (start !== undefined)
      return [...found.values()]
    }).pipe(Effect.mapError(asFailure(stageCodes)))
