/** A request store in memory, for tests in which the clock decides: it answers at once and fails when it is told to. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { genesis, sealed } from "../../src/layers/MParticle/AuditChain.ts"
import { isSettled } from "../../src/layers/MParticle/pendingIndex.ts"
import { activeLockId, normalisedEmail } from "../../src/layers/MParticle/hashing.ts"
import type { AuditEntry } from "../../src/schemas/AuditEntry.ts"
import {
  hasEnded,
  isUnsent,
  type RecordStatus,
  type RequestId,
  type RequestRecord,
  statusRank
} from "../../src/schemas/DataSubjectRequest.ts"
import { DatabaseError, IdempotencyConflict } from "../../src/schemas/MParticleError.ts"
import {
  type ClaimOutcome,
  type Lease,
  type NewRequest,
  RequestStore,
  type RequestStoreShape,
  type TransitionFacts
} from "../../src/services/RequestStore.ts"

export type StoreOperation = keyof RequestStoreShape

interface Pointer {
  readonly requestId: RequestId
  readonly fingerprint?: string
  readonly expiresAt: number
}

export interface MemoryStoreShape {
  readonly records: Map<RequestId, RequestRecord>
  /** What the store was asked to do, in order. */
  readonly operations: Array<StoreOperation>
  /** Whether an operation fails with `DatabaseError`; nothing is written then. */
  fails: (operation: StoreOperation) => boolean
}

/** What is in the store, and the way to break it. */
export class MemoryStore extends Context.Tag("test/MemoryStore")<MemoryStore, MemoryStoreShape>() {}

const newestFirst = 50

const standing = <A extends { readonly expiresAt: number }>(item: A | undefined, now: number): A | undefined =>
  item !== undefined && item.expiresAt > Math.floor(now / 1000) ? item : undefined

