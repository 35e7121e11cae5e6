/** The documented error codes of MParticle and Baton, with what each means to a caller. */
import * as Schema from "effect/Schema"

/** What a caller may conclude from a code. */
export interface ErrorMeaning {
  /** The HTTP status of an answer with this code. */
  readonly statusCode: number
  /** Whether the same call can succeed later without being changed; `"by cause"` when the error itself knows. */
  readonly retryable: boolean | "by cause"
}

/** Every documented code of MParticle and Baton: its HTTP status and whether a retry can help. */
export const errorCodes = {
  VALIDATION_ERROR: { statusCode: 400, retryable: false },
  CERTIFICATE_VALIDATION_ERROR: { statusCode: 401, retryable: false },
  ACCOUNT_NOT_ALLOWED: { statusCode: 403, retryable: false },
  ROUTE_NOT_FOUND: { statusCode: 404, retryable: false },
  REQUEST_NOT_FOUND: { statusCode: 404, retryable: false },
  IDEMPOTENCY_CONFLICT: { statusCode: 409, retryable: false },
  PAYLOAD_TOO_LARGE: { statusCode: 413, retryable: false },
  RATE_LIMITED: { statusCode: 429, retryable: true },
  CONFIGURATION_ERROR: { statusCode: 500, retryable: false },
  DATABASE_ERROR: { statusCode: 500, retryable: true },
  INTERNAL_ERROR: { statusCode: 500, retryable: false },
  MPARTICLE_API_ERROR: { statusCode: 502, retryable: "by cause" },
  NETWORK_ERROR: { statusCode: 502, retryable: true },
  SUBMISSION_FAILED: { statusCode: 502, retryable: "by cause" },
  CERTIFICATE_UNAVAILABLE: { statusCode: 503, retryable: true },
  CIRCUIT_OPEN: { statusCode: 503, retryable: true },
  INTEGRATION_DISABLED: { statusCode: 503, retryable: false },
  TIMEOUT: { statusCode: 504, retryable: true }
} as const satisfies Record<string, ErrorMeaning>

/** One documented error code. */
export type ErrorCode = keyof typeof errorCodes

/** What went wrong, as one documented code. Codes may be added: a client must be ready for one that it does not know. */
export const ErrorCode: Schema.Schema<ErrorCode> = Schema.Literal(
  ...(Object.keys(errorCodes) as [ErrorCode, ...Array<ErrorCode>])
).annotations({ jsonSchema: { "x-open": true } })
