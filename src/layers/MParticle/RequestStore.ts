/** {@link RequestStore} in DynamoDB (docs/adr/0001). */
import {
  ConditionalCheckFailedException,
  DeleteItemCommand,
  DynamoDBClient,
  GetItemCommand,
  TransactionCanceledException,
  TransactWriteItemsCommand,
  UpdateItemCommand
} from "@aws-sdk/client-dynamodb"
import { marshall } from "@aws-sdk/util-dynamodb"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { type RecordStatus, type RequestId, type RequestRecord, statusRank } from "../../schemas/DataSubjectRequest.ts"
import { DatabaseError, IdempotencyConflict } from "../../schemas/MParticleError.ts"
import { Parameters } from "../../services/Parameters.ts"
import {
  type NewRequest,
  RequestStore,
  type RequestStoreShape,
  type StoreError,
  type TransitionFacts
} from "../../services/RequestStore.ts"
import * as Uuid from "../../services/Uuid.ts"
import { type AwsError, send } from "../Aws.ts"
import { activeLockId } from "./hashing.ts"
import { claimWrites, type Item, pointerFrom, recordFrom, type Tables, transitionUpdate } from "./RequestItems.ts"

const failedIn =
  (operation: string) =>
  (error: AwsError): DatabaseError =>
    new DatabaseError({ operation, reason: error.errorName })

const isEnd = (status: RecordStatus): boolean => status === "completed" || status === "failed"

const decode = (operation: string, item: Item): Effect.Effect<RequestRecord, DatabaseError> =>
  Either.match(recordFrom(item), {
    onLeft: () => Effect.fail(new DatabaseError({ operation, reason: "the stored record cannot be read" })),
    onRight: Effect.succeed
  })

/** The items that stood in a cancelled transaction's way, by the position of their write. */
const blockers = (error: AwsError): ReadonlyArray<Item | undefined> | undefined =>
  error.kind === "conditionFailed" && error.cause instanceof TransactionCanceledException
    ? (error.cause.CancellationReasons ?? []).map((reason) =>
        reason.Code === "ConditionalCheckFailed" ? (reason.Item ?? {}) : undefined
      )
    : undefined

