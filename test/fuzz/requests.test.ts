/** Baton's events, requests over HTTP and mParticle's callbacks, damaged: a documented answer, and nothing done for the refused. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"
import { handle as handleBaton } from "../../src/handlers/Baton.ts"
import { handle as handleHttp } from "../../src/handlers/MParticleHttp.ts"
import { BatonResponse, InitiateRequest, StatusRequest } from "../../src/schemas/Baton.ts"
import { FlatRequest, FlatResponse } from "../../src/schemas/BatonFlat.ts"
import { RequestRecord } from "../../src/schemas/DataSubjectRequest.ts"
import { EventsRequest } from "../../src/schemas/Events.ts"
import { HttpSubmission } from "../../src/schemas/Http.ts"
import * as Issue from "../../src/schemas/Issue.ts"
import { ApiGatewayEvent, type ApiGatewayResult } from "../../src/schemas/LambdaEvent.ts"
import { Callback } from "../../src/schemas/OpenDsr.ts"
import { during, inMemory } from "../support/baton.ts"
import {
  assertRefused,
  callbackPath,
  domain,
  filed,
  inCallbackWorld,
  proof,
  records,
  variant
} from "../support/callbacks.ts"
import { ask, answerOf, eventOf, inTime, inWorld } from "../support/http.ts"
import { written } from "../support/logs.ts"
import { MemoryStore } from "../support/memoryStore.ts"
import { Upstream } from "../support/mparticle.ts"
import { assertHidden, assertIssues, canary, options } from "./support/Fuzz.ts"
import { about, bytes, damaged, documents, encoded, parsed, several, texts, wordsOf } from "./support/Hostile.ts"

const isBatonAnswer = Schema.is(Schema.Union(BatonResponse, FlatResponse))
const isRecord = Schema.is(RequestRecord)
const decodeEvent = Schema.decodeUnknownEither(ApiGatewayEvent)

/** How much was asked of the store, of mParticle and of the queue. */
const traffic = Effect.gen(function* () {
  const { operations } = yield* MemoryStore
  const { calls, downloads, events, lookups, queued } = yield* Upstream
  return [operations, calls, lookups, downloads, events, queued].map(({ length }) => length)
})

interface Refusal {
  readonly error?: {
    readonly code: string
    readonly details: { readonly issues?: ReadonlyArray<Issue.Issue>; readonly [name: string]: unknown }
  }
}

/** Codes of answers to what was refused before anything was done. */
const untouched = new Set(["VALIDATION_ERROR", "ROUTE_NOT_FOUND", "PAYLOAD_TOO_LARGE", "CERTIFICATE_VALIDATION_ERROR"])

/** Fails unless a refusal names its issues and left no trace anywhere. */
const assertUntouched = (answer: Refusal, before: ReadonlyArray<number>) =>
  Effect.gen(function* () {
    const { error } = answer
    if (error === undefined || !untouched.has(error.code)) return
    const { issues } = error.details
    if (issues !== undefined) assertIssues(issues.map(({ path, reason }) => ({ path, reason: worded(reason) })))
    assert.deepStrictEqual(yield* traffic, before)
  })

/** Rules beyond the schemas have words of their own. */
const worded = (reason: string): string =>
  /^(?:contradicts the type, which means (?:GDPR|CCPA)|is not the id in the path)$/.test(reason)
    ? "is not valid"
    : reason

/** What names a workflow is what its lines are found by, and echoed. */
const unnamed = (event: unknown): unknown => {
  if (typeof event !== "object" || event === null || !("payload" in event)) return event
  const { payload } = event
  if (typeof payload !== "object" || payload === null || !("correlationId" in payload)) return event
  const { correlationId } = payload
  return typeof correlationId === "string"
    ? { ...event, payload: { ...payload, correlationId: correlationId.replaceAll(canary, "") } }
    : event
}

describe("Baton", () => {
  const events = FastCheck.oneof(
    { weight: 1, arbitrary: encoded(FlatRequest) },
    { weight: 4, arbitrary: damaged(encoded(InitiateRequest)) },
    { weight: 2, arbitrary: damaged(encoded(StatusRequest)) },
    { weight: 4, arbitrary: damaged(encoded(FlatRequest)) }
  )

  it.effect.prop(
    "is answered as documented, whatever it sends",
    [several(events)],
    ([specs]) =>
      Effect.forEach(
        specs,
        (spec) =>
          Effect.gen(function* () {
            const before = yield* traffic
            const { exit, text } = yield* written(during("25 seconds")(handleBaton(unnamed(parsed(spec)))))
            const answer = yield* Effect.orDie(exit)
            assert.isTrue(isBatonAnswer(answer), JSON.stringify(answer))
            assertHidden("a line", text)
            assertHidden("the answer", JSON.stringify({ ...answer, correlationId: "" }))
            yield* assertUntouched("error" in answer ? answer : {}, before)
            assert.notInclude(["INTERNAL_ERROR", "CONFIGURATION_ERROR"], "error" in answer ? answer.error.code : "")
            for (const record of yield* records) assert.isTrue(isRecord(record))
          }),
        { discard: true }
      ).pipe(inMemory()),
    options(0.4)
  )
})

const segments = FastCheck.oneof(
  FastCheck.constantFrom("data-subject-requests", "callback", "events", "health", "docs", "openapi.json", "request-1"),
  FastCheck.constantFrom(
    "",
    ".",
    "..",
    "%2e%2e",
    "%zz",
    "%",
    "%00",
    "%e0%a4",
    "%2F",
    "a".repeat(129),
    ":id",
    "__proto__"
  ),
  texts.map((text) => encodeURIComponent(text.toWellFormed()))
)

