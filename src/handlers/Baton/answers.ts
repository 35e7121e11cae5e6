/** What Baton is answered, in the dialect of its request, out of a record or an error. */
import * as Match from "effect/Match"
import { type BatonFailure, type InitiateSuccess, resultsPending, type StatusSuccess } from "../../schemas/Baton.ts"
import type { FlatInitiate, FlatInitiated, FlatStanding, FlatState, FlatStatus } from "../../schemas/BatonFlat.ts"
import {
  type CorrelationId,
  hasEnded,
  type PublicStatus,
  publicStatus,
  type RequestRecord
} from "../../schemas/DataSubjectRequest.ts"
import type { SubmissionFailed } from "../../schemas/MParticleError.ts"
import type { BatonError } from "../../services/Baton.ts"
import { isUncopied } from "../../services/Reconciliation/Rules.ts"

type Details = Omit<BatonFailure["error"]["details"], "retryable">

/** Milliseconds as whole seconds, never fewer. */
export const seconds = (millis: number): number => Math.ceil(millis / 1000)

/** What may be told of mParticle's side of a failure. */
export const upstreamDetails = (upstream: SubmissionFailed["upstream"]): Details =>
  Match.valueTags(upstream, {
    MParticleApiError: (error): Details => ({
      mparticleError: error.upstreamMessage ?? error.message,
      ...(error.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: error.retryAfterSeconds })
    }),
    NetworkError: (error): Details => ({ mparticleError: error.message }),
    CallTimeout: (error): Details => ({ mparticleError: error.message }),
    CircuitOpen: (error): Details => ({
      mparticleError: error.message,
      retryAfterSeconds: seconds(error.retryAfterMillis)
    }),
    RateLimited: (error): Details => ({
      mparticleError: error.message,
      retryAfterSeconds: seconds(error.retryAfterMillis)
    }),
    ConfigurationError: (error): Details => ({ mparticleError: error.message })
  })

/** The facts of an error that an answer shows beside its code: an error without a line here does not type-check. */
const details = (error: BatonError): Details =>
  Match.valueTags(error, {
    ValidationError: ({ issues, reason }): Details => ({ issues, ...(reason === undefined ? {} : { reason }) }),
    IntegrationDisabled: (): Details => ({}),
    RequestNotFound: ({ requestId }): Details => ({ requestId }),
    IdempotencyConflict: ({ requestId }): Details => ({ requestId }),
    DatabaseError: ({ reason }): Details => ({ reason }),
    ConfigurationError: ({ setting }): Details => ({ reason: setting }),
    SubmissionFailed: ({ requestId, upstream }): Details => ({ requestId, ...upstreamDetails(upstream) })
  })

/** The answer to a failed call, the same in both dialects: code, message and what the caller may do about it. */
export const toBatonResponse = (error: BatonError, correlationId: string): BatonFailure => ({
  success: false,
  error: { code: error.code, message: error.message, details: { retryable: error.retryable, ...details(error) } },
  correlationId
})

/** The answer to an initiation. */
export const initiated = (record: RequestRecord, correlationId: CorrelationId, timestamp: string): InitiateSuccess => ({
  success: true,
  mparticleRequestId: record.id,
  status: publicStatus(record.status),
  correlationId,
  timestamp
})

/** Why a request failed, or why a completed export has no results to give out (now, or any more). */
const reasonOf = (
  record: RequestRecord,
  downloadUrls: ReadonlyArray<string>
): { readonly details?: { readonly reason: string } } => {
  const unsigned = (record.resultLocations ?? []).length > downloadUrls.length
  const pending = isUncopied(record) || (record.status === "completed" && unsigned)
  const reason = pending ? resultsPending : hasEnded(record.status) ? record.failureReason : undefined
  return reason === undefined ? {} : { details: { reason } }
}

/** The links of a completed export, as soon as its results are here. */
const exported = (
  record: RequestRecord,
  downloadUrls: ReadonlyArray<string>
): { readonly downloadUrls?: ReadonlyArray<string> } =>
  record.status === "completed" && record.type === "export" && !isUncopied(record) ? { downloadUrls } : {}

/** What both answers about an export's results say, in whatever protocol. */
export const resultsOf = (record: RequestRecord, downloadUrls: ReadonlyArray<string>) => ({
  ...exported(record, downloadUrls),
  ...reasonOf(record, downloadUrls)
})

/** The answer to a status query. */
export const standing = (
  record: RequestRecord,
  downloadUrls: ReadonlyArray<string>,
  correlationId: CorrelationId,
  timestamp: string
): StatusSuccess => ({
  ...initiated(record, correlationId, timestamp),
  ...(record.status === "completed" && record.completedAt !== undefined ? { completedAt: record.completedAt } : {}),
  ...resultsOf(record, downloadUrls)
})

const flatState: Readonly<Record<PublicStatus, FlatState>> = {
  queued: "pending",
  submitted: "pending",
  in_progress: "pending",
  completed: "completed",
  failed: "failed"
}

const message = (record: RequestRecord): string =>
  `mParticle request ${record.id}${
    record.expectedCompletionTime === undefined ? "" : `, expected completion ${record.expectedCompletionTime}`
  }`

/** The flat answer to an initiation. */
export const flatInitiated = (request: FlatInitiate, record: RequestRecord): FlatInitiated => ({
  requestType: request.requestType,
  action: "initiate",
  dataProvider: request.dataProvider,
  status: flatState[publicStatus(record.status)],
  initiationReference: record.id,
  message: message(record)
})

/** The flat answer to a status query. */
export const flatStanding = (request: FlatStatus, record: RequestRecord): FlatStanding => ({
  requestType: request.requestType,
  action: "status",
  dataProvider: request.dataProvider,
  // This dialect cannot say that an export is completed and not here yet.
  status: isUncopied(record) ? "pending" : flatState[publicStatus(record.status)],
  message: message(record),
  ...(record.status === "completed" && record.type === "export" && !isUncopied(record)
    ? { resultLocations: record.resultLocations ?? [] }
    : {})
})
