/** The documented codes of Staging (contract A1.9), with what each means to whoever sent the message. */

/** What follows from a code. */
export interface CodeMeaning {
  /** The HTTP status of a JSON answer; Twilio is answered 503 for what is transient, and otherwise 200. */
  readonly status: number
  /** Whether the same message can be taken a little later: the sender is to try again. */
  readonly transient: boolean
  /**
   * What becomes of a message that is authenticated: `answer` means that the answer is all there is to say, `park` that
   * the message is kept until it can be taken.
   */
  readonly authenticated: "answer" | "park"
  /** What the customer is told on a Twilio channel; nothing when left out. */
  readonly reply?: string
  /** The metric that counts it, beside the one that counts every code. */
  readonly metric?: string
}

const ours = { status: 500, transient: false, authenticated: "park" } as const
const later = { status: 503, transient: true, authenticated: "park" } as const
const badInput = { status: 400, transient: false, authenticated: "answer" } as const
const forbidden = { status: 403, transient: false, authenticated: "answer" } as const

/** Every documented code with its meaning. */
export const stagingCodes = {
  PARSING_ERROR: badInput,
  UNSUPPORTED_CHANNEL: badInput,
  UNKNOWN_CHANNEL: badInput,
  VALIDATION_FAILED: badInput,
  INVALID_INPUT: badInput,
  MISSING_REQUIRED_FIELD: badInput,
  // Once a message is authenticated its conversation was there a moment ago: it is kept for somebody to look at.
  CONVERSATION_NOT_FOUND: { ...ours, status: 404, metric: "CredentialLookupNotFoundCount" },
  NOT_FOUND: { ...ours, status: 404, metric: "CredentialLookupNotFoundCount" },
  MISSING_CREDENTIAL_CONFIG: { ...ours, metric: "CredentialLookupNotFoundCount" },
  DB_TRANSIENT_ERROR: later,
  DB_CONFIG_ERROR: ours,
  DB_VALIDATION_ERROR: ours,
  DB_QUERY_ERROR: ours,
  DB_GET_ITEM_ERROR: ours,
  SECRET_FETCH_FAILED: { ...ours, metric: "SecretFetchFailedCount" },
  SECRET_FETCH_TRANSIENT_ERROR: later,
  INVALID_SIGNATURE: { ...forbidden, metric: "InvalidSignatureCount" },
  PROJECT_INACTIVE: forbidden,
  CHANNEL_NOT_ALLOWED: forbidden,
  CONVERSATION_LOCKED: {
    status: 409,
    transient: false,
    authenticated: "answer",
    reply: "I'm processing your previous message. Please wait for my response before sending more."
  },
  ROUTING_ERROR: ours,
  STAGE_DB_TRANSIENT_ERROR: later,
  STAGE_DB_CONFIG_ERROR: ours,
  STAGE_DB_VALIDATION_ERROR: ours,
  STAGE_WRITE_ERROR: ours,
  TRIGGER_DB_TRANSIENT_ERROR: later,
  TRIGGER_DB_CONFIG_ERROR: ours,
  TRIGGER_DB_VALIDATION_ERROR: ours,
  TRIGGER_LOCK_WRITE_ERROR: ours,
  SQS_TRANSIENT_ERROR: later,
  SQS_CONFIG_ERROR: ours,
  SQS_PARAMETER_ERROR: ours,
  SQS_SEND_ERROR: ours,
  QUEUE_ERROR: ours,
  CONFIGURATION_ERROR: ours,
  INTERNAL_ERROR: { ...ours, metric: "InternalErrorCount" }
} as const satisfies Readonly<Record<string, CodeMeaning>>

/** One documented code. */
export type StagingCode = keyof typeof stagingCodes

/** What a code means. */
export const meaningOf = (code: StagingCode): CodeMeaning => stagingCodes[code]

/** The codes that a sender is to try again for. */
export type TransientCode = {
  readonly [Code in StagingCode]: (typeof stagingCodes)[Code] extends { readonly transient: true } ? Code : never
}[StagingCode]
