/** {@link RequestStore} in DynamoDB (docs/adr/0001). */
import {
  ConditionalCheckFailedException,
  DeleteItemCommand,
  DynamoDBClient,
  UpdateItemCommand
} from "@aws-sdk/client-dynamodb"
import { marshall } from "@aws-sdk/util-dynamodb"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import {
  hasEnded,
  isUnsent,
  type RecordStatus,
  type RequestRecord,
  statusRank
} from "../../schemas/DataSubjectRequest.ts"
import { DatabaseError, IdempotencyConflict } from "../../schemas/MParticleError.ts"
import type { Parameters } from "../../services/Parameters.ts"
import {
  type ClaimOutcome,
  type Lease,
  type NewRequest,
  RequestStore,
  type RequestStoreShape,
  type StoreError,
  type TransitionFacts,
  type TransitionOptions
} from "../../services/RequestStore.ts"
import type { AwsError } from "../Aws.ts"
import { genesis, sealed } from "./AuditChain.ts"
import * as EmailHash from "./EmailHash.ts"
import { activeLockId } from "./hashing.ts"
import { auditWrite, claimWrites, correlationWrite, pointerFrom, transitionUpdate } from "./RequestItems.ts"
import * as RequestQueries from "./RequestQueries.ts"
import * as RequestTable from "./RequestTable.ts"
import { failedIn, nowSeconds, readable, readRecord } from "./RequestTable.ts"

/** A record that changes under a transition's hands this often is in nobody's control. */
const maxVersionConflicts = 5

const lostCondition = (error: AwsError): boolean => error.cause instanceof ConditionalCheckFailedException