const paths = FastCheck.oneof(
  {
    weight: 4,
    arbitrary: FastCheck.constantFrom("/data-subject-requests", "/events", "/health", "/openapi.json", "/docs")
  },
  { weight: 2, arbitrary: segments.map((id) => `/data-subject-requests/${id}`) },
  { weight: 2, arbitrary: segments.map((id) => `/data-subject-requests/${id}/callback`) },
  { weight: 1, arbitrary: FastCheck.array(segments, { maxLength: 4 }).map((all) => `/${all.join("/")}`) }
)

const methods = FastCheck.oneof(
  { weight: 8, arbitrary: FastCheck.constantFrom("GET", "POST") },
  { weight: 1, arbitrary: FastCheck.constantFrom("PUT", "DELETE", "OPTIONS", "HEAD", "post", "", "__proto__") }
)

const bodies = bytes(documents(FastCheck.oneof(encoded(HttpSubmission), encoded(EventsRequest), encoded(Callback))))

/** The correlation id is echoed and names the lines, so nothing is planted in it. */
const named = texts.map((text) => text.replaceAll(canary, ""))

const headers = FastCheck.dictionary(
  FastCheck.constantFrom(
    "X-Correlation-Id",
    "x-correlation-id",
    "content-type",
    "__proto__",
    "X-OPENDSR-SIGNATURE",
    "a"
  ),
  named,
  { maxKeys: 4 }
)

/** A body in API Gateway's two ways; bytes that are no text come in base64 alone. */
const bodyOf = (body: Buffer, inBase64: boolean) => ({
  body: inBase64 ? body.toString("base64") : body.toString(),
  isBase64Encoded: inBase64
})

describe("a request over HTTP", () => {
  it.effect.prop(
    "is answered as the description says, whatever is in it",
    [several(FastCheck.tuple(methods, paths, bodies, headers, FastCheck.boolean()))],
    ([requests]) =>
      Effect.forEach(
        requests,
        ([method, path, body, given, inBase64]) =>
          Effect.gen(function* () {
            const before = yield* traffic
            const asked = ask(method, path, { headers: given, event: bodyOf(body, inBase64) })
            const { exit, text } = yield* written(during("14 seconds")(inTime(asked)))
            const answer = yield* exit
            assertHidden("a line", text)
            if (answer.status >= 400) assertHidden("the answer", answer.text)
            assert.notInclude([500, 504], answer.status, answer.text)
            yield* assertUntouched(answer.body as Refusal, before)
          }),
        { discard: true }
      ).pipe(inWorld()),
    options(0.4)
  )

  const sound = FastCheck.tuple(methods, paths, bodies, headers).map(([method, path, body, given]) =>
    eventOf(method, path, {
      headers: given,
      event: { ...bodyOf(body, true), body: body.toString("base64").slice(0, 2_000) }
    })
  )

  it.effect.prop(
    "in an event that is none of API Gateway's is refused, and one that still is, is answered",
    [several(damaged(sound))],
    ([specs]) =>
      Effect.forEach(
        specs,
        (spec) =>
          Effect.gen(function* () {
            const event = decodeEvent(parsed(spec))
            if (Either.isLeft(event)) return assertIssues(Issue.fromParseError(event.left))
            const answers: Array<ApiGatewayResult> = []
            const answerAtDeadline = (one: ApiGatewayResult) => void answers.push(one)
            const handled = handleHttp(event.right, { requestId: "lambda-1", answerAtDeadline })
            const result = yield* during("14 seconds")(inTime(handled))
            for (const one of [result, ...answers]) answerOf(one)
            assert.notStrictEqual(result.statusCode, 500, result.body)
          }),
        { discard: true }
      ).pipe(inWorld()),
    options(0.4)
  )
})

const ours = wordsOf(encoded(Callback))

const proofs = FastCheck.dictionary(
  FastCheck.constantFrom("x-opendsr-signature", "X-OpenDSR-Signature", "x-opendsr-processor-domain"),
  FastCheck.oneof(texts, FastCheck.constantFrom(domain, "AAAA", "A".repeat(344), "=".repeat(400))),
  { minKeys: 1 }
)

describe("a callback", () => {
  it.effect.prop(
    "that mParticle has signed is taken or refused, and leaves a record that can be read",
    [several(bytes(documents(ours)))],
    ([bodies]) =>
      Effect.gen(function* () {
        const { sign } = yield* variant("normal")
        const id = yield* filed
        for (const body of bodies) {
          const sent = about(id, body)
          const asked = ask("POST", callbackPath(id), { headers: proof(sign(sent)), event: bodyOf(sent, true) })
          const { exit, text } = yield* written(during("14 seconds")(asked))
          const answer = yield* exit
          assert.include([202, 400, 401, 413], answer.status, answer.text)
          assertHidden("a line", text)
          assertHidden("the answer", answer.text)
          for (const record of yield* records) assert.isTrue(isRecord(record), JSON.stringify(record))
        }
      }).pipe(inCallbackWorld()),
    options(0.4)
  )

  it.effect.prop(
    "that anybody else has sent is refused without a word, and changes nothing",
    [several(FastCheck.tuple(bytes(documents(ours)), proofs))],
    ([callbacks]) =>
      Effect.gen(function* () {
        const id = yield* filed
        const before = yield* traffic
        for (const [body, given] of callbacks) {
          const asked = ask("POST", callbackPath(id), { headers: given, event: bodyOf(body, true) })
          const { exit, text } = yield* written(during("14 seconds")(asked))
          const answer = yield* exit
          if (answer.status !== 413) assertRefused(answer)
          assertHidden("a line", text)
          assert.deepStrictEqual(yield* traffic, before)
        }
      }).pipe(inCallbackWorld()),
    options(0.4)
  )
})
