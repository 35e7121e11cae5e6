/** Reads of the request store: one, many, by e-mail, and a request's audit trail. */
import {
  BatchGetItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  type KeysAndAttributes,
  QueryCommand
} from "@aws-sdk/client-dynamodb"
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { RequestId, RequestRecord } from "../../schemas/DataSubjectRequest.ts"
import { DatabaseError } from "../../schemas/MParticleError.ts"
import type { RequestStoreShape, StoreError } from "../../services/RequestStore.ts"
import type { make as makeEmailHash } from "./EmailHash.ts"
import { normalisedEmail } from "./hashing.ts"
import { shards } from "./pendingIndex.ts"
import type { Item } from "../Aws/transactions.ts"
import { auditEntryFrom, auditId } from "./RequestItems.ts"
import { failedIn, nowSeconds, readable, readRecord, type make as makeTable } from "./RequestTable.ts"

/** BatchGetItem takes at most this many keys. */
const keysPerCall = 100
const batchConcurrency = 4
/** Rounds of one batch until DynamoDB has answered every key, with growing pauses in between. */
const maxRounds = 6
const emailLimit = 50
/** Requests that are looked after in one go. */
const pageLimit = 100

/** The reads over a client. */
export const make = (
  client: DynamoDBClient,
  table: Effect.Effect.Success<ReturnType<typeof makeTable>>,
  hashOf: Effect.Effect.Success<typeof makeEmailHash>
) => {
  const unexpired = (record: RequestRecord): Effect.Effect<Option.Option<RequestRecord>> =>
    Effect.map(nowSeconds, (now) => (record.expiresAt > now ? Option.some(record) : Option.none()))

  const get: RequestStoreShape["get"] = Effect.fnUntraced(function* (id: RequestId) {
    const { dsr } = yield* table.tables
    const command = new GetItemCommand({ TableName: dsr, Key: marshall({ id }), ConsistentRead: true })
    const { Item: item } = yield* Effect.mapError(table.run("GetItem", client, command), failedIn("get"))
    return item === undefined ? Option.none() : yield* unexpired(yield* readRecord("get", item))
  })

  /** The items of at most a hundred keys; what DynamoDB leaves unprocessed is asked for again. */
  const batch = (dsr: string, keys: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<Item>, DatabaseError> =>
    Effect.gen(function* () {
      const found: Array<Item> = []
      let pending: Record<string, KeysAndAttributes> | undefined = {
        [dsr]: { Keys: keys.map((id) => marshall({ id })), ConsistentRead: true }
      }
      for (let round = 0; round < maxRounds; round += 1) {
        if (round > 0) yield* Effect.sleep(Duration.millis(50 * 2 ** round))
        const command: BatchGetItemCommand = new BatchGetItemCommand({ RequestItems: pending })
        const answer = yield* Effect.mapError(table.run("BatchGetItem", client, command), failedIn("getMany"))
        found.push(...(answer.Responses?.[dsr] ?? []))
        pending = answer.UnprocessedKeys
        if (pending === undefined || Object.keys(pending).length === 0) return found
      }
      return yield* new DatabaseError({ operation: "getMany", reason: "keys stayed unprocessed" })
    })

  const items = (ids: ReadonlyArray<string>): Effect.Effect<ReadonlyMap<string, Item>, StoreError> =>
    Effect.gen(function* () {
      const { dsr } = yield* table.tables
      const distinct = [...new Set(ids)]
      const chunks = Array.from({ length: Math.ceil(distinct.length / keysPerCall) }, (_, index) =>
        distinct.slice(index * keysPerCall, (index + 1) * keysPerCall)
      )
      const found = yield* Effect.forEach(chunks, (keys) => batch(dsr, keys), { concurrency: batchConcurrency })
      return new Map(found.flat().map((item) => [item["id"]?.S ?? "", item]))
    })

  const getMany: RequestStoreShape["getMany"] = Effect.fnUntraced(function* (ids: ReadonlyArray<RequestId>) {
    const found = yield* items(ids)
    return yield* Effect.forEach(ids, (id) => {
      const item = found.get(id)
      return item === undefined
        ? Effect.succeed(Option.none<RequestRecord>())
        : Effect.flatMap(readRecord("getMany", item), unexpired)
    })
  })

  const byEmailKey = (key: string) =>
    Effect.gen(function* () {
      const { dsr } = yield* table.tables
      const command = new QueryCommand({
        TableName: dsr,
        IndexName: "EmailIndex",
        KeyConditionExpression: "email = :email",
        ExpressionAttributeValues: marshall({ ":email": key }),
        ScanIndexForward: false,
        Limit: emailLimit
      })
      const { Items = [] } = yield* Effect.mapError(table.run("Query", client, command), failedIn("findByEmail"))
      return yield* Effect.forEach(Items, (item) => Effect.flatMap(readRecord("findByEmail", item), unexpired))
    })

  const findByEmail: RequestStoreShape["findByEmail"] = Effect.fnUntraced(function* (email: string) {
    // The records of a completed erasure hold the hash alone.
    const hash = yield* Effect.catchTag(hashOf(email), "ParametersUnavailable", (error) =>
      Effect.fail(new DatabaseError({ operation: "findByEmail", reason: error.reason }))
    )
    const found = yield* Effect.forEach([normalisedEmail(email), hash], byEmailKey, { concurrency: 2 })
    return found
      .flat()
      .flatMap(Option.toArray)
      .toSorted((one, other) => (one.submittedAt < other.submittedAt ? 1 : -1))
      .slice(0, emailLimit)
  })

  const pending: RequestStoreShape["pending"] = Effect.fnUntraced(function* (cursor = { shard: 0 }) {
    const { dsr } = yield* table.tables
    const command = new QueryCommand({
      TableName: dsr,
      IndexName: "PendingIndex",
      KeyConditionExpression: "pendingShard = :shard",
      ExpressionAttributeValues: marshall({ ":shard": shards[cursor.shard] ?? "" }),
      Limit: pageLimit,
      ...(cursor.after === undefined ? {} : { ExclusiveStartKey: marshall(cursor.after) })
    })
    const answer = yield* Effect.mapError(table.run("Query", client, command), failedIn("pending"))
    // An item that cannot be read must not hide the others.
    const records = yield* Effect.forEach(answer.Items ?? [], (item) =>
      readRecord("pending", item).pipe(
        Effect.flatMap(unexpired),
        Effect.catchAll((error) => Effect.as(Effect.logError(error.message), Option.none<RequestRecord>()))
      )
    )
    const page = { records: records.flatMap(Option.toArray) }
    if (answer.LastEvaluatedKey !== undefined) {
      return { ...page, next: { shard: cursor.shard, after: unmarshall(answer.LastEvaluatedKey) } }
    }
    return cursor.shard + 1 < shards.length ? { ...page, next: { shard: cursor.shard + 1 } } : page
  })

  const auditTrail: RequestStoreShape["auditTrail"] = Effect.fnUntraced(function* ({ id, version }: RequestRecord) {
    const ids = Array.from({ length: version }, (_, index) => auditId(id, index + 1))
    const found = yield* items(ids)
    const present = ids.map((key) => found.get(key)).filter((item) => item !== undefined)
    return yield* Effect.forEach(present, (item) => readable("auditTrail", auditEntryFrom(item)))
  })

  return { get, getMany, findByEmail, pending, auditTrail }
}