/** The store over a given client. */
export const make = (client: DynamoDBClient): Effect.Effect<RequestStoreShape, never, Parameters> =>
  Effect.gen(function* () {
    const table = yield* RequestTable.make(client)
    const hashOf = yield* EmailHash.make
    const queries = RequestQueries.make(client, table, hashOf)

    const existing = (record: RequestRecord): ClaimOutcome => ({ isNew: false, record })

    /** One attempt at a claim; a lock whose request has ended (a crash before its release) is taken over, once. */
    const attempt = (
      record: RequestRecord,
      staleLockOf?: string
    ): Effect.Effect<ClaimOutcome, StoreError | IdempotencyConflict> =>
      Effect.gen(function* () {
        const tables = yield* table.tables
        const now = yield* nowSeconds
        const entry = sealed({
          requestId: record.id,
          sequence: 1,
          at: record.submittedAt,
          to: "received",
          previousHash: genesis
        })
        const claimed = { ...record, auditHash: entry.hash }
        const options = { nowSeconds: now, ...(staleLockOf === undefined ? {} : { staleLockOf }) }
        const blockers = yield* table.write("claim", claimWrites(tables, claimed, entry, options))
        const [same, correlated, active] = blockers
        if (blockers.length === 0) return { isNew: true, record: claimed }
        if (same !== undefined) {
          const earlier = yield* readRecord("claim", same)
          return earlier.fingerprint === record.fingerprint
            ? existing(earlier)
            : yield* new IdempotencyConflict({ requestId: earlier.id })
        }
        if (correlated !== undefined) {
          const pointer = yield* readable("claim", pointerFrom(correlated))
          const other = yield* queries.get(pointer.requestId)
          return Option.isSome(other) && pointer.fingerprint === record.fingerprint
            ? existing(other.value)
            : yield* new IdempotencyConflict({ requestId: pointer.requestId })
        }
        const holder = yield* readable("claim", pointerFrom(active ?? {}))
        const current = yield* queries.get(holder.requestId)
        if (Option.isSome(current) && !hasEnded(current.value.status)) {
          // The correlation id leads to the active request from now on, also after that has ended.
          yield* table.write("claim", [correlationWrite(tables.correlation, record, holder.requestId, now)])
          return existing(current.value)
        }
        return staleLockOf === undefined
          ? yield* attempt(record, holder.requestId)
          : yield* new DatabaseError({ operation: "claim", reason: "the active lock is contended" })
      })

    const claim: RequestStoreShape["claim"] = (request: NewRequest, lease: Lease) =>
      attempt({
        ...request,
        status: "received",
        statusRank: statusRank.received,
        updatedAt: request.submittedAt,
        version: 1,
        auditHash: genesis,
        claimOwner: lease.owner,
        leaseUntil: lease.until
      })

    const acquire: RequestStoreShape["acquire"] = Effect.fnUntraced(function* (id, lease, now) {
      const { dsr } = yield* table.tables
      const command = new UpdateItemCommand({
        TableName: dsr,
        Key: marshall({ id }),
        UpdateExpression: "SET claimOwner = :owner, leaseUntil = :until",
        ConditionExpression:
          "attribute_exists(id) AND statusRank < :sent AND (claimOwner = :owner OR leaseUntil <= :now)",
        ExpressionAttributeValues: marshall({
          ":owner": lease.owner,
          ":until": lease.until,
          ":sent": statusRank.submitted,
          ":now": now
        }),
        ReturnValues: "ALL_NEW"
      })
      const outcome = yield* Effect.either(table.run("UpdateItem", client, command))
      if (Either.isRight(outcome)) return Option.some(yield* readRecord("acquire", outcome.right.Attributes ?? {}))
      return lostCondition(outcome.left) ? Option.none() : yield* failedIn("acquire")(outcome.left)
    })

    /** An update that may find its condition lost, and then leaves things as they are. */
    const update = (operation: string, id: string, set: string, condition: string, values: object) =>
      Effect.gen(function* () {
        const { dsr } = yield* table.tables
        const command = new UpdateItemCommand({
          TableName: dsr,
          Key: marshall({ id }),
          UpdateExpression: set,
          ConditionExpression: condition,
          ExpressionAttributeValues: marshall(values)
        })
        yield* table.run("UpdateItem", client, command).pipe(
          Effect.catchIf(lostCondition, () => Effect.void),
          Effect.mapError(failedIn(operation))
        )
      })

    const release: RequestStoreShape["release"] = (id, owner) =>
      update("release", id, "SET leaseUntil = :none", "claimOwner = :owner", { ":owner": owner, ":none": 0 })

    const markSynced: RequestStoreShape["markSynced"] = (id, at) =>
      update("markSynced", id, "SET lastSyncedAt = :at", "attribute_exists(id)", { ":at": at })

    const saveResults: RequestStoreShape["saveResults"] = Effect.fnUntraced(function* (record, results) {
      const { dsr } = yield* table.tables
      const [name, value] =
        results.failureReason === undefined
          ? (["resultLocations", results.resultLocations ?? []] as const)
          : (["failureReason", results.failureReason] as const)
      const command = new UpdateItemCommand({
        TableName: dsr,
        Key: marshall({ id: record.id }),
        UpdateExpression: `SET ${name} = :value REMOVE pendingShard`,
        ConditionExpression: "attribute_exists(id) AND attribute_not_exists(resultLocations)",
        ExpressionAttributeValues: marshall({ ":value": value }),
        ReturnValues: "ALL_NEW"
      })
      const outcome = yield* Effect.either(table.run("UpdateItem", client, command))
      if (Either.isRight(outcome)) return yield* readRecord("saveResults", outcome.right.Attributes ?? {})
      if (!lostCondition(outcome.left)) return yield* failedIn("saveResults")(outcome.left)
      return Option.getOrElse(yield* queries.get(record.id), () => record)
    })

    /** The address that stays: of an erased person a keyed hash, or none while the key cannot be had. */
    const addressAfter = (record: RequestRecord, to: RecordStatus): Effect.Effect<string | undefined> => {
      const { email, type } = record
      if (email === undefined || type !== "delete" || to !== "completed" || EmailHash.isHash(email)) {
        return Effect.succeed(email)
      }
      return Effect.catchAll(hashOf(email), (error) =>
        Effect.as(Effect.logWarning(`the address of an erased person is dropped: ${error.message}`), undefined)
      )
    }

    // Not in one transaction with the end: a lock left behind by a crash is taken over by the next claim.
    const unlock = (dsr: string, record: RequestRecord) =>
      table
        .run(
          "DeleteItem",
          client,
          new DeleteItemCommand({
            TableName: dsr,
            Key: marshall({ id: activeLockId(record.identityId, record.type) }),
            ConditionExpression: "attribute_not_exists(id) OR requestId = :id",
            ExpressionAttributeValues: marshall({ ":id": record.id })
          })
        )
        .pipe(
          Effect.catchAll((error) =>
            Effect.logWarning("the lock of an ended request was not released", Cause.fail(error))
          )
        )

    const move = (
      record: RequestRecord,
      to: RecordStatus,
      facts: TransitionFacts,
      options: TransitionOptions,
      conflicts: number
    ): ReturnType<RequestStoreShape["transition"]> =>
      Effect.gen(function* () {
        if (options.onlyUnsent === true && !isUnsent(record.status)) return Option.some({ record, changed: false })
        const { dsr } = yield* table.tables
        const at = new Date(yield* Clock.currentTimeMillis).toISOString()
        const entry = sealed({
          requestId: record.id,
          sequence: record.version + 1,
          at,
          from: record.status,
          to,
          ...(facts.failureReason === undefined ? {} : { reason: facts.failureReason }),
          previousHash: record.auditHash
        })
        const { email: known, ...rest } = record
        const email = yield* addressAfter(record, to)
        const changes = { ...facts, updatedAt: at, auditHash: entry.hash }
        const blockers = yield* table.write("transition", [
          transitionUpdate(dsr, record, to, email === known ? changes : { ...changes, email }),
          auditWrite(dsr, entry, record.expiresAt, yield* nowSeconds)
        ])
        if (blockers.length === 0) {
          if (hasEnded(to)) yield* unlock(dsr, record)
          const moved = { status: to, statusRank: statusRank[to], version: record.version + 1 }
          const address = email === undefined ? {} : { email }
          return Option.some({ record: { ...rest, ...address, ...changes, ...moved }, changed: true })
        }
        const [standing] = blockers
        if (standing === undefined) {
          return yield* new DatabaseError({ operation: "transition", reason: "the audit trail is ahead of its record" })
        }
        if (Object.keys(standing).length === 0) return Option.none()
        const current = yield* readRecord("transition", standing)
        if (current.statusRank >= statusRank[to]) return Option.some({ record: current, changed: false })
        return conflicts > 0
          ? yield* move(current, to, facts, options, conflicts - 1)
          : yield* new DatabaseError({ operation: "transition", reason: "the record keeps changing" })
      })

    const transition: RequestStoreShape["transition"] = (record, to, facts = {}, options = {}) =>
      move(record, to, facts, options, maxVersionConflicts)

    return { ...queries, claim, acquire, release, transition, saveResults, markSynced }
  })

/** {@link RequestStore} with a client of its own. */
export const layer: Layer.Layer<RequestStore, never, Parameters> = Layer.scoped(
  RequestStore,
  Effect.acquireRelease(
    Effect.sync(() => new DynamoDBClient({ maxAttempts: 1 })),
    (client) => Effect.sync(() => client.destroy())
  ).pipe(Effect.flatMap(make))
)
