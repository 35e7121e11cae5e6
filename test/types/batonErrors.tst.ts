/** An error that nobody maps must not compile. */
import * as Match from "effect/Match"
import { describe, expect, test } from "tstyche"
import { toBatonResponse } from "../../src/handlers/Baton/answers.ts"
import type { BatonFailure } from "../../src/schemas/Baton.ts"
import type { ErrorCode, errorCodes } from "../../src/schemas/ErrorCode.ts"
import type { BatonError } from "../../src/services/Baton.ts"

declare const error: BatonError

const facts = () => ({})

describe("toBatonResponse", () => {
  test("answers every error of the service", () => {
    expect(toBatonResponse).type.toBeCallableWith(error, "correlation")
    expect(toBatonResponse(error, "correlation")).type.toBe<BatonFailure>()
  })

  test("carries a documented code in each of them", () => {
    expect<BatonError["code"]>().type.toBeAssignableTo<ErrorCode>()
    expect<keyof typeof errorCodes>().type.toBe<ErrorCode>()
  })

  test("is built on a mapping that refuses a missing tag", () => {
    const complete = {
      ValidationError: facts,
      IntegrationDisabled: facts,
      RequestNotFound: facts,
      IdempotencyConflict: facts,
      DatabaseError: facts,
      ConfigurationError: facts,
      SubmissionFailed: facts
    }
    expect(Match.valueTags<BatonError, typeof complete>).type.toBeCallableWith(error, complete)
    const { SubmissionFailed: _, ...incomplete } = complete
    expect(Match.valueTags<BatonError, typeof complete>).type.not.toBeCallableWith(error, incomplete)
  })
})
