/** What only a call over HTTP can meet. */
import * as Schema from "effect/Schema"
import { errorCodes } from "./ErrorCode.ts"

/** Nothing is served at this path with this method: `ROUTE_NOT_FOUND`. */
export class RouteNotFound extends Schema.TaggedError<RouteNotFound>()("RouteNotFound", {}) {
  readonly code = "ROUTE_NOT_FOUND"
  readonly retryable = errorCodes.ROUTE_NOT_FOUND.retryable
  override get message(): string {
    return "There is no such route"
  }
}

/** The answer was not ready when the invocation's time was over: `TIMEOUT`. */
export class OutOfTime extends Schema.TaggedError<OutOfTime>()("OutOfTime", {}) {
  readonly code = "TIMEOUT"
  readonly retryable = errorCodes.TIMEOUT.retryable
  override get message(): string {
    return "The request was not finished in time"
  }
}

/** A defect of ours: `INTERNAL_ERROR`. What it is stands in the log alone. */
export class InternalError extends Schema.TaggedError<InternalError>()("InternalError", {}) {
  readonly code = "INTERNAL_ERROR"
  readonly retryable = errorCodes.INTERNAL_ERROR.retryable
  override get message(): string {
    return "The service has a fault of its own"
  }
}
