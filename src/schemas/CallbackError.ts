/** Why a callback was not believed, as values. The answer tells a caller nothing of it: `reason` is for metric and log. */
import * as Schema from "effect/Schema"
import { errorCodes } from "./ErrorCode.ts"

/** What was wrong with a callback's proof. */
export const RefusalReason = Schema.Literal(
  "BODY_MISSING",
  "DOMAIN_NOT_ALLOWED",
  "SIGNATURE_MISSING",
  "SIGNATURE_MALFORMED",
  "SIGNATURE_MISMATCH",
  "CHAIN_UNTRUSTED",
  "NOT_YET_VALID",
  "EXPIRED",
  "SUBJECT_MISMATCH",
  "KEY_UNSUITABLE",
  "PIN_MISMATCH"
)
export type RefusalReason = typeof RefusalReason.Type

/**
 * A callback is not proved to come from mParticle: `CERTIFICATE_VALIDATION_ERROR`, with one message for all reasons.
 * `certificateSubject` is whom the certificate names that it was held against, where it came to that.
 */
export class CertificateValidationError extends Schema.TaggedError<CertificateValidationError>()(
  "CertificateValidationError",
  { reason: RefusalReason, certificateSubject: Schema.optionalWith(Schema.String, { exact: true }) }
) {
  readonly code = "CERTIFICATE_VALIDATION_ERROR"
  readonly retryable = errorCodes.CERTIFICATE_VALIDATION_ERROR.retryable
  override get message(): string {
    return "The callback could not be authenticated"
  }
}

/** mParticle's certificate could not be had, so nothing can be said of a callback: `CERTIFICATE_UNAVAILABLE`. */
export class CertificateUnavailable extends Schema.TaggedError<CertificateUnavailable>()("CertificateUnavailable", {
  reason: Schema.Literal(
    "DISCOVERY_FAILED",
    "CERTIFICATE_FETCH_FAILED",
    "CERTIFICATE_URL_NOT_ALLOWED",
    "CERTIFICATE_UNREADABLE",
    "ANCHORS_UNREADABLE"
  )
}) {
  readonly code = "CERTIFICATE_UNAVAILABLE"
  readonly retryable = errorCodes.CERTIFICATE_UNAVAILABLE.retryable
  override get message(): string {
    return "The processor's certificate is not available right now"
  }
}
