/** Where data subject requests are kept: every request is here before it is sent anywhere. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type { AuditEntry } from "../schemas/AuditEntry.ts"
import type { RecordStatus, RequestId, RequestRecord } from "../schemas/DataSubjectRequest.ts"
import type { ConfigurationError, DatabaseError, IdempotencyConflict } from "../schemas/MParticleError.ts"

/** Why the store could not answer. */
export type StoreError = DatabaseError | ConfigurationError

/** A request as it is claimed: a record that has not moved yet. */
export type NewRequest = Pick<
  RequestRecord,
  | "id"
  | "identityId"
  | "email"
  | "type"
  | "regulation"
  | "submittedAt"
  | "submittedAs"
  | "expiresAt"
  | "fingerprint"
  | "correlationId"
>

/** What came of a claim: the record is new and ours to send, or one for the same wish was there already. */
export interface ClaimOutcome {
  readonly isNew: boolean
  readonly record: RequestRecord
}

/** Facts that a transition adds to a record. */
export type TransitionFacts = Partial<
  Pick<
    RequestRecord,
    | "completedAt"
    | "expectedCompletionTime"
    | "controllerId"
    | "failureReason"
    | "failureStatus"
    | "failureMessage"
    | "lastSyncedAt"
  >
>

/** When a transition is not made. */
export interface TransitionOptions {
  /** Only while the request is not with mParticle: what has been seen there since is worth more. */
  readonly onlyUnsent?: boolean
}

/** A record after a transition; `changed` when it was this transition that moved it. */
export interface Transitioned {
  readonly record: RequestRecord
  readonly changed: boolean
}

/** The right to send a request, for a while. */
export interface Lease {
  readonly owner: string
  /** Epoch milliseconds. */
  readonly until: number
}

/** Where a page of pending requests ends. */
export interface PendingCursor {
  readonly shard: number
  readonly after?: Readonly<Record<string, unknown>>
}

/** Some of the requests that are not settled: they have not ended, or are exports whose results were not copied. */
export interface PendingPage {
  readonly records: ReadonlyArray<RequestRecord>
  readonly next?: PendingCursor
}

/** Keeps the requests: every change is one conditional write. */
export interface RequestStoreShape {
  /**
   * Writes the record under a lease, its correlation entry, the lock of the one active request per person and type and
   * the first entry of its audit trail, all or nothing. A claim that meets its own earlier record, or the person's
   * active request of the same type, answers the record that is there; one whose correlation id belongs to a different
   * request fails.
   */
  readonly claim: (request: NewRequest, lease: Lease) => Effect.Effect<ClaimOutcome, StoreError | IdempotencyConflict>
  /**
   * Takes or prolongs the lease of a request that is not sent yet: when it is ours, or has lapsed at `now` (epoch
   * milliseconds). None when another holds it, or there is nothing left to send.
   */
  readonly acquire: (
    id: RequestId,
    lease: Lease,
    now: number
  ) => Effect.Effect<Option.Option<RequestRecord>, StoreError>
  /** Gives the lease back, if it is still ours, so that the next one need not wait for it to lapse. */
  readonly release: (id: RequestId, owner: string) => Effect.Effect<void, StoreError>
  /** The record, unless it is not there or has expired. */
  readonly get: (id: RequestId) => Effect.Effect<Option.Option<RequestRecord>, StoreError>
  /** The records of many ids, in their order; ids may repeat. */
  readonly getMany: (
    ids: ReadonlyArray<RequestId>
  ) => Effect.Effect<ReadonlyArray<Option.Option<RequestRecord>>, StoreError>
  /** The newest 50 requests for an e-mail address, in whatever spelling, newest first. */
  readonly findByEmail: (email: string) => Effect.Effect<ReadonlyArray<RequestRecord>, StoreError>
  /**
   * Moves a record forward, with an entry in its audit trail, and answers it as it stands afterwards; one that is there
   * already, or further, stays. An end releases the lock of the active request. Nothing is created where no record is.
   */
  readonly transition: (
    record: RequestRecord,
    to: RecordStatus,
    facts?: TransitionFacts,
    options?: TransitionOptions
  ) => Effect.Effect<Option.Option<Transitioned>, StoreError>
  /**
   * Notes where the results of a completed export are (none, when mParticle had nothing), or why there are none to be
   * had any more. What is noted stays; answers the record as it stands.
   */
  readonly saveResults: (
    record: RequestRecord,
    results: Pick<RequestRecord, "resultLocations" | "failureReason">
  ) => Effect.Effect<RequestRecord, StoreError>
  /** Everything that somebody has to look after, what is due first first within a page; pages follow by `next`. */
  readonly pending: (cursor?: PendingCursor) => Effect.Effect<PendingPage, StoreError>
  /** Notes when mParticle was last asked, without a change of state. */
  readonly markSynced: (id: RequestId, at: string) => Effect.Effect<void, StoreError>
  /** The audit trail of a request, in order. */
  readonly auditTrail: (record: RequestRecord) => Effect.Effect<ReadonlyArray<AuditEntry>, StoreError>
}

/** The request store. */
export class RequestStore extends Context.Tag("integration-services/services/RequestStore")<
  RequestStore,
  RequestStoreShape
>() {}
