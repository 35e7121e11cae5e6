/** Rows 31 to 38, 55 and 64: what each AWS error is called, what is answered, and whether the message is kept (A1.9). */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { StagingCode } from "../../../src/schemas/StagingCode.ts"
import {
  assertTwiml,
  conversation,
  conversationId,
  impatient,
  inStaging,
  outcomes,
  send,
  whatsapp
} from "../../support/staging.ts"
import {
  type AwsCall,
  type AwsFault,
  breaking,
  depthOf,
  engines,
  operations,
  receivedFrom,
  rowsOf,
  seed
} from "../../support/stagingEngines.ts"

/** What any AWS call may meet. */
const anywhere: ReadonlyArray<AwsFault> = [
  { error: "Error", code: "ECONNRESET" },
  { error: "Error", code: "ECONNREFUSED" },
  { error: "Error", code: "ENOTFOUND" },
  { error: "TimeoutError", code: "ETIMEDOUT" },
  { error: "UnheardOfException", status: 500 },
  { error: "UnheardOfException", status: 503 },
  { error: "UnheardOfException", status: 429 },
  { error: "ExpiredTokenException", status: 403 },
  { error: "ExpiredToken", status: 403 },
  { error: "CredentialsProviderError" }
]

const named = (...names: ReadonlyArray<string>): ReadonlyArray<AwsFault> => names.map((error) => ({ error }))

const dynamoTransient: ReadonlyArray<AwsFault> = [
  ...named(
    "ProvisionedThroughputExceededException",
    "InternalServerError",
    "ThrottlingException",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "TransactionInProgressException",
    "TransactionConflictException"
  ),
  ...anywhere
]

const unknown: ReadonlyArray<AwsFault> = named("SomethingElseException")

type Rows = ReadonlyArray<readonly [code: StagingCode, faults: ReadonlyArray<AwsFault>]>

const dynamo = (transient: StagingCode, config: StagingCode, validation: StagingCode, other: StagingCode): Rows => [
  [transient, dynamoTransient],
  [config, named("ResourceNotFoundException", "AccessDeniedException")],
  [validation, named("ValidationException", "ItemCollectionSizeLimitExceededException")],
  [other, unknown]
]

const cancelled = (...reasons: ReadonlyArray<string>): AwsFault => ({
  error: "TransactionCanceledException",
  reasons: ["None", ...reasons]
})

/** One kind of call, and which of its operation's calls it is. */
interface Step {
  readonly row: string
  readonly operation: string
  readonly happens?: (nth: number, call: AwsCall) => boolean
  readonly changes?: object
  /** Whether the message is known to be a customer's by then. */
  readonly believed: boolean
  readonly rows: Rows
}

