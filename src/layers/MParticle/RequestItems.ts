/** The items of the request store: the record, its correlation entry and the lock of the active request. */
import type { AttributeValue, TransactWriteItem } from "@aws-sdk/client-dynamodb"
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb"
import type * as Either from "effect/Either"
import type * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { RequestId, RequestRecord } from "../../schemas/DataSubjectRequest.ts"
import { activeLockId } from "./hashing.ts"

export type Item = Record<string, AttributeValue>

export interface Tables {
  readonly dsr: string
  readonly correlation: string
}

const decodeRecord = Schema.decodeUnknownEither(RequestRecord)

/** An item as a record; an item that is not one is a left. */
export const recordFrom = (item: Item): Either.Either<RequestRecord, ParseResult.ParseError> =>
  decodeRecord(unmarshall(item))

/** Whose request holds a correlation id or an active lock. */
export const Pointer = Schema.Struct({ requestId: RequestId })
const decodePointer = Schema.decodeUnknownEither(Pointer)

/** An item as a pointer to a request. */
export const pointerFrom = (item: Item): Either.Either<typeof Pointer.Type, ParseResult.ParseError> =>
  decodePointer(unmarshall(item))

const put = (table: string, item: object, condition: string, values?: object): TransactWriteItem => ({
  Put: {
    TableName: table,
    Item: marshall(item, { removeUndefinedValues: true }),
    ConditionExpression: condition,
    ...(values === undefined ? {} : { ExpressionAttributeValues: marshall(values) }),
    ReturnValuesOnConditionCheckFailure: "ALL_OLD"
  }
})

/**
 * The three writes of a claim, in this order. Entries past their time to live count as gone, since DynamoDB
 * deletes late; `staleLockOf` is a request whose lock may be taken over because that request has ended.
 */
export const claimWrites = (
  tables: Tables,
  record: RequestRecord,
  options: { readonly createdAt: string; readonly nowSeconds: number; readonly staleLockOf?: string }
): ReadonlyArray<TransactWriteItem> => {
  const pointer = { requestId: record.id, createdAt: options.createdAt, expiresAt: record.expiresAt }
  const time = { ":now": options.nowSeconds }
  return [
    put(tables.dsr, record, "attribute_not_exists(id) OR expiresAt <= :now", time),
    put(
      tables.correlation,
      { correlationId: record.correlationId, fingerprint: record.fingerprint, ...pointer },
      "attribute_not_exists(correlationId) OR expiresAt <= :now",
      time
    ),
    put(
      tables.dsr,
      { id: activeLockId(record.identityId, record.type), ...pointer },
      "attribute_not_exists(id) OR expiresAt <= :now OR requestId = :stale",
      { ...time, ":stale": options.staleLockOf ?? "" }
    )
  ]
}

/** The update that moves a record forward: only where the record exists and stands lower. */
export const transitionUpdate = (
  table: string,
  id: RequestId,
  changes: Readonly<Record<string, unknown>>,
  rank: number
) => {
  const names = Object.keys(changes)
  return {
    TableName: table,
    Key: marshall({ id }),
    UpdateExpression: `SET ${names.map((name) => `#${name} = :${name}`).join(", ")} ADD #version :one`,
    ConditionExpression: "attribute_exists(id) AND #statusRank < :rank",
    ExpressionAttributeNames: {
      ...Object.fromEntries(names.map((name) => [`#${name}`, name])),
      "#statusRank": "statusRank",
      "#version": "version"
    },
    ExpressionAttributeValues: marshall({
      ...Object.fromEntries(names.map((name) => [`:${name}`, changes[name]])),
      ":rank": rank,
      ":one": 1
    }),
    ReturnValuesOnConditionCheckFailure: "ALL_OLD" as const
  }
}
