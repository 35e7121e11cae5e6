/** What the SDK refuses to send, what it sends where, and that no error of it names a person. */
import { inspect } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import { BatonClient, isBatonError, layer, make, Refusal } from "../../src/sdk/Baton.ts"
import {
  answer,
  answerText,
  crash,
  cutOff,
  email,
  failure,
  fakeLambda,
  identityId,
  refusal,
  type Reply,
  request,
  requestId,
  standing,
  using
} from "../support/fakeLambda.ts"

/** Everything that a log could show of an error. */
const shown = (error: Error): string =>
  [
    error.message,
    String(error),
    error.stack,
    JSON.stringify(error),
    inspect(error, { depth: 10, showHidden: true }),
    Cause.pretty(Cause.fail(error), { renderErrorCause: true })
  ].join("\n")

const refusedInput = (input: object) =>
  Effect.gen(function* () {
    const { lambda, received } = yield* fakeLambda(answer(standing("submitted")))
    const client = yield* make({ lambda })
    const error = yield* Effect.flip(client.initiate({ ...request, ...input }))
    assert.lengthOf(received, 0)
    assert.instanceOf(error, Refusal)
    assert.include(error, { _tag: "VALIDATION_ERROR", code: "VALIDATION_ERROR", retryable: false })
    return error
  })

describe("an input", () => {
  it.effect(
    "ST-05 that the service would refuse is refused without a call, field by field and without its values",
    () =>
      Effect.gen(function* () {
        const error = yield* refusedInput({ identityId: "  ", email: "jane.doe(at)example", requestType: "forget-me" })
        assert.sameMembers(
          (error.issues ?? []).map(({ path }) => path),
          ["payload.identityId", "payload.email", "payload.requestType"]
        )
        assert.match(error.message, /^The request is not valid: .*payload\.email: expected an e-mail address/)
        for (const value of ["jane.doe", "forget-me"]) assert.notInclude(shown(error), value)
      })
  )

  it.effect("may leave out what is optional, or say null", () =>
    Effect.gen(function* () {
      const { received } = yield* using([answer(standing("submitted"))], (client) =>
        client.initiate({ ...request, regulation: null, correlationId: null })
      )
      const { correlationId: _, ...payload } = request
      assert.deepEqual(received[0]?.event, { action: "initiate", payload: { ...payload, regulation: "GDPR" } })
    })
  )

  it.effect("of a status query is refused without a call when it cannot be an id", () =>
    Effect.gen(function* () {
      const { lambda, received } = yield* fakeLambda(answer(standing("submitted")))
      const client = yield* make({ lambda })
      for (const id of ["", "../x", "a".repeat(129), email]) {
        for (const call of [client.status(id), client.awaitCompletion(id)]) {
          const error = yield* Effect.flip(call)
          assert.include(error, { _tag: "VALIDATION_ERROR" })
          assert.include(error.message, "payload.mparticleRequestId: expected 1 to 128 letters")
          assert.notInclude(shown(error), email)
        }
      }
      const error = yield* Effect.flip(client.status(requestId, { correlationId: " " }))
      assert.include(error.message, "payload.correlationId: expected a non-blank text")
      assert.lengthOf(received, 0)
    })
  )
})

describe("the function", () => {
  it.effect("is the one that is named, by name or by ARN", () =>
    Effect.gen(function* () {
      for (const functionName of [
        "mparticle-api-baton-CODE",
        "arn:aws:lambda:eu-west-1:111111111111:function:mparticle-api-lambda:live"
      ]) {
        const { received } = yield* using([answer(standing("submitted"))], (client) => client.initiate(request), {
          functionName
        })
        assert.strictEqual(received[0]?.functionName, functionName)
      }
    })
  )

  it.effect("is reached through the layer just as well", () =>
    Effect.gen(function* () {
      const { lambda, received } = yield* fakeLambda(answer(standing("submitted")))
      const filed = Effect.flatMap(BatonClient, (client) => client.initiate(request))
      const { status } = yield* Effect.provide(filed, layer({ lambda, functionName: "another" }))
      assert.strictEqual(status, "submitted")
      assert.strictEqual(received[0]?.functionName, "another")
    })
  )
})

describe("no error names a person", () => {
  const words = `${email} of ${identityId}`
  const replies: Readonly<Record<string, Reply>> = {
    "a documented code": answer(refusal("SUBMISSION_FAILED")),
    "an unknown code": answer(refusal("OUT_OF_PAPER")),
    "a crash": crash(JSON.stringify({ errorType: "TypeError", errorMessage: words, trace: [words] })),
    "a crash without a report": crash(words),
    "an answer that echoes the request": answer(request),
    "an answer with the person in every field": answer(
      standing(email, { mparticleRequestId: words, correlationId: [words], timestamp: { email } })
    ),
    "an answer that is no JSON": answerText(words),
    "an AWS error": failure(Object.assign(new Error(words), { name: "AccessDeniedException", Payload: request })),
    "a broken connection": cutOff("ECONNREFUSED"),
    "something thrown": failure(words)
  }
  for (const [what, reply] of Object.entries(replies)) {
    it.effect(`O-07 ${what}`, () =>
      Effect.gen(function* () {
        const { received, result } = yield* using([reply], (client) =>
          Effect.all([Effect.flip(client.initiate(request)), Effect.flip(client.status(requestId))])
        )
        assert.include(JSON.stringify(received[0]?.event), email, "it was in the call")
        for (const error of result) {
          assert.isTrue(isBatonError(error))
          for (const value of [email, identityId]) assert.notInclude(shown(error), value)
        }
      })
    )
  }
})
