/**
 * Everything that can go wrong in MParticle and Baton, as values. Each carries its documented `code`;
 * no message holds personal data: a message is computed from facts that are safe to show.
 */
import * as Schema from "effect/Schema"
import { errorCodes } from "./ErrorCode.ts"
import * as Issue from "./Issue.ts"
import { CallTimeout, CircuitOpen, RateLimited } from "./ResilienceError.ts"

/** The input is not what the contract asks for: `VALIDATION_ERROR`. */
export class ValidationError extends Schema.TaggedError<ValidationError>()("ValidationError", {
  issues: Schema.Array(Issue.Issue),
  reason: Schema.optionalWith(Schema.String, { exact: true })
}) {
  readonly code = "VALIDATION_ERROR"
  readonly retryable = errorCodes.VALIDATION_ERROR.retryable
  override get message(): string {
    return this.issues.length === 0
      ? "The request is not valid"
      : `The request is not valid: ${Issue.render(this.issues)}`
  }
}

/** The input, or the part of it at `path`, has more bytes than are taken: `PAYLOAD_TOO_LARGE`. */
export class PayloadTooLarge extends Schema.TaggedError<PayloadTooLarge>()("PayloadTooLarge", {
  /** `events.3`; empty for the whole input. */
  path: Schema.String,
  limitBytes: Schema.Number
}) {
  readonly code = "PAYLOAD_TOO_LARGE"
  readonly retryable = errorCodes.PAYLOAD_TOO_LARGE.retryable
  override get message(): string {
    return `${this.path === "" ? "The request" : this.path} has more than ${this.limitBytes} bytes`
  }
}

/** The feature flag of the Baton integration is off: `INTEGRATION_DISABLED`. */
export class IntegrationDisabled extends Schema.TaggedError<IntegrationDisabled>()("IntegrationDisabled", {}) {
  readonly code = "INTEGRATION_DISABLED"
  readonly retryable = errorCodes.INTEGRATION_DISABLED.retryable
  override get message(): string {
    return "The Baton integration is switched off"
  }
}

/** No request with this id is known here: `REQUEST_NOT_FOUND`. */
export class RequestNotFound extends Schema.TaggedError<RequestNotFound>()("RequestNotFound", {
  requestId: Schema.String
}) {
  readonly code = "REQUEST_NOT_FOUND"
  readonly retryable = errorCodes.REQUEST_NOT_FOUND.retryable
  override get message(): string {
    return "mParticle request ID not found"
  }
}

/** The same correlation id came with a different request before: `IDEMPOTENCY_CONFLICT`. */
export class IdempotencyConflict extends Schema.TaggedError<IdempotencyConflict>()("IdempotencyConflict", {
  requestId: Schema.String
}) {
  readonly code = "IDEMPOTENCY_CONFLICT"
  readonly retryable = errorCodes.IDEMPOTENCY_CONFLICT.retryable
  override get message(): string {
    return "This correlation id belongs to a different request"
  }
}

/** The request store failed: `DATABASE_ERROR`. `reason` is the store's own error name. */
export class DatabaseError extends Schema.TaggedError<DatabaseError>()("DatabaseError", {
  operation: Schema.String,
  reason: Schema.String
}) {
  readonly code = "DATABASE_ERROR"
  readonly retryable = errorCodes.DATABASE_ERROR.retryable
  override get message(): string {
    return `The request store failed: ${this.operation} (${this.reason})`
  }
}

/** A setting or parameter is missing or unusable: `CONFIGURATION_ERROR`. Names the setting, never its value. */
export class ConfigurationError extends Schema.TaggedError<ConfigurationError>()("ConfigurationError", {
  setting: Schema.String,
  reason: Schema.String
}) {
  readonly code = "CONFIGURATION_ERROR"
  readonly retryable = errorCodes.CONFIGURATION_ERROR.retryable
  override get message(): string {
    return `${this.setting} ${this.reason}`
  }
}

/**
 * mParticle answered with an error status, or with something that is not an answer: `MPARTICLE_API_ERROR`.
 * `upstreamMessage` is mParticle's own text, cleaned of personal data and cut to 500 characters; `flaw` is what makes an
 * answer unusable, without its values.
 */