/** The store over a given client; table names are read with every call, through the parameter cache. */
export const make = (client: DynamoDBClient): Effect.Effect<RequestStoreShape, never, Parameters> =>
  Effect.gen(function* () {
    const parameters = yield* Parameters
    const tables: Effect.Effect<Tables, StoreError> = Effect.all(
      { dsr: parameters.get("dynamodb-table-name"), correlation: parameters.get("baton-correlation-table") },
      { concurrency: "unbounded" }
    ).pipe(
      Effect.catchTag("ParametersUnavailable", (error) =>
        Effect.fail(new DatabaseError({ operation: "table names", reason: error.reason }))
      )
    )

    const get = Effect.fnUntraced(function* (id: RequestId) {
      const { dsr } = yield* tables
      const { Item: item } = yield* send(
        client,
        new GetItemCommand({ TableName: dsr, Key: marshall({ id }), ConsistentRead: true }),
        { service: "dynamodb", operation: "GetItem" }
      ).pipe(Effect.mapError(failedIn("get")))
      if (item === undefined) return Option.none()
      const record = yield* decode("get", item)
      const nowSeconds = Math.floor((yield* Clock.currentTimeMillis) / 1000)
      return record.expiresAt > nowSeconds ? Option.some(record) : Option.none()
    })

    const claim: RequestStoreShape["claim"] = Effect.fnUntraced(function* (request: NewRequest) {
      const names = yield* tables
      const record: RequestRecord = {
        ...request,
        status: "received",
        statusRank: statusRank.received,
        updatedAt: request.submittedAt,
        version: 1
      }
      // A lock whose request has ended (a crash between the end and the release) is taken over, once.
      const attempt = (staleLockOf: string | undefined): ReturnType<RequestStoreShape["claim"]> =>
        Effect.gen(function* () {
          const nowSeconds = Math.floor((yield* Clock.currentTimeMillis) / 1000)
          const writes = claimWrites(names, record, {
            createdAt: record.submittedAt,
            nowSeconds,
            ...(staleLockOf === undefined ? {} : { staleLockOf })
          })
          const outcome = yield* send(
            client,
            new TransactWriteItemsCommand({ TransactItems: [...writes], ClientRequestToken: yield* Uuid.v4 }),
            { service: "dynamodb", operation: "TransactWriteItems" }
          ).pipe(Effect.either)
          if (Either.isRight(outcome)) return { isNew: true, record }
          const inTheWay = blockers(outcome.left)
          if (inTheWay === undefined) return yield* failedIn("claim")(outcome.left)
          const [same, correlated, active] = inTheWay
          if (same !== undefined) {
            const earlier = yield* decode("claim", same)
            return earlier.fingerprint === record.fingerprint
              ? { isNew: false, record: earlier }
              : yield* new IdempotencyConflict({ requestId: earlier.id })
          }
          if (correlated !== undefined) {
            const other = pointerFrom(correlated)
            return yield* new IdempotencyConflict({
              requestId: Either.isRight(other) ? other.right.requestId : "unknown"
            })
          }
          const holder = active === undefined ? Either.left(undefined) : pointerFrom(active)
          if (Either.isLeft(holder))
            return yield* new DatabaseError({ operation: "claim", reason: "the active lock cannot be read" })
          const current = yield* get(holder.right.requestId)
          if (Option.isSome(current) && !isEnd(current.value.status)) return { isNew: false, record: current.value }
          if (staleLockOf !== undefined)
            return yield* new DatabaseError({ operation: "claim", reason: "the active lock is contended" })
          return yield* attempt(holder.right.requestId)
        })
      return yield* attempt(undefined)
    })

    // Not in one transaction with the end: a lock left behind by a crash is taken over by the next claim.
    const release = (dsr: string, record: RequestRecord) =>
      send(
        client,
        new DeleteItemCommand({
          TableName: dsr,
          Key: marshall({ id: activeLockId(record.identityId, record.type) }),
          ConditionExpression: "attribute_not_exists(id) OR requestId = :id",
          ExpressionAttributeValues: marshall({ ":id": record.id })
        }),
        { service: "dynamodb", operation: "DeleteItem" }
      ).pipe(
        Effect.catchAll((error) =>
          Effect.logWarning("the lock of an ended request was not released", Cause.fail(error))
        )
      )

    const transition: RequestStoreShape["transition"] = Effect.fnUntraced(function* (
      record: RequestRecord,
      to: RecordStatus,
      facts?: TransitionFacts
    ) {
      const { dsr } = yield* tables
      const updatedAt = new Date(yield* Clock.currentTimeMillis).toISOString()
      const changes = { ...facts, status: to, statusRank: statusRank[to], updatedAt }
      const outcome = yield* send(
        client,
        new UpdateItemCommand({
          ...transitionUpdate(dsr, record.id, changes, statusRank[to]),
          ReturnValues: "ALL_NEW"
        }),
        { service: "dynamodb", operation: "UpdateItem" }
      ).pipe(Effect.either)
      if (Either.isLeft(outcome)) {
        const cause = outcome.left.cause
        if (!(cause instanceof ConditionalCheckFailedException)) return yield* failedIn("transition")(outcome.left)
        return cause.Item === undefined ? Option.none() : Option.some(yield* decode("transition", cause.Item))
      }
      if (isEnd(to)) yield* release(dsr, record)
      return Option.some(yield* decode("transition", outcome.right.Attributes ?? {}))
    })

    return { claim, get, transition }
  })

/** {@link RequestStore} with a client of its own. */
export const layer: Layer.Layer<RequestStore, never, Parameters> = Layer.scoped(
  RequestStore,
  Effect.acquireRelease(
    Effect.sync(() => new DynamoDBClient({ maxAttempts: 1 })),
    (client) => Effect.sync(() => client.destroy())
  ).pipe(Effect.flatMap(make))
)
