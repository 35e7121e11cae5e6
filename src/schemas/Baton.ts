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
import { ErrorCode } from "./ErrorCode.ts"

/** Payload of an initiate: file one erasure or export request for one person. A null counts as absent where a field is optional. */
export const InitiatePayload = Schema.Struct({
  identityId: IdentityId,
  email: Email,
  requestType: RequestType,
  regulation: Schema.optionalWith(Regulation, { nullable: true, default: () => "GDPR" as const }),
  correlationId: Schema.optionalWith(CorrelationId, { nullable: true })
})
export type InitiatePayload = typeof InitiatePayload.Type

/** Payload of a status query. */
export const StatusPayload = Schema.Struct({
  mparticleRequestId: RequestId,
  correlationId: Schema.optionalWith(CorrelationId, { nullable: true })
})
export type StatusPayload = typeof StatusPayload.Type

/** `{action: "initiate", payload}`. Unknown keys are ignored. */
export const InitiateRequest = Schema.Struct({ action: Schema.Literal("initiate"), payload: InitiatePayload })
export type InitiateRequest = typeof InitiateRequest.Type

/** `{action: "status", payload}`. Unknown keys are ignored. */
export const StatusRequest = Schema.Struct({ action: Schema.Literal("status"), payload: StatusPayload })
export type StatusRequest = typeof StatusRequest.Type

/** Anything Baton may send. */
export const BatonRequest = Schema.Union(InitiateRequest, StatusRequest)
export type BatonRequest = typeof BatonRequest.Type

/** A request was filed (`submitted`), or waits for mParticle to come back (`queued`). `timestamp` is the answer's time. */
export const InitiateSuccess = Schema.Struct({
  success: Schema.Literal(true),
  mparticleRequestId: RequestId,
  status: PublicStatus,
  correlationId: CorrelationId,
  timestamp: Schema.String
})
export type InitiateSuccess = typeof InitiateSuccess.Type

/** Where a request stands. `completedAt` only when completed, `downloadUrls` only for completed exports. */
export const StatusSuccess = Schema.Struct({
  success: Schema.Literal(true),
  mparticleRequestId: RequestId,
  status: PublicStatus,
  correlationId: CorrelationId,
  completedAt: Schema.optionalWith(Schema.String, { exact: true }),
  downloadUrls: Schema.optionalWith(Schema.Array(Schema.String), { exact: true }),
  /** Why a failed request failed: `CANCELLED`, `UNKNOWN_AT_PROCESSOR` or the code of mParticle's refusal. */
  details: Schema.optionalWith(Schema.Struct({ reason: Schema.String }), { exact: true }),
  timestamp: Schema.String
})
export type StatusSuccess = typeof StatusSuccess.Type

/** Why a call was refused or failed; `details.retryable` says whether the same call can succeed later. */
export const BatonFailure = Schema.Struct({
  success: Schema.Literal(false),
  error: Schema.Struct({
    code: ErrorCode,
    message: Schema.String,
    details: Schema.Struct({
      retryable: Schema.Boolean,
      retryAfterSeconds: Schema.optionalWith(Schema.Number, { exact: true }),
      mparticleError: Schema.optionalWith(Schema.String, { exact: true }),
      requestId: Schema.optionalWith(Schema.String, { exact: true }),
      reason: Schema.optionalWith(Schema.String, { exact: true }),
      issues: Schema.optionalWith(Schema.Array(Schema.Struct({ path: Schema.String, reason: Schema.String })), {
        exact: true
      })
    })
  }),
  correlationId: Schema.optionalWith(Schema.String, { exact: true })
})
export type BatonFailure = typeof BatonFailure.Type

/** Anything Baton may be answered. */
export const BatonResponse = Schema.Union(InitiateSuccess, StatusSuccess, BatonFailure)
export type BatonResponse = typeof BatonResponse.Type
