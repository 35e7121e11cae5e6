/** What waits in the fallback queue: a request that mParticle could not take, by its id alone. The record holds the rest. */
import * as Schema from "effect/Schema"
import { RequestId } from "./DataSubjectRequest.ts"
import { ErrorCode } from "./ErrorCode.ts"

/** A message of the fallback queue. */
export const FallbackMessage = Schema.Struct({
  type: Schema.Literal("DSR_RETRY"),
  schemaVersion: Schema.Literal(1),
  payload: Schema.Struct({ requestId: RequestId }),
  /** Why the request could not be handed over. */
  originalError: Schema.Struct({
    code: ErrorCode,
    status: Schema.optionalWith(Schema.Number, { exact: true })
  }),
  correlationId: Schema.String,
  /** ISO 8601. */
  firstFailedAt: Schema.String,
  attempt: Schema.Number
})
export type FallbackMessage = typeof FallbackMessage.Type
