/** Baton's door: what `mparticle-api-lambda` is invoked with and what it answers (the envelope `{action, payload}`). */
import * as Schema from "effect/Schema"
import {
  CorrelationId,
  Email,
  IdentityId,
  PublicStatus,
  Regulation,
  RequestId,
  RequestType
} from "./DataSubjectRequest.ts"
import { versioned } from "./ContractVersion.ts"
import { ErrorCode } from "./ErrorCode.ts"
import { Issue } from "./Issue.ts"

/** Payload of an initiate: file one erasure or export request for one person. A null counts as absent where a field is optional. */
export const InitiatePayload = Schema.Struct({
  identityId: IdentityId,
  email: Email,
  requestType: RequestType,
  /** GDPR where none is given. */
  regulation: Schema.optionalWith(Regulation, { nullable: true, default: () => "GDPR" as const }),
  /** Made where none is given. */
  correlationId: Schema.optionalWith(CorrelationId, { nullable: true })
})
export type InitiatePayload = typeof InitiatePayload.Type

/** Payload of a status query. */
export const StatusPayload = Schema.Struct({
  mparticleRequestId: RequestId,
  correlationId: Schema.optionalWith(CorrelationId, { nullable: true })
})
export type StatusPayload = typeof StatusPayload.Type

/** Asks for an erasure or an export: `{action: "initiate", payload}`. Unknown keys are ignored. */
export const InitiateRequest = Schema.Struct({ action: Schema.Literal("initiate"), payload: InitiatePayload })
export type InitiateRequest = typeof InitiateRequest.Type

/** Asks where a request stands: `{action: "status", payload}`. Unknown keys are ignored. */
export const StatusRequest = Schema.Struct({ action: Schema.Literal("status"), payload: StatusPayload })
export type StatusRequest = typeof StatusRequest.Type

/** Anything Baton may send. */
export const BatonRequest = Schema.Union(InitiateRequest, StatusRequest)
export type BatonRequest = typeof BatonRequest.Type

/** A request was filed (`submitted`), or waits for mParticle to come back (`queued`). */
export const InitiateSuccess = Schema.Struct({
  ...versioned,
  success: Schema.Literal(true),
  mparticleRequestId: RequestId,
  status: PublicStatus,
  correlationId: CorrelationId,
  /** The time of the answer. */
  timestamp: Schema.String
})
export type InitiateSuccess = typeof InitiateSuccess.Type

/** `details.reason` of a completed export whose results are not here yet: the same call answers links a little later. */
export const resultsPending = "RESULTS_PENDING"

/** Where a request stands. */
export const StatusSuccess = Schema.Struct({
  ...versioned,
  success: Schema.Literal(true),
  mparticleRequestId: RequestId,
  status: PublicStatus,
  correlationId: CorrelationId,
  /** Only when completed. */
  completedAt: Schema.optionalWith(Schema.String, { exact: true }),
  /** Only for completed exports. */
  downloadUrls: Schema.optionalWith(Schema.Array(Schema.String), { exact: true }),
  /**
   * Why a failed request failed: `CANCELLED`, `UNKNOWN_AT_PROCESSOR` or the code of mParticle's refusal. Or why a completed
   * export has no links: `RESULTS_PENDING` (ask again) or `RESULTS_EXPIRED`.
   */
  details: Schema.optionalWith(Schema.Struct({ reason: Schema.String }), { exact: true }),
  /** The time of the answer. */
  timestamp: Schema.String
})
export type StatusSuccess = typeof StatusSuccess.Type

/** Why a call was refused or failed. */
export const BatonFailure = Schema.Struct({
  ...versioned,
  success: Schema.Literal(false),
  error: Schema.Struct({
    code: ErrorCode,
    message: Schema.String,
    details: Schema.Struct({
      /** Whether the same call can succeed later. */
      retryable: Schema.Boolean,
      /** How long to wait before that. */
      retryAfterSeconds: Schema.optionalWith(Schema.Finite, { exact: true }),
      /** What mParticle answered, or why it could not be asked. */
      mparticleError: Schema.optionalWith(Schema.String, { exact: true }),
      /** The request that this is about. */
      requestId: Schema.optionalWith(Schema.String, { exact: true }),
      /** The cause in one word. */
      reason: Schema.optionalWith(Schema.String, { exact: true }),
      /** Everything that is wrong with the input. */
      issues: Schema.optionalWith(Schema.Array(Issue), { exact: true })
    })
  }),
  correlationId: Schema.optionalWith(Schema.String, { exact: true })
})
export type BatonFailure = typeof BatonFailure.Type

/** Anything Baton may be answered. */
// A union takes the first that fits: after InitiateSuccess, a status would lose the keys that an initiation has not.
export const BatonResponse = Schema.Union(StatusSuccess, InitiateSuccess, BatonFailure)
export type BatonResponse = typeof BatonResponse.Type
