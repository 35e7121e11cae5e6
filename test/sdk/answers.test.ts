/** What the SDK makes of the function's answers. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { type ErrorCode, errorCodes } from "../../src/schemas/ErrorCode.ts"
import { FunctionFailed, isBatonError, Refusal, UndecodableAnswer, UnknownRefusal } from "../../src/sdk/Baton.ts"
import {
  answer,
  answerNothing,
  answerText,
  anonymous,
  crash,
  crashOf,
  refusal,
  type Reply,
  request,
  requestId,
  standing,
  using
} from "../support/fakeLambda.ts"

/** The error of one initiation that cannot be repeated, and how often it was sent. */
const errorOf = (reply: Reply) =>
  Effect.map(
    using([reply], (client) => Effect.flip(client.initiate(anonymous))),
    ({ received, result }) => ({ error: result, calls: received.length })
  )

const undecodable = (reply: Reply) =>
  Effect.map(errorOf(reply), ({ calls, error }) => {
    assert.instanceOf(error, UndecodableAnswer)
    assert.isFalse(error.retryable)
    assert.strictEqual(calls, 1)
    return error
  })

describe("an answer", () => {
  it.effect("is the request as it was filed", () =>
    Effect.gen(function* () {
      const { received, result } = yield* using([answer(standing("submitted"))], (client) => client.initiate(request))
      assert.deepEqual<unknown>(result, standing("submitted"))
      assert.deepEqual(
        received.map(({ event, functionName }) => ({ event, functionName })),
        [
          {
            functionName: "mparticle-api-lambda",
            event: { action: "initiate", payload: { ...request, regulation: "GDPR" } }
          }
        ]
      )
    })
  )

  it.effect("ST-01 is where the request stands, with what belongs to its status", () =>
    Effect.gen(function* () {
      const completed = standing("completed", { completedAt: "2026-01-01T00:00:00.000Z", downloadUrls: ["s3://a/b"] })
      const failed = standing("failed", { details: { reason: "CANCELLED" } })
      const { received, result } = yield* using([answer(completed), answer(failed), answer(completed)], (client) =>
        Effect.all([
          client.status(requestId),
          client.status(requestId, { correlationId: "workflow-7" }),
          client.status(requestId, { correlationId: undefined })
        ])
      )
      assert.deepEqual<unknown>(result, [completed, failed, completed])
      const event = { action: "status", payload: { mparticleRequestId: requestId } }
      assert.deepEqual(received[0]?.event, event)
      assert.deepEqual(received[1]?.event, {
        ...event,
        payload: { ...event.payload, correlationId: "workflow-7" }
      })
      assert.deepEqual(received[2]?.event, event)
    })
  )

  it.effect("may hold more than this version knows", () =>
    Effect.gen(function* () {
      const { result } = yield* using([answer(standing("queued", { new: true }))], (client) => client.initiate(request))
      assert.deepEqual<unknown>(result, standing("queued"))
    })
  )
})

describe("a documented code", () => {
  for (const code of Object.keys(errorCodes)) {
    it.effect(`${code} is an error with that tag and all its facts`, () =>
      Effect.gen(function* () {
        const details = {
          retryable: false,
          retryAfterSeconds: 7,
          mparticleError: "No workspace",
          requestId,
          reason: "a reason",
          issues: [{ path: "payload.email", reason: "is missing" }]
        }
        const { calls, error } = yield* errorOf(answer(refusal(code, details)))
        assert.instanceOf(error, Refusal)
        assert.strictEqual(error._tag, code)
        assert.strictEqual(error.message, `It is ${code}`)
        assert.deepInclude(error, { ...details, code: code as ErrorCode, correlationId: "workflow-7" })
        assert.isTrue(isBatonError(error))
        assert.strictEqual(calls, 1)
      })
    )
  }

  it.effect("is caught by its name, and only it", () =>
    Effect.gen(function* () {
      const { result } = yield* using(
        [answer(refusal("REQUEST_NOT_FOUND")), answer(refusal("INTEGRATION_DISABLED"))],
        (client) =>
          Effect.all([
            client.status(requestId).pipe(Effect.catchTag("REQUEST_NOT_FOUND", ({ code }) => Effect.succeed(code))),
            client.status(requestId).pipe(
              Effect.catchTag("REQUEST_NOT_FOUND", ({ code }) => Effect.succeed(code)),
              Effect.flip
            )
          ])
      )
      assert.strictEqual(result[0], "REQUEST_NOT_FOUND")
      assert.include(result[1], { _tag: "INTEGRATION_DISABLED" })
    })
  )

  it.effect("and an unknown one is an UnknownRefusal that says what to do all the same", () =>
    Effect.gen(function* () {
      const { calls, error } = yield* errorOf(answer(refusal("OUT_OF_PAPER", { retryable: false, reason: "tray 2" })))
      assert.instanceOf(error, UnknownRefusal)
      assert.include(error, { code: "OUT_OF_PAPER", retryable: false, reason: "tray 2", message: "It is OUT_OF_PAPER" })
      assert.strictEqual(calls, 1)
      const retried = yield* errorOf(answer(refusal("OUT_OF_PAPER", { retryable: true })))
      assert.instanceOf(retried.error, UnknownRefusal)
      assert.strictEqual(retried.calls, 4)
    })
  )
})

