/** What an AWS error means in Staging's own codes: one table per thing that is called (contract A1.9). */
import type { StagingCode, TransientCode } from "../../schemas/StagingCode.ts"
import { type Failure, failure } from "../../schemas/StagingError.ts"
import type { AwsError } from "../Aws.ts"

/** The codes of one kind of call. */
interface Codes<Transient extends TransientCode, Named extends StagingCode, Other extends StagingCode> {
  readonly transient: Transient
  /** By AWS's name of the error, where that says more than that it is permanent. */
  readonly byName: Readonly<Record<string, Named>>
  readonly otherwise: Other
}

const dynamo = <Config extends StagingCode, Validation extends StagingCode>(
  config: Config,
  validation: Validation
) => ({
  ResourceNotFoundException: config,
  AccessDeniedException: config,
  ValidationException: validation,
  ValidationError: validation,
  ItemCollectionSizeLimitExceededException: validation,
  ItemCollectionSizeLimitExceeded: validation
})

const database = dynamo("DB_CONFIG_ERROR", "DB_VALIDATION_ERROR")

/** The index of the conversations. */
export const queryCodes = { transient: "DB_TRANSIENT_ERROR", byName: database, otherwise: "DB_QUERY_ERROR" } as const

/** A conversation's record. */
export const getCodes = { transient: "DB_TRANSIENT_ERROR", byName: database, otherwise: "DB_GET_ITEM_ERROR" } as const

/** The stage table. */
export const stageCodes = {
  transient: "STAGE_DB_TRANSIENT_ERROR",
  byName: dynamo("STAGE_DB_CONFIG_ERROR", "STAGE_DB_VALIDATION_ERROR"),
  otherwise: "STAGE_WRITE_ERROR"
} as const

/** The lock table. */
export const lockCodes = {
  transient: "TRIGGER_DB_TRANSIENT_ERROR",
  byName: dynamo("TRIGGER_DB_CONFIG_ERROR", "TRIGGER_DB_VALIDATION_ERROR"),
  otherwise: "TRIGGER_LOCK_WRITE_ERROR"
} as const

/** Every queue. */
export const queueCodes = {
  transient: "SQS_TRANSIENT_ERROR",
  byName: {
    QueueDoesNotExist: "SQS_CONFIG_ERROR",
    "AWS.SimpleQueueService.NonExistentQueue": "SQS_CONFIG_ERROR",
    AccessDenied: "SQS_CONFIG_ERROR",
    AccessDeniedException: "SQS_CONFIG_ERROR",
    InvalidParameterValue: "SQS_PARAMETER_ERROR",
    InvalidParameterCombination: "SQS_PARAMETER_ERROR",
    InvalidMessageContents: "SQS_PARAMETER_ERROR",
    MessageNotInflight: "SQS_PARAMETER_ERROR"
  },
  otherwise: "SQS_SEND_ERROR"
} as const

/** The tenants' secrets. */
export const secretCodes = {
  transient: "SECRET_FETCH_TRANSIENT_ERROR",
  byName: { ResourceNotFoundException: "SECRET_FETCH_FAILED" },
  otherwise: "SECRET_FETCH_FAILED"
} as const

/** An AWS error as the failure that it is documented as; DynamoDB's name for a broken transaction is that of its cause. */
export const asFailure =
  <Transient extends TransientCode, Named extends StagingCode, Other extends StagingCode>(
    codes: Codes<Transient, Named, Other>
  ) =>
  (error: AwsError): Failure<Transient | Named | Other> => {
    const name = error.cancellations?.find((code) => code !== "None") ?? error.errorName
    const named = Object.hasOwn(codes.byName, name) ? codes.byName[name] : undefined
    const code = error.kind === "transient" ? codes.transient : (named ?? codes.otherwise)
    return failure(code, error.message) as Failure<Transient | Named | Other>
  }
