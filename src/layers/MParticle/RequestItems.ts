/** The items of the request store: the record, its audit entries, its correlation entry and the active request's lock. */
import type { TransactWriteItem } from "@aws-sdk/client-dynamodb"
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { AuditEntry } from "../../schemas/AuditEntry.ts"
import {
  type RecordStatus,
  RequestId,
  RequestRecord,
  statusRank,
  type RequestId as Id
} from "../../schemas/DataSubjectRequest.ts"
import type { Item } from "../Aws/transactions.ts"
import { activeLockId } from "./hashing.ts"
import { isSettled, pendingKeys, withoutPlaceholder } from "./pendingIndex.ts"

/** Names of the tables. */
export interface Tables {
  readonly dsr: string
  readonly correlation: string
}

/** What the library throws at, such as a number that JavaScript has not, is no record either. */
const plain = (item: Item): unknown => {
  try {
    return unmarshall(item)
  } catch {
    return undefined
  }
}

const decoder = <A, I>(schema: Schema.Schema<A, I>) => {
  const decode = Schema.decodeUnknownEither(schema)
  return (item: Item) => decode(plain(item))
}

const decodeRecord = decoder(RequestRecord)

/** An item as a record; an item that is not one is a left. */
export const recordFrom = (item: Item) => Either.map(decodeRecord(item), withoutPlaceholder)

/** An item as an entry of the audit trail. */
export const auditEntryFrom = decoder(AuditEntry)

/** Whose request holds a correlation id or an active lock; a lock has no fingerprint. */
const Pointer = Schema.Struct({
  requestId: RequestId,
  fingerprint: Schema.optionalWith(Schema.String, { exact: true })
})

/** An item as a pointer to a request. */
export const pointerFrom = decoder(Pointer)

/** Key of an audit entry in the table of requests. */
export const auditId = (id: Id, sequence: number): string => `AUDIT#${id}#${sequence}`

const put = (table: string, item: object, condition: string, values?: object): TransactWriteItem => ({
  Put: {
    TableName: table,
    Item: marshall(item, { removeUndefinedValues: true }),
    ConditionExpression: condition,
    ...(values === undefined ? {} : { ExpressionAttributeValues: marshall(values) }),
    ReturnValuesOnConditionCheckFailure: "ALL_OLD"
  }
})

/** The write of an audit entry; it lives as long as its record. */
export const auditWrite = (
  table: string,
  entry: AuditEntry,
  expiresAt: number,
  nowSeconds: number
): TransactWriteItem =>
  put(
    table,
    { ...entry, id: auditId(entry.requestId, entry.sequence), expiresAt },
    "attribute_not_exists(id) OR expiresAt <= :now",
    { ":now": nowSeconds }
  )

/** The write that leads a correlation id to a request, unless it leads somewhere already. */
export const correlationWrite = (
  table: string,
  record: Pick<RequestRecord, "correlationId" | "fingerprint" | "submittedAt" | "expiresAt">,
  requestId: Id,
  nowSeconds: number
): TransactWriteItem =>
  put(
    table,
    {
      correlationId: record.correlationId,
      requestId,
      fingerprint: record.fingerprint,
      createdAt: record.submittedAt,
      expiresAt: record.expiresAt
    },
    "attribute_not_exists(correlationId) OR expiresAt <= :now",
    { ":now": nowSeconds }
  )

/**
 * The writes of a claim, in this order. Entries past their time to live count as gone, since DynamoDB deletes late;
 * `staleLockOf` is a request whose lock may be taken over because that request has ended.
 */
export const claimWrites = (
  tables: Tables,
  record: RequestRecord,
  first: AuditEntry,
  options: { readonly nowSeconds: number; readonly staleLockOf?: string }
): ReadonlyArray<TransactWriteItem> => {
  const now = { ":now": options.nowSeconds }
  const lock = {
    id: activeLockId(record.identityId, record.type),
    requestId: record.id,
    createdAt: record.submittedAt,
    expiresAt: record.expiresAt
  }
  return [
    put(tables.dsr, { ...record, ...pendingKeys(record) }, "attribute_not_exists(id) OR expiresAt <= :now", now),
    correlationWrite(tables.correlation, record, record.id, options.nowSeconds),
    put(tables.dsr, lock, "attribute_not_exists(id) OR expiresAt <= :now OR requestId = :stale", {
      ...now,
      ":stale": options.staleLockOf ?? ""
    }),
    auditWrite(tables.dsr, first, record.expiresAt, options.nowSeconds)
  ]
}

/** An update's expression: attributes are set, and those whose value is undefined are removed. */
const updateOf = (changes: Readonly<Record<string, unknown>>) => {
  const names = Object.keys(changes)
  const kept = names.filter((name) => changes[name] !== undefined)
  const gone = names.filter((name) => changes[name] === undefined)
  return {
    UpdateExpression: [
      `SET ${kept.map((name) => `#${name} = :${name}`).join(", ")}`,
      ...(gone.length === 0 ? [] : [`REMOVE ${gone.map((name) => `#${name}`).join(", ")}`])
    ].join(" "),
    names: Object.fromEntries(names.map((name) => [`#${name}`, name])),
    values: Object.fromEntries(kept.map((name) => [`:${name}`, changes[name]]))
  }
}

/** The update that moves a record forward: only where it exists, stands lower, and is the version that we know. */
export const transitionUpdate = (
  table: string,
  record: RequestRecord,
  to: RecordStatus,
  changes: Readonly<Record<string, unknown>>
): TransactWriteItem => {
  const standing = { status: to, statusRank: statusRank[to], version: record.version + 1 }
  const settled = isSettled({ ...record, ...changes, status: to })
  const { UpdateExpression, names, values } = updateOf({
    ...changes,
    ...standing,
    ...(settled ? { pendingShard: undefined } : {})
  })
  return {
    Update: {
      TableName: table,
      Key: marshall({ id: record.id }),
      UpdateExpression,
      ConditionExpression: "attribute_exists(id) AND #statusRank < :statusRank AND #version = :known",
      ExpressionAttributeNames: names,
      ExpressionAttributeValues: marshall({ ...values, ":known": record.version }),
      ReturnValuesOnConditionCheckFailure: "ALL_OLD"
    }
  }
}
