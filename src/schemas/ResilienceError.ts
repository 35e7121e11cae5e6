/** What our own guards around a call to an upstream say instead of the upstream's answer. */
import * as Schema from "effect/Schema"
import { errorCodes } from "./ErrorCode.ts"

/** A call took longer than it may: `TIMEOUT`. */
export class CallTimeout extends Schema.TaggedError<CallTimeout>()("CallTimeout", {
  upstream: Schema.String,
  milliseconds: Schema.Number
}) {
  readonly code = "TIMEOUT"
  readonly retryable = errorCodes.TIMEOUT.retryable
  override get message(): string {
    return `No answer from ${this.upstream} within ${this.milliseconds} ms`
  }
}

/** The upstream failed too often, so it is left alone for a while: `CIRCUIT_OPEN`. Never retried in the same process. */
export class CircuitOpen extends Schema.TaggedError<CircuitOpen>()("CircuitOpen", {
  upstream: Schema.String,
  /** Milliseconds until a call may try again. */
  retryAfterMillis: Schema.Number
}) {
  readonly code = "CIRCUIT_OPEN"
  readonly retryable = errorCodes.CIRCUIT_OPEN.retryable
  override get message(): string {
    return `${this.upstream} is left alone after repeated failures`
  }
}

/** A call would go over the upstream's quota: `RATE_LIMITED`. */
export class RateLimited extends Schema.TaggedError<RateLimited>()("RateLimited", {
  upstream: Schema.String,
  /** Milliseconds until the quota has room again. */
  retryAfterMillis: Schema.Number
}) {
  readonly code = "RATE_LIMITED"
  readonly retryable = errorCodes.RATE_LIMITED.retryable
  override get message(): string {
    return `The quota of calls to ${this.upstream} is used up`
  }
}
