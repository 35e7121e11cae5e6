/** Where data subject requests are kept: every request is here before it is sent anywhere. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type { RecordStatus, RequestId, RequestRecord } from "../schemas/DataSubjectRequest.ts"
import type { ConfigurationError, DatabaseError, IdempotencyConflict } from "../schemas/MParticleError.ts"

/** Why the store could not answer. */
export type StoreError = DatabaseError | ConfigurationError

/** A request as it is claimed: a record that has not moved yet. Its correlation id may be another's: then it is not ours. */
export type NewRequest = Omit<RequestRecord, "status" | "statusRank" | "version" | "updatedAt">

/** What came of a claim: the record is new and ours to send, or one for the same wish was there already. */
export interface ClaimOutcome {
  readonly isNew: boolean
  readonly record: RequestRecord
}

/** Facts that a transition adds to a record. */
export type TransitionFacts = Partial<
  Pick<RequestRecord, "completedAt" | "expectedCompletionTime" | "controllerId" | "failureReason" | "lastSyncedAt">
>

export interface RequestStoreShape {
  /**
   * Writes the record, its correlation entry and the lock of the one active request per person and type, all or
   * nothing. A claim that meets its own earlier record, or the person's active request of the same type, answers
   * the record that is there; one whose correlation id belongs to a different request fails.
   */
  readonly claim: (request: NewRequest) => Effect.Effect<ClaimOutcome, StoreError | IdempotencyConflict>
  /** The record, unless it is not there or has expired. */
  readonly get: (id: RequestId) => Effect.Effect<Option.Option<RequestRecord>, StoreError>
  /**
   * Moves a record forward and answers it as it stands afterwards; one that is there already, or further, stays.
   * An end releases the lock of the active request. Nothing is created where no record is.
   */
  readonly transition: (
    record: RequestRecord,
    to: RecordStatus,
    facts?: TransitionFacts
  ) => Effect.Effect<Option.Option<RequestRecord>, StoreError>
}

/** The request store. */
export class RequestStore extends Context.Tag("integration-services/services/RequestStore")<
  RequestStore,
  RequestStoreShape
>() {}
