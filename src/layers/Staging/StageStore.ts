/** {@link StageStore} in DynamoDB. Rows and tombstones share a table: the consumer asks by conversation and sees rows only. */
import {
  ConditionalCheckFailedException,
  DeleteItemCommand,
  DynamoDBClient,
  PutItemCommand,
  type TransactWriteItem,
  TransactWriteItemsCommand,
  UpdateItemCommand
} from "@aws-sdk/client-dynamodb"
import { marshall } from "@aws-sdk/util-dynamodb"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import { type InboundMessage, primaryChannel } from "../../schemas/Staging.ts"
import { type Claim, type LockError, StageStore, type StageStoreShape } from "../../services/StageStore.ts"
import type { AwsError } from "../Aws.ts"
import { blockersOf } from "../Aws/transactions.ts"
import { asFailure, lockCodes, stageCodes } from "./awsFailure.ts"
import { StagingSettings } from "./Settings.ts"
import { progressOf, run, seconds, tombstoneKey } from "./stageTable.ts"
import { make as tombstones } from "./tombstones.ts"
import { waitingIn } from "./waiting.ts"

/** A claim is not relied on for this long before its trigger: clocks differ, and the consumer must not have read yet. */
const marginMillis = 1_000

/** The stage and the lock over a given client. */
export const make = (client: DynamoDBClient): Effect.Effect<StageStoreShape, never, StagingSettings> =>
  Effect.map(
    StagingSettings,
    ({ lockBufferSeconds, stageTtlSeconds, tombstoneTtlSeconds, tables: { lock: lockTable, stage: stageTable } }) => {
      const { giveBack, lease, progress, put, reserve } = tombstones(client, stageTable, tombstoneTtlSeconds)

      const row = (conversationId: string, message: InboundMessage, expiresAt: number): TransactWriteItem => ({
        Put: {
          TableName: stageTable,
          Item: marshall(
            {
              ...message,
              conversation_id: conversationId,
              primary_channel: primaryChannel(message),
              expires_at: expiresAt
            },
            { removeUndefinedValues: true }
          ),
          ConditionExpression: "attribute_not_exists(message_sid)"
        }
      })

      const write = (items: ReadonlyArray<TransactWriteItem>) =>
        run("TransactWriteItems", client, new TransactWriteItemsCommand({ TransactItems: [...items] }))

      const stage: StageStoreShape["stage"] = (conversationId, message) =>
        Effect.gen(function* () {
          const now = yield* Clock.currentTimeMillis
          const expiresAt = seconds(now) + stageTtlSeconds
          const tombstone = put(conversationId, message, now, { row_expires_at: expiresAt })
          const outcome = yield* Effect.either(write([row(conversationId, message, expiresAt), { Put: tombstone }]))
          if (Either.isRight(outcome)) return { state: "new" }
          const blockers = blockersOf(outcome.left)
          if (blockers === undefined) return yield* asFailure(stageCodes)(outcome.left)
          // The row can outlive its tombstone.
          return progressOf(blockers[1], { state: "known", conversationId, way: { to: message.channel_type } })
        })

      const claim: StageStoreShape["claim"] = ({ conversationId, owner, patientWith, triggerAt }: Claim) =>
        Effect.gen(function* () {
          const now = yield* Clock.currentTimeMillis
          const command = new PutItemCommand({
            TableName: lockTable,
            Item: marshall({
              conversation_id: conversationId,
              owner_sid: owner,
              state: "PENDING",
              trigger_at: triggerAt,
              expires_at: seconds(triggerAt) + lockBufferSeconds
            }),
            ConditionExpression: [
              "attribute_not_exists(conversation_id)",
              "expires_at <= :nowSeconds",
              "(owner_sid = :owner AND #state = :pending)",
              patientWith === undefined
                ? "trigger_at <= :relied"
                : "(trigger_at <= :relied AND (#state = :pending OR NOT begins_with(owner_sid, :patient)))"
            ].join(" OR "),
            ExpressionAttributeNames: { "#state": "state" },
            ExpressionAttributeValues: marshall({
              ":nowSeconds": seconds(now),
              ":relied": now + marginMillis,
              ":owner": owner,
              ":pending": "PENDING",
              ...(patientWith === undefined ? {} : { ":patient": patientWith })
            }),
            ReturnValuesOnConditionCheckFailure: "ALL_OLD"
          })
          const outcome = yield* Effect.either(run("PutItem", client, command))
          if (Either.isRight(outcome)) return "acquired"
          const { cause } = outcome.left
          if (!(cause instanceof ConditionalCheckFailedException)) return yield* asFailure(lockCodes)(outcome.left)
          return cause.Item?.["state"]?.S === "QUEUED" ? "queued" : "pending"
        })

      const release = ({ conversationId, owner, triggerAt }: Claim): Effect.Effect<void, LockError> =>
        run(
          "DeleteItem",
          client,
          new DeleteItemCommand({
            TableName: lockTable,
            Key: marshall({ conversation_id: conversationId }),
            ConditionExpression: "owner_sid = :owner AND trigger_at = :at AND #state = :pending",
            ExpressionAttributeNames: { "#state": "state" },
            ExpressionAttributeValues: marshall({ ":owner": owner, ":at": triggerAt, ":pending": "PENDING" })
          })
        ).pipe(
          Effect.asVoid,
          Effect.catchIf(
            (error) => error.kind === "conditionFailed",
            () => Effect.void
          ),
          Effect.mapError(asFailure(lockCodes))
        )

      const queued = {
        UpdateExpression: "SET #state = :queued",
        ExpressionAttributeNames: { "#state": "state" }
      }

      const settleMessage = (message: InboundMessage) => ({
        ...queued,
        TableName: stageTable,
        Key: tombstoneKey(message),
        ConditionExpression: "attribute_exists(conversation_id)",
        ExpressionAttributeValues: marshall({ ":queued": "QUEUED" })
      })

      // An owner that claims again has another trigger: what was sent for the one says nothing of the other.
      const settleClaim = ({ conversationId, owner, triggerAt }: Claim) => ({
        ...queued,
        TableName: lockTable,
        Key: marshall({ conversation_id: conversationId }),
        ConditionExpression: "owner_sid = :owner AND trigger_at = :at",
        ExpressionAttributeValues: marshall({ ":queued": "QUEUED", ":owner": owner, ":at": triggerAt })
      })

      /** A claim that was taken over, or a tombstone that has expired, has nothing to be noted on. */
      const update = (parts: ReturnType<typeof settleMessage>): Effect.Effect<void, AwsError> =>
        run("UpdateItem", client, new UpdateItemCommand(parts)).pipe(
          Effect.asVoid,
          Effect.catchIf(
            (error) => error.kind === "conditionFailed",
            () => Effect.void
          )
        )

      const settle: StageStoreShape["settle"] = ({ claim: done, message }) => {
        const parts = [
          ...(done === undefined ? [] : [settleClaim(done)]),
          ...(message === undefined ? [] : [settleMessage(message)])
        ]
        const [first] = parts
        if (first === undefined) return Effect.void
        const all = Effect.catchIf(
          parts.length === 1 ? update(first) : Effect.asVoid(write(parts.map((part) => ({ Update: part })))),
          (error) => error.kind === "conditionFailed",
          // One of the two is not there any more: each by itself then.
          () => Effect.forEach(parts, update, { discard: true })
        )
        return Effect.mapError(all, asFailure(stageCodes))
      }

      return {
        stage,
        reserve,
        lease,
        giveBack,
        progress,
        claim,
        release,
        settle,
        waiting: waitingIn(client, stageTable)
      }
    }
  )

/** {@link StageStore} with a client of its own. */
export const layer: Layer.Layer<StageStore, never, StagingSettings> = Layer.scoped(
  StageStore,
  Effect.acquireRelease(
    Effect.sync(() => new DynamoDBClient({ maxAttempts: 1 })),
    (client) => Effect.sync(() => client.destroy())
  ).pipe(Effect.flatMap(make))
)
