/** What an AWS error name means for the caller: one table per service. */

/** `transient`: the same call may succeed later. `permanent`: it will not. `conditionFailed`: a write's condition did not hold. */
export type AwsErrorKind = "transient" | "permanent" | "conditionFailed"

/** The AWS services that the product calls. */
export type AwsService = "dynamodb" | "sqs" | "s3" | "secretsmanager" | "ssm"

/** Credentials that expired or are not there yet come back with the next rotation or metadata call. */
const credentials = {
  ExpiredTokenException: "transient",
  ExpiredToken: "transient",
  CredentialsProviderError: "transient",
  RequestTimeTooSkewed: "transient",
  RequestExpired: "transient",
  UnrecognizedClientException: "transient",
  InvalidClientTokenId: "transient",
  InvalidSignatureException: "transient",
  SignatureDoesNotMatch: "transient"
} as const

const table: Readonly<Record<AwsService, Readonly<Record<string, AwsErrorKind>>>> = {
  dynamodb: {
    ...credentials,
    ProvisionedThroughputExceededException: "transient",
    RequestLimitExceeded: "transient",
    ThrottlingException: "transient",
    InternalServerError: "transient",
    ServiceUnavailable: "transient",
    TransactionInProgressException: "transient",
    TransactionConflictException: "transient",
    ReplicatedWriteConflictException: "transient",
    LimitExceededException: "transient",
    ResourceNotFoundException: "permanent",
    AccessDeniedException: "permanent",
    ValidationException: "permanent",
    ItemCollectionSizeLimitExceededException: "permanent",
    IdempotentParameterMismatchException: "permanent",
    ConditionalCheckFailedException: "conditionFailed"
  },
  sqs: {
    ...credentials,
    ServiceUnavailable: "transient",
    InternalFailure: "transient",
    InternalError: "transient",
    ThrottlingException: "transient",
    RequestThrottled: "transient",
    OverLimit: "transient",
    KmsThrottled: "transient",
    "KMS.ThrottlingException": "transient",
    QueueDoesNotExist: "permanent",
    "AWS.SimpleQueueService.NonExistentQueue": "permanent",
    AccessDenied: "permanent",
    AccessDeniedException: "permanent",
    InvalidParameterValue: "permanent",
    InvalidParameterCombination: "permanent",
    InvalidMessageContents: "permanent",
    MessageNotInflight: "permanent"
  },
  s3: {
    ...credentials,
    SlowDown: "transient",
    InternalError: "transient",
    ServiceUnavailable: "transient",
    RequestTimeout: "transient",
    ConditionalRequestConflict: "transient",
    OperationAborted: "transient",
    NoSuchBucket: "permanent",
    NoSuchKey: "permanent",
    NotFound: "permanent",
    AccessDenied: "permanent",
    PreconditionFailed: "conditionFailed"
  },
  secretsmanager: {
    ...credentials,
    InternalServiceError: "transient",
    InternalServiceFailure: "transient",
    ThrottlingException: "transient",
    ResourceNotFoundException: "permanent",
    InvalidParameterException: "permanent",
    InvalidRequestException: "permanent",
    DecryptionFailure: "permanent",
    AccessDeniedException: "permanent"
  },
  ssm: {
    ...credentials,
    InternalServerError: "transient",
    ThrottlingException: "transient",
    TooManyUpdates: "transient",
    ParameterNotFound: "permanent",
    InvalidKeyId: "permanent",
    AccessDeniedException: "permanent",
    ValidationException: "permanent"
  }
}

/** Node's names of a connection that failed or broke, and the SDK's names of a call that took too long. */
const network = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ERR_SOCKET_CONNECTION_TIMEOUT",
  "TimeoutError",
  "NetworkingError",
  "RequestTimeout"
])

/** The reasons for which DynamoDB cancels a transaction and the same transaction may pass later. */
const transientCancellations = new Set([
  "TransactionConflict",
  "ThrottlingError",
  "ProvisionedThroughputExceeded",
  "RequestLimitExceeded"
])

/** The parts of an SDK error that decide. */
export interface AwsErrorFacts {
  readonly name: string
  readonly nodeCode?: string
  readonly status?: number
  readonly cancellations?: ReadonlyArray<string>
}

const transactionKind = (codes: ReadonlyArray<string>): AwsErrorKind => {
  // A lost condition is final even when another item of the transaction was also contended.
  if (codes.includes("ConditionalCheckFailed")) return "conditionFailed"
  return codes.some((code) => transientCancellations.has(code)) ? "transient" : "permanent"
}

/** Statuses that say it all: S3 answers writes under a condition with them, and not always with a name that the SDK can read. */
const statuses: Partial<Readonly<Record<AwsService, Readonly<Record<number, AwsErrorKind>>>>> = {
  s3: { 409: "transient", 412: "conditionFailed" }
}

/**
 * What an error of a service means. Of S3 the statuses 409 and 412 decide before any name; names that are not known follow
 * the HTTP status: 429, 5xx and no status at all are transient.
 */
export const classify = (service: AwsService, facts: AwsErrorFacts): AwsErrorKind => {
  if (facts.cancellations !== undefined) return transactionKind(facts.cancellations)
  const byStatus = facts.status === undefined ? undefined : statuses[service]?.[facts.status]
  if (byStatus !== undefined) return byStatus
  const known = Object.hasOwn(table[service], facts.name) ? table[service][facts.name] : undefined
  if (known !== undefined) return known
  if (network.has(facts.name) || (facts.nodeCode !== undefined && network.has(facts.nodeCode))) return "transient"
  if (facts.status === undefined) return "transient"
  return facts.status === 429 || facts.status >= 500 ? "transient" : "permanent"
}