export class MParticleApiError extends Schema.TaggedError<MParticleApiError>()("MParticleApiError", {
  status: Schema.optionalWith(Schema.Number, { exact: true }),
  upstreamMessage: Schema.optionalWith(Schema.String, { exact: true }),
  flaw: Schema.optionalWith(Schema.String, { exact: true }),
  retryAfterSeconds: Schema.optionalWith(Schema.Number, { exact: true })
}) {
  readonly code = "MPARTICLE_API_ERROR"
  /** No status, 429 and 5xx may pass; any other 4xx stays. */
  get retryable(): boolean {
    return this.status === undefined || this.status === 429 || this.status >= 500
  }
  override get message(): string {
    if (this.status !== undefined) return `mParticle answered ${this.status}`
    return this.flaw === undefined ? "mParticle gave no usable answer" : `mParticle gave no usable answer: ${this.flaw}`
  }
}

/** mParticle could not be reached, or the connection broke before a status: `NETWORK_ERROR`. */
export class NetworkError extends Schema.TaggedError<NetworkError>()("NetworkError", {
  upstream: Schema.String
}) {
  readonly code = "NETWORK_ERROR"
  readonly retryable = errorCodes.NETWORK_ERROR.retryable
  override get message(): string {
    return `No answer from ${this.upstream}: the connection failed`
  }
}

/** The fallback queue did not take a request that mParticle could not take either: `SUBMISSION_FAILED` to a caller. */
export class QueueUnavailable extends Schema.TaggedError<QueueUnavailable>()("QueueUnavailable", {
  reason: Schema.String
}) {
  override get message(): string {
    return `The fallback queue did not take the request (${this.reason})`
  }
}

/** Why a call to mParticle did not succeed. */
export type UpstreamError =
  | MParticleApiError
  | NetworkError
  | CallTimeout
  | CircuitOpen
  | RateLimited
  | ConfigurationError

/** Decodes why a call to mParticle did not succeed. */
export const UpstreamError = Schema.Union(
  MParticleApiError,
  NetworkError,
  CallTimeout,
  CircuitOpen,
  RateLimited,
  ConfigurationError
)

/** The request could not be handed to mParticle: `SUBMISSION_FAILED`, as retryable as its cause. */
export class SubmissionFailed extends Schema.TaggedError<SubmissionFailed>()("SubmissionFailed", {
  requestId: Schema.String,
  upstream: UpstreamError
}) {
  readonly code = "SUBMISSION_FAILED"
  get retryable(): boolean {
    return this.upstream.retryable
  }
  override get message(): string {
    return "Failed to submit DSR to mParticle"
  }
}

/** How long mParticle, or our own guard in front of it, asks to wait. */
export const retryAfterSecondsOf = (error: UpstreamError): number | undefined => {
  switch (error._tag) {
    case "MParticleApiError":
      return error.retryAfterSeconds
    case "CircuitOpen":
    case "RateLimited":
      return Math.ceil(error.retryAfterMillis / 1000)
    case "NetworkError":
    case "CallTimeout":
    case "ConfigurationError":
      return undefined
  }
}

/**
 * mParticle accepted some of the events and not the others: `MPARTICLE_API_ERROR`, as retryable as its cause. The same
 * call under the same correlation id brings those that were not accepted and repeats none.
 */
export class EventsPartlyFailed extends Schema.TaggedError<EventsPartlyFailed>()("EventsPartlyFailed", {
  /** How many events mParticle accepted. */
  accepted: Schema.Number,
  /** How many events it did not. */
  failed: Schema.Number,
  upstream: UpstreamError
}) {
  readonly code = "MPARTICLE_API_ERROR"
  get retryable(): boolean {
    return this.upstream.retryable
  }
  get retryAfterSeconds(): number | undefined {
    return retryAfterSecondsOf(this.upstream)
  }
  override get message(): string {
    return `mParticle accepted ${this.accepted} of ${this.accepted + this.failed} events`
  }
}
