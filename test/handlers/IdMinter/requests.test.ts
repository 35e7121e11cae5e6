/** Rows 4 to 16 and 23: a request that breaks a rule is answered with the first that it breaks, and nothing is done. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"
import { isPayload, requestFrom } from "../../../src/handlers/IdMinter/request.ts"
import { MintRequest, type MintResponse } from "../../../src/schemas/IdMinter.ts"
import { InvalidRequest } from "../../../src/schemas/IdMinterError.ts"
import { invocationOf, minterWorld } from "../../support/minter.ts"
import { refusalOf, stepFunction } from "../../support/minterCalls.ts"

const ids = (count: number): ReadonlyArray<string> => Array.from({ length: count }, (_, index) => `sierra-${index}`)

const empty = "sourceIdentifiers cannot be empty"
const blank = "sourceIdentifiers cannot contain empty strings"
const tooMany = "sourceIdentifiers cannot contain more than 100 items"
const noText = "Each source identifier must be a valid string"
const noArray = "sourceIdentifiers must be an array"
const missing = "sourceIdentifiers is missing"

const refused: ReadonlyArray<readonly [row: number, payload: Readonly<Record<string, unknown>>, rule: string]> = [
  [4, { sourceIdentifiers: [] }, empty],
  [4, { source_identifiers: [] }, empty],
  [5, { sourceIdentifiers: ["sierra-123", "", "miro-456"] }, blank],
  [5, { sourceIdentifiers: ["sierra-123", " \t\n\u00a0\u3000"] }, blank],
  [7, { sourceIdentifiers: ids(101) }, tooMany],
  [7, { sourceIdentifiers: Array<string>(101).fill("sierra-123") }, tooMany],
  [13, {}, missing],
  [13, { constructor: ["sierra-123"] }, missing],
  [14, { sourceIdentifiers: "x" }, noArray],
  [14, { sourceIdentifiers: null }, noArray],
  [14, { sourceIdentifiers: { 0: "x", length: 1 } }, noArray],
  [14, { sourceIdentifiers: [1] }, noText],
  [14, { sourceIdentifiers: [null] }, noText],
  [14, { sourceIdentifiers: ["sierra-123", ["miro-456"]] }, noText],
  [16, { sourceIdentifiers: [...ids(100), " "] }, blank],
  [16, { sourceIdentifiers: [...ids(100), 1, " "] }, noText]
]

describe("a request that breaks a rule", () => {
  for (const [row, payload, rule] of refused) {
    it.effect(`IM-${row} IM-23 is answered with "${rule}" for ${JSON.stringify(payload).slice(0, 60)}`, () =>
      Effect.gen(function* () {
        const world = minterWorld("sierra-123", "miro-456")
        const invocation = invocationOf<MintResponse>()
        assert.deepStrictEqual(yield* stepFunction(world, payload, invocation), refusalOf(rule))
        assert.deepStrictEqual(yield* stepFunction(world, { ...payload, jobId: "j" }), refusalOf(rule, "j"))
        assert.deepStrictEqual(world.calls, [])
        assert.deepStrictEqual(invocation.answers, [])
      })
    )
  }

  const refusedJobs: ReadonlyArray<readonly [jobId: unknown, rule: string, echo?: string]> = [
    ["   ", "jobId cannot be empty", "   "],
    ["", "jobId cannot be empty", ""],
    [7, "jobId must be a string"],
    [{ id: "j" }, "jobId must be a string"],
    [["j"], "jobId must be a string"],
    [false, "jobId must be a string"]
  ]
  for (const [jobId, rule, echo] of refusedJobs) {
    it.effect(
      `IM-10 IM-23 is answered with "${rule}" for the job ${JSON.stringify(jobId)}, echoed if it is a text`,
      () =>
        Effect.gen(function* () {
          const world = minterWorld("sierra-123")
          const answer = yield* stepFunction(world, { sourceIdentifiers: ["sierra-123"], jobId })
          assert.deepStrictEqual(answer, refusalOf(rule, echo))
          assert.deepStrictEqual(world.calls, [])
        })
    )
  }

  it.effect("IM-10 is answered with what is wrong with its works before what is wrong with its job", () =>
    Effect.gen(function* () {
      const answer = yield* stepFunction(minterWorld(), { sourceIdentifiers: [], jobId: " " })
      assert.deepStrictEqual(answer, refusalOf(empty, " "))
    })
  )

  it.effect("IM-23 is answered so as the health check as well, and nothing is pinged", () =>
    Effect.gen(function* () {
      const world = minterWorld()
      const answer = yield* stepFunction(world, { sourceIdentifiers: [], jobId: "health-check" })
      assert.deepStrictEqual(answer, refusalOf(empty, "health-check"))
      assert.deepStrictEqual(world.calls, [])
    })
  )
})

describe("a job", () => {
  it.effect("IM-11 that is null is none, and is not echoed", () =>
    Effect.gen(function* () {
      const world = minterWorld("sierra-123")
      for (const job of [{}, { jobId: null }, { job_id: null }]) {
        const answer = yield* stepFunction(world, { sourceIdentifiers: ["sierra-123"], ...job })
        assert.deepStrictEqual(answer, { successes: ["sierra-123"], failures: [] })
      }
      assert.deepStrictEqual(yield* stepFunction(world, { jobId: null }), refusalOf(missing))
    })
  )

  it.effect("is echoed as it was sent, whatever is in it", () =>
    Effect.gen(function* () {
      for (const jobId of [" j ", "\u0000", "arn:aws:states:eu-west-1:0:execution:m:x", "ジョブ", "x".repeat(10_000)]) {
        const answer = yield* stepFunction(minterWorld("sierra-123"), { sourceIdentifiers: ["sierra-123"], jobId })
        assert.deepStrictEqual(answer, { successes: ["sierra-123"], failures: [], jobId })
      }
    })
  )
})

describe("a payload that is no object", () => {
  for (const payload of [null, undefined, ["sierra-123"], [{ sourceIdentifiers: ["x"] }], "sierra-123", 7, true]) {
    it.effect(`cannot be answered in kind: ${JSON.stringify(payload)} is thrown as InvalidRequest`, () =>
      Effect.gen(function* () {
        const world = minterWorld("sierra-123")
        const answer = yield* Effect.either(stepFunction(world, payload))
        assert.deepStrictEqual(answer, Either.left(new InvalidRequest({ rule: "the payload must be an object" })))
        assert.deepStrictEqual(world.calls, [])
      })
    )
  }
})

/** Payloads that are good, bad, and nearly one or the other. */
const payloads = FastCheck.record(
  {
    sourceIdentifiers: FastCheck.oneof(
      FastCheck.array(
        FastCheck.oneof({ weight: 20, arbitrary: FastCheck.string() }, FastCheck.constantFrom("", " ", 1)),
        {
          maxLength: 110,
          size: "max"
        }
      ),
      FastCheck.array(FastCheck.constantFrom("sierra-1", "miro-2", " x "), { maxLength: 110, size: "max" }),
      FastCheck.jsonValue()
    ),
    jobId: FastCheck.oneof(FastCheck.string(), FastCheck.constantFrom(null, " ", "j"), FastCheck.jsonValue()),
    includeCanonicalIds: FastCheck.boolean()
  },
  { requiredKeys: [] }
)

describe("the published request", () => {
  it.prop(
    "is exactly what the function takes",
    [payloads],
    ([payload]) => {
      const isPublished = Either.isRight(Schema.decodeUnknownEither(MintRequest)(payload))
      assert.isTrue(isPayload(payload))
      assert.strictEqual(Either.isRight(requestFrom(payload)), isPublished)
    },
    { fastCheck: { numRuns: 500 } }
  )
})