describe("a function that fails", () => {
  const crashes: Readonly<Record<string, boolean>> = {
    "Runtime.ExitError": true,
    "Runtime.OutOfMemory": true,
    "Sandbox.Timedout": true,
    "Extension.Crash": true,
    DeadlineExceeded: true,
    TypeError: false,
    MyRuntime: false
  }
  for (const [errorType, retryable] of Object.entries(crashes)) {
    it.effect(`with ${errorType} is ${retryable ? "worth another try" : "a defect"}`, () =>
      Effect.gen(function* () {
        const { error } = yield* errorOf(crashOf(errorType))
        assert.instanceOf(error, FunctionFailed)
        assert.include(error, { errorType, retryable, message: `The function failed (${errorType})` })
        assert.notInclude(JSON.stringify(error), "secret words")
      })
    )
  }

  for (const [what, text] of [
    ["nothing", ""],
    ["no JSON", "Segmentation fault"],
    ["no object", '"Unhandled"'],
    ["no type", '{"errorMessage":"2026-01-01T00:00:00.000Z Task timed out after 30.00 seconds"}']
  ] as const) {
    it.effect(`and reports ${what} is named as Lambda names it`, () =>
      Effect.gen(function* () {
        const { error } = yield* errorOf(crash(text))
        assert.instanceOf(error, FunctionFailed)
        assert.include(error, { errorType: "Unhandled", retryable: false })
      })
    )
  }
})

describe("an answer outside the contract", () => {
  for (const [what, reply] of [
    ["absent", answerNothing],
    ["empty", answerText("")],
    ["cut off", answerText('{"success": true, "mparticleReq')]
  ] as const) {
    it.effect(`is refused when it is ${what}`, () =>
      Effect.gen(function* () {
        const error = yield* undecodable(reply)
        assert.deepEqual(error.issues, [{ path: "", reason: "expected valid JSON" }])
        assert.strictEqual(error.message, "The answer cannot be read: expected valid JSON")
        assert.isUndefined(error.contractVersion)
      })
    )
  }

  it.effect("is refused with the places and what was expected there, never with what was there", () =>
    Effect.gen(function* () {
      const error = yield* undecodable(
        answer({ ...standing("lost-in-space"), mparticleRequestId: "jane.doe@example.com", timestamp: undefined })
      )
      assert.sameMembers(
        error.issues.map(({ path }) => path),
        ["mparticleRequestId", "status", "timestamp"]
      )
      assert.include(error.message, "mparticleRequestId: expected 1 to 128 letters, digits, hyphens or underscores")
      assert.include(error.message, "timestamp: is missing")
      const shown = `${error.message} ${JSON.stringify(error)} ${String(error)}`
      assert.notInclude(shown, "lost-in-space")
      assert.notInclude(shown, "jane.doe")
    })
  )

  it.effect("is refused with the contract's version where it names one", () =>
    Effect.gen(function* () {
      const error = yield* undecodable(answer({ "x-contract-version": "2.0.0", result: "ok" }))
      assert.strictEqual(error.contractVersion, "2.0.0")
      assert.match(error.message, /^The answer of contract version 2\.0\.0 cannot be read: /)
      assert.isUndefined((yield* undecodable(answer({ "x-contract-version": 2, result: "ok" }))).contractVersion)
    })
  )

  for (const [what, value] of [
    ["null", null],
    ["a list", []],
    ["a failure without an error", { success: false }],
    ["a failure that does not say whether to retry", refusal("TIMEOUT", {})]
  ] as const) {
    it.effect(`is refused when it is ${what}`, () =>
      Effect.gen(function* () {
        assert.isNotEmpty((yield* undecodable(answer(value))).issues)
      })
    )
  }
})
