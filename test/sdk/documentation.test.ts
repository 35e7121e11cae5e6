/** docs/baton-sdk.md says of every error and status what the code does. */
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { assert, beforeAll, describe, it } from "vitest"
import { root } from "../../scripts/build/bundle.ts"
import { PublicStatus } from "../../src/schemas/DataSubjectRequest.ts"
import { type ErrorCode, errorCodes } from "../../src/schemas/ErrorCode.ts"
import type { CompletionError } from "../../src/sdk/Baton.ts"
import type { BatonError } from "../../src/services/Baton.ts"

type Cause = Exclude<CompletionError["_tag"], ErrorCode>

/** Every code that Baton is answered, with what the contract says of it. */
const answered: { readonly [Code in BatonError["code"]]: (typeof errorCodes)[Code] } = {
  VALIDATION_ERROR: errorCodes.VALIDATION_ERROR,
  IDEMPOTENCY_CONFLICT: errorCodes.IDEMPOTENCY_CONFLICT,
  REQUEST_NOT_FOUND: errorCodes.REQUEST_NOT_FOUND,
  SUBMISSION_FAILED: errorCodes.SUBMISSION_FAILED,
  DATABASE_ERROR: errorCodes.DATABASE_ERROR,
  INTEGRATION_DISABLED: errorCodes.INTEGRATION_DISABLED,
  CONFIGURATION_ERROR: errorCodes.CONFIGURATION_ERROR
}

/** Every other tag, with how the page says that the SDK tries it again. */
const causes: Readonly<Record<Cause, string>> = {
  UnknownRefusal: "by `retryable`",
  FunctionFailed: "with a `correlationId`",
  InvocationTimeout: "with a `correlationId`",
  InvocationFailed: "where that doubles nothing",
  Throttled: "yes",
  UndecodableAnswer: "no",
  RequestFailed: "",
  NotCompleted: ""
}

const words = { true: "yes", false: "no", "by cause": "by `retryable`" } as const

let page: string

beforeAll(async () => {
  page = await readFile(join(root, "docs/baton-sdk.md"), "utf8")
})

/** The rows of the table with this first heading, as cells. */
const table = (heading: string): ReadonlyArray<ReadonlyArray<string>> => {
  const rows = page.split("\n").map((line) => line.split("|").map((cell) => cell.trim()))
  const begin = rows.findIndex((row) => row[1] === heading)
  assert.isAtLeast(begin, 0)
  const end = rows.findIndex((row, index) => index > begin && row.length === 1)
  return rows.slice(begin + 2, end).map((row) => row.slice(1, -1))
}

describe("the page about the SDK", () => {
  it("has a row for every error, which says how it is retried", () => {
    const said = Object.fromEntries(table("`_tag`").map(([tag = "", , retried]) => [tag, retried]))
    const codes = Object.entries(answered).map(([code, { retryable }]) => [code, words[`${retryable}`]] as const)
    const expected = [...codes, ...Object.entries(causes)].map(([tag, retried]) => [`\`${tag}\``, retried])
    assert.deepEqual(said, Object.fromEntries(expected))
  })

  it("has a row for every status", () => {
    assert.sameMembers(
      table("status").map(([status]) => status),
      PublicStatus.literals.map((status) => `\`${status}\``)
    )
  })
})
