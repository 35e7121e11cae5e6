/** What a caller over HTTP is told instead of a success: one envelope, and one line here for every error. */
import * as Match from "effect/Match"
import { contractVersion, contractVersionField } from "../../schemas/ContractVersion.ts"
import { errorCodes } from "../../schemas/ErrorCode.ts"
import type { HttpFailure } from "../../schemas/Http.ts"
import type { InternalError, OutOfTime, RouteNotFound } from "../../schemas/HttpError.ts"
import type { VerificationError } from "../../services/CallbackVerifier.ts"
import type { EventsError } from "../../services/Events.ts"
import type { FindError, ObserveError, SubmitError } from "../../services/MParticle.ts"
import { seconds, upstreamDetails } from "../Baton/answers.ts"
import type { HttpAnswer } from "../Lambda/Http.ts"
import type { InputError } from "../Lambda/HttpRouter.ts"

/** Everything that a caller over HTTP may be told instead of a success. */
export type HttpError =
  | InputError
  | RouteNotFound
  | SubmitError
  | FindError
  | ObserveError
  | VerificationError
  | EventsError
  | OutOfTime
  | InternalError

type Details = Omit<HttpFailure["error"]["details"], "retryable">

/** The facts of an error that an answer shows beside its code: an error without a line here does not type-check. */
const details = (error: HttpError): Details =>
  Match.valueTags(error, {
    ValidationError: ({ issues, reason }): Details => ({ issues, ...(reason === undefined ? {} : { reason }) }),
    PayloadTooLarge: (): Details => ({}),
    RouteNotFound: (): Details => ({}),
    RequestNotFound: ({ requestId }): Details => ({ requestId }),
    IdempotencyConflict: ({ requestId }): Details => ({ requestId }),
    DatabaseError: ({ reason }): Details => ({ reason }),
    ConfigurationError: ({ setting }): Details => ({ reason: setting }),
    SubmissionFailed: ({ requestId, upstream }): Details => ({ requestId, ...upstreamDetails(upstream) }),
    // Which of the checks failed is nobody's business outside.
    CertificateValidationError: (): Details => ({}),
    CertificateUnavailable: (): Details => ({}),
    EventsPartlyFailed: ({ accepted, failed, retryAfterSeconds }): Details => ({
      accepted,
      failed,
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds })
    }),
    MParticleApiError: (error): Details => upstreamDetails(error),
    NetworkError: (): Details => ({}),
    CallTimeout: (): Details => ({}),
    CircuitOpen: ({ retryAfterMillis }): Details => ({ retryAfterSeconds: seconds(retryAfterMillis) }),
    RateLimited: ({ retryAfterMillis }): Details => ({ retryAfterSeconds: seconds(retryAfterMillis) }),
    OutOfTime: (): Details => ({}),
    InternalError: (): Details => ({})
  })

/** The headers of every answer. */
export const commonHeaders: Readonly<Record<string, string>> = { [contractVersionField]: contractVersion }

/** The answer to a call that failed; `timestamp` is ISO 8601. */
export const toHttpResponse = (error: HttpError, requestId: string, timestamp: string): HttpAnswer => {
  const facts = details(error)
  const body: HttpFailure = {
    error: { code: error.code, message: error.message, details: { retryable: error.retryable, ...facts } },
    timestamp,
    request_id: requestId
  }
  return {
    status: errorCodes[error.code].statusCode,
    headers: {
      ...commonHeaders,
      ...(facts.retryAfterSeconds === undefined ? {} : { "retry-after": String(facts.retryAfterSeconds) })
    },
    body: JSON.stringify(body)
  }
}