const storeOver = (memory: MemoryStoreShape): RequestStoreShape => {
  const { records } = memory
  const correlations = new Map<string, Pointer>()
  const locks = new Map<string, Pointer>()
  const entries = new Map<RequestId, ReadonlyArray<AuditEntry>>()

  /** One operation: all of it at one moment, as a conditional write is. */
  const operation = <A>(name: StoreOperation, run: (now: number) => A): Effect.Effect<A, DatabaseError> =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      memory.operations.push(name)
      return memory.fails(name)
        ? Effect.fail(new DatabaseError({ operation: name, reason: "InternalServerError" }))
        : Effect.sync(() => run(now))
    })

  const append = (entry: AuditEntry): void =>
    void entries.set(entry.requestId, [...(entries.get(entry.requestId) ?? []), entry])

  const conflict = (requestId: RequestId) => Effect.fail(new IdempotencyConflict({ requestId }))

  const existing = (record: RequestRecord): Effect.Effect<ClaimOutcome> => Effect.succeed({ isNew: false, record })

  const claimed = (
    request: NewRequest,
    lease: Lease,
    now: number
  ): Effect.Effect<ClaimOutcome, IdempotencyConflict> => {
    const same = standing(records.get(request.id), now)
    if (same !== undefined) return same.fingerprint === request.fingerprint ? existing(same) : conflict(same.id)
    const pointer = { requestId: request.id, fingerprint: request.fingerprint, expiresAt: request.expiresAt }
    const correlated = standing(correlations.get(request.correlationId), now)
    if (correlated !== undefined) {
      const other = standing(records.get(correlated.requestId), now)
      return other !== undefined && correlated.fingerprint === request.fingerprint
        ? existing(other)
        : conflict(correlated.requestId)
    }
    const lockId = activeLockId(request.identityId, request.type)
    const holder = standing(locks.get(lockId), now)
    const active = holder === undefined ? undefined : standing(records.get(holder.requestId), now)
    if (active !== undefined && !hasEnded(active.status)) {
      correlations.set(request.correlationId, { ...pointer, requestId: active.id })
      return existing(active)
    }
    const first = { requestId: request.id, sequence: 1, at: request.submittedAt, to: "received" as const }
    const entry = sealed({ ...first, previousHash: genesis })
    const record: RequestRecord = {
      ...request,
      status: "received",
      statusRank: statusRank.received,
      updatedAt: request.submittedAt,
      version: 1,
      auditHash: entry.hash,
      claimOwner: lease.owner,
      leaseUntil: lease.until
    }
    records.set(record.id, record)
    correlations.set(record.correlationId, pointer)
    locks.set(lockId, { requestId: record.id, expiresAt: record.expiresAt })
    entries.delete(record.id)
    append(entry)
    return Effect.succeed({ isNew: true, record })
  }

  const changed = (id: RequestId, change: (record: RequestRecord) => RequestRecord | undefined) => {
    const record = records.get(id)
    const next = record === undefined ? undefined : change(record)
    if (next !== undefined) records.set(id, next)
    return Option.fromNullable(next)
  }

  const move = (id: RequestId, to: RecordStatus, facts: TransitionFacts, now: number) => {
    const record = records.get(id)
    if (record === undefined) return Option.none()
    if (record.statusRank >= statusRank[to]) return Option.some({ record, changed: false })
    const at = new Date(now).toISOString()
    const entry = sealed({
      requestId: id,
      sequence: record.version + 1,
      at,
      from: record.status,
      to,
      ...(facts.failureReason === undefined ? {} : { reason: facts.failureReason }),
      previousHash: record.auditHash
    })
    append(entry)
    const version = record.version + 1
    const next = {
      ...record,
      ...facts,
      updatedAt: at,
      auditHash: entry.hash,
      status: to,
      statusRank: statusRank[to],
      version
    }
    records.set(id, next)
    const lockId = activeLockId(record.identityId, record.type)
    if (hasEnded(to) && locks.get(lockId)?.requestId === id) locks.delete(lockId)
    return Option.some({ record: next, changed: true })
  }

  const read = (id: RequestId, now: number) => Option.fromNullable(standing(records.get(id), now))

  return {
    claim: (request, lease) => Effect.flatten(operation("claim", (now) => claimed(request, lease, now))),
    acquire: (id, lease, at) =>
      operation("acquire", () =>
        changed(id, (record) =>
          isUnsent(record.status) && (record.claimOwner === lease.owner || record.leaseUntil <= at)
            ? { ...record, claimOwner: lease.owner, leaseUntil: lease.until }
            : undefined
        )
      ),
    release: (id, owner) =>
      operation("release", () => {
        changed(id, (record) => (record.claimOwner === owner ? { ...record, leaseUntil: 0 } : undefined))
      }),
    get: (id) => operation("get", (now) => read(id, now)),
    getMany: (ids) => operation("getMany", (now) => ids.map((id) => read(id, now))),
    findByEmail: (email) =>
      operation("findByEmail", (now) =>
        [...records.values()]
          .filter((record) => record.email === normalisedEmail(email) && standing(record, now) !== undefined)
          .toSorted((one, other) => (one.submittedAt < other.submittedAt ? 1 : -1))
          .slice(0, newestFirst)
      ),
    transition: (record, to, facts = {}, { onlyUnsent = false } = {}) =>
      operation("transition", (now) => {
        const current = records.get(record.id)
        return onlyUnsent && current !== undefined && !isUnsent(current.status)
          ? Option.some({ record: current, changed: false })
          : move(record.id, to, facts, now)
      }),
    saveResults: (record, results) =>
      operation("saveResults", () =>
        Option.getOrElse(
          changed(record.id, (current) =>
            current.resultLocations === undefined ? { ...current, ...results } : undefined
          ),
          () => records.get(record.id) ?? record
        )
      ),
    pending: () =>
      operation("pending", (now) => ({
        records: [...records.values()].filter((record) => !isSettled(record) && standing(record, now) !== undefined)
      })),
    markSynced: (id, at) =>
      operation("markSynced", () => {
        changed(id, (record) => ({ ...record, lastSyncedAt: at }))
      }),
    auditTrail: ({ id, version }) => operation("auditTrail", () => (entries.get(id) ?? []).slice(0, version))
  }
}

/** An empty store. */
export const layer: Layer.Layer<RequestStore | MemoryStore> = Layer.effectContext(
  Effect.sync(() => {
    const memory: MemoryStoreShape = { records: new Map(), operations: [], fails: () => false }
    return Context.make(MemoryStore, memory).pipe(Context.add(RequestStore, storeOver(memory)))
  })
)