const steps: Readonly<Record<string, Step>> = {
  "the index": {
    row: "31-35",
    operation: "Query",
    believed: false,
    rows: dynamo("DB_TRANSIENT_ERROR", "DB_CONFIG_ERROR", "DB_VALIDATION_ERROR", "DB_QUERY_ERROR")
  },
  "the secret": {
    row: "35-38",
    operation: "GetSecretValue",
    believed: false,
    rows: [
      [
        "SECRET_FETCH_TRANSIENT_ERROR",
        [...named("InternalServiceError", "InternalServiceFailure", "ThrottlingException"), ...anywhere]
      ],
      [
        "SECRET_FETCH_FAILED",
        named(
          "ResourceNotFoundException",
          "InvalidParameterException",
          "InvalidRequestException",
          "DecryptionFailure",
          "AccessDeniedException",
          "SomethingElseException"
        )
      ]
    ]
  },
  "the conversation": {
    row: "34-35",
    operation: "GetItem",
    believed: true,
    rows: dynamo("DB_TRANSIENT_ERROR", "DB_CONFIG_ERROR", "DB_VALIDATION_ERROR", "DB_GET_ITEM_ERROR")
  },
  "the stage": {
    row: "55",
    operation: "TransactWriteItems",
    believed: true,
    rows: [
      ...dynamo("STAGE_DB_TRANSIENT_ERROR", "STAGE_DB_CONFIG_ERROR", "STAGE_DB_VALIDATION_ERROR", "STAGE_WRITE_ERROR"),
      [
        "STAGE_DB_TRANSIENT_ERROR",
        ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"].map((one) => cancelled(one))
      ],
      ["STAGE_DB_VALIDATION_ERROR", [cancelled("ValidationError"), cancelled("ItemCollectionSizeLimitExceeded")]],
      ["STAGE_WRITE_ERROR", [cancelled("SomethingElse")]]
    ]
  },
  "a handoff's tombstone": {
    row: "55",
    operation: "PutItem",
    changes: { hand_off_to_human: true },
    believed: true,
    rows: dynamo("STAGE_DB_TRANSIENT_ERROR", "STAGE_DB_CONFIG_ERROR", "STAGE_DB_VALIDATION_ERROR", "STAGE_WRITE_ERROR")
  },
  "the lock": {
    row: "56",
    operation: "PutItem",
    believed: true,
    rows: dynamo(
      "TRIGGER_DB_TRANSIENT_ERROR",
      "TRIGGER_DB_CONFIG_ERROR",
      "TRIGGER_DB_VALIDATION_ERROR",
      "TRIGGER_LOCK_WRITE_ERROR"
    )
  },
  "the queue": {
    row: "64",
    operation: "SendMessage",
    happens: (_, { input }) => !String(input["QueueUrl"]).includes("parking"),
    believed: true,
    rows: [
      [
        "SQS_TRANSIENT_ERROR",
        [
          ...named(
            "ServiceUnavailable",
            "InternalFailure",
            "ThrottlingException",
            "RequestThrottled",
            "OverLimit",
            "KmsThrottled"
          ),
          ...anywhere
        ]
      ],
      [
        "SQS_CONFIG_ERROR",
        named("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", "AccessDenied", "AccessDeniedException")
      ],
      [
        "SQS_PARAMETER_ERROR",
        named("InvalidParameterValue", "InvalidParameterCombination", "InvalidMessageContents", "MessageNotInflight")
      ],
      ["SQS_SEND_ERROR", unknown]
    ]
  },
  "the bucket": {
    row: "73",
    operation: "PutObject",
    changes: { hand_off_to_human: true, notes: "x".repeat(300_000) },
    believed: true,
    rows: [
      ["SQS_TRANSIENT_ERROR", [...named("SlowDown", "InternalError"), ...anywhere]],
      ["SQS_CONFIG_ERROR", named("NoSuchBucket", "AccessDenied")]
    ]
  }
}

const nameOf = ({ code, error, reasons, status }: AwsFault): string =>
  [error, reasons?.at(-1), code ?? status].filter((part) => part !== undefined).join(" ")

for (const [thing, { believed, changes = {}, happens, operation, row, rows }] of Object.entries(steps)) {
  describe(`an error of ${thing}`, () => {
    it.layer(engines, { timeout: 30_000 })((it) => {
      for (const [code, faults] of rows) {
        const transient = code.includes("TRANSIENT")
        for (const fault of faults) {
          it.effect(`${row} ${nameOf(fault)} is ${code}: ${transient ? 503 : 200}`, () =>
            Effect.gen(function* () {
              yield* seed(conversation({ ...changes }))
              yield* breaking(operation, fault, happens)
              assertTwiml(yield* impatient(send()), transient ? 503 : 200)
              assert.deepStrictEqual(yield* outcomes, [code])
              const tries = (yield* operations).filter((one) => one === operation)
              if (operation !== "SendMessage") assert.lengthOf(tries, transient ? 4 : 1)
              assert.isEmpty(yield* rowsOf("lock"))
              assert.strictEqual(yield* depthOf("whatsapp"), 0)
              const parked = yield* receivedFrom("parking")
              assert.lengthOf(parked, believed ? 1 : 0)
              if (!believed) return assert.isEmpty(yield* rowsOf("stage"))
              assert.include(parked[0], { cause: code, conversation_id: conversationId })
              assert.deepInclude(parked[0]?.["message"], { message_sid: whatsapp["MessageSid"], body: "Hello there" })
            }).pipe(inStaging())
          )
        }
      }
    })
  })
}
