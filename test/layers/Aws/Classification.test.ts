import { assert, describe, it } from "@effect/vitest"
import { type AwsErrorKind, type AwsService, classify } from "../../../src/layers/Aws/Classification.ts"

/** Every error name that the contracts list, with the class they give it. */
const names: Readonly<Record<AwsService, Readonly<Record<AwsErrorKind, ReadonlyArray<string>>>>> = {
  dynamodb: {
    transient: [
      "ProvisionedThroughputExceededException",
      "InternalServerError",
      "ThrottlingException",
      "RequestLimitExceeded",
      "ServiceUnavailable",
      "TransactionInProgressException",
      "TransactionConflictException",
      "ExpiredTokenException"
    ],
    permanent: ["ResourceNotFoundException", "AccessDeniedException", "ValidationException"],
    conditionFailed: ["ConditionalCheckFailedException"]
  },
  sqs: {
    transient: [
      "ServiceUnavailable",
      "InternalFailure",
      "ThrottlingException",
      "RequestThrottled",
      "OverLimit",
      "KmsThrottled"
    ],
    permanent: [
      "QueueDoesNotExist",
      "AWS.SimpleQueueService.NonExistentQueue",
      "AccessDenied",
      "AccessDeniedException",
      "InvalidParameterValue",
      "InvalidParameterCombination",
      "InvalidMessageContents",
      "MessageNotInflight"
    ],
    conditionFailed: []
  },
  s3: {
    transient: ["SlowDown", "InternalError", "ServiceUnavailable", "ConditionalRequestConflict"],
    permanent: ["NoSuchBucket", "NoSuchKey", "AccessDenied"],
    conditionFailed: ["PreconditionFailed"]
  },
  secretsmanager: {
    transient: ["InternalServiceError", "InternalServiceFailure", "ThrottlingException"],
    permanent: [
      "ResourceNotFoundException",
      "InvalidParameterException",
      "InvalidRequestException",
      "DecryptionFailure",
      "AccessDeniedException"
    ],
    conditionFailed: []
  },
  ssm: {
    transient: ["InternalServerError", "ThrottlingException"],
    permanent: ["ParameterNotFound", "AccessDeniedException", "ValidationException"],
    conditionFailed: []
  }
}

describe("classify", () => {
  for (const [service, kinds] of Object.entries(names) as ReadonlyArray<[AwsService, (typeof names)[AwsService]]>) {
    for (const [kind, listed] of Object.entries(kinds)) {
      for (const name of listed) {
        it(`${service} ${name} is ${kind}`, () => assert.strictEqual(classify(service, { name, status: 400 }), kind))
      }
    }
  }

  it("takes network failures, timeouts and failures without a status as transient", () => {
    for (const nodeCode of ["ECONNRESET", "ECONNREFUSED", "ETIMEDOUT", "EPIPE", "ENOTFOUND"]) {
      assert.strictEqual(classify("sqs", { name: "Error", nodeCode, status: 400 }), "transient")
    }
    assert.strictEqual(classify("s3", { name: "TimeoutError" }), "transient")
    assert.strictEqual(classify("ssm", { name: "Unheard" }), "transient")
  })

  it("goes by the status where the name is unknown", () => {
    assert.strictEqual(classify("dynamodb", { name: "Unheard", status: 500 }), "transient")
    assert.strictEqual(classify("dynamodb", { name: "Unheard", status: 429 }), "transient")
    assert.strictEqual(classify("dynamodb", { name: "Unheard", status: 403 }), "permanent")
  })

  it("goes by S3's 409 and 412 whatever the name, and by nobody else's", () => {
    for (const name of ["Unknown", "UnknownError", "AccessDenied"]) {
      assert.strictEqual(classify("s3", { name, status: 412 }), "conditionFailed")
      assert.strictEqual(classify("s3", { name, status: 409 }), "transient")
    }
    for (const service of ["dynamodb", "sqs", "secretsmanager", "ssm"] as const) {
      for (const status of [409, 412]) assert.strictEqual(classify(service, { name: "Unknown", status }), "permanent")
    }
  })

  it("reads a cancelled transaction by its reasons: a lost condition is final, contention passes", () => {
    const cancelled = (...cancellations: ReadonlyArray<string>) =>
      classify("dynamodb", { name: "TransactionCanceledException", status: 400, cancellations })
    assert.strictEqual(cancelled("None", "ConditionalCheckFailed"), "conditionFailed")
    assert.strictEqual(cancelled("TransactionConflict", "ConditionalCheckFailed"), "conditionFailed")
    assert.strictEqual(cancelled("None", "TransactionConflict"), "transient")
    assert.strictEqual(cancelled("ThrottlingError"), "transient")
    assert.strictEqual(cancelled("ValidationError"), "permanent")
  })
})
