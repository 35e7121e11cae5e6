/** What a caller is told when something goes wrong: one envelope for everything, and nothing that is not for outside. */
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { assert, describe, it, vi } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Lambda from "../../../src/handlers/Lambda.ts"
import { handle } from "../../../src/handlers/MParticleHttp.ts"
import { type HttpError, toHttpResponse } from "../../../src/handlers/MParticleHttp/answers.ts"
import * as DocumentsLayer from "../../../src/layers/Documents.ts"
import { CertificateUnavailable, CertificateValidationError } from "../../../src/schemas/CallbackError.ts"
import { contractVersion } from "../../../src/schemas/ContractVersion.ts"
import { errorCodes } from "../../../src/schemas/ErrorCode.ts"
import { InternalError, OutOfTime, RouteNotFound } from "../../../src/schemas/HttpError.ts"
import { ApiGatewayEvent } from "../../../src/schemas/LambdaEvent.ts"
import {
  ConfigurationError,
  DatabaseError,
  EventsPartlyFailed,
  IdempotencyConflict,
  MParticleApiError,
  NetworkError,
  PayloadTooLarge,
  RequestNotFound,
  SubmissionFailed,
  ValidationError
} from "../../../src/schemas/MParticleError.ts"
import { CallTimeout, CircuitOpen, RateLimited } from "../../../src/schemas/ResilienceError.ts"
import { MParticle, type MParticleShape } from "../../../src/services/MParticle.ts"
import { type Answer, answerOf, ask, eventOf, failureOf, inWorld, statusOf, submit, world } from "../../support/http.ts"
import { written } from "../../support/logs.ts"
import { answerFaults, schemaFaults } from "../../support/openApi.ts"

const secret = new Error("a.person@example.com in /home/somebody/secret.ts")

const thrown = (): never => {
  throw secret
}

const upstream = "mParticle"
const refused = new MParticleApiError({ status: 429, upstreamMessage: "too many", retryAfterSeconds: 7 })
const open = new CircuitOpen({ upstream, retryAfterMillis: 30_001 })

/** Every error, with its status and the facts that it shows. */
const errors: ReadonlyArray<readonly [error: HttpError, status: number, details: object]> = [
  [new ValidationError({ issues: [{ path: "a", reason: "b" }] }), 400, { issues: [{ path: "a", reason: "b" }] }],
  [new ValidationError({ issues: [], reason: "C" }), 400, { issues: [], reason: "C" }],
  [new CertificateValidationError({ reason: "SIGNATURE_MISMATCH" }), 401, {}],
  [new RouteNotFound(), 404, {}],
  [new RequestNotFound({ requestId: "r" }), 404, { requestId: "r" }],
  [new IdempotencyConflict({ requestId: "r" }), 409, { requestId: "r" }],
  [new PayloadTooLarge({ path: "events.3", limitBytes: 1 }), 413, {}],
  [new RateLimited({ upstream, retryAfterMillis: 1 }), 429, { retryAfterSeconds: 1 }],
  [new DatabaseError({ operation: "get", reason: "Timeout" }), 500, { reason: "Timeout" }],
  [new ConfigurationError({ setting: "pod", reason: "is missing" }), 500, { reason: "pod" }],
  [new InternalError(), 500, {}],
  [refused, 502, { mparticleError: "too many", retryAfterSeconds: 7 }],
  [new MParticleApiError({ status: 403 }), 502, { mparticleError: "mParticle answered 403" }],
  [new NetworkError({ upstream }), 502, {}],
  [
    new SubmissionFailed({ requestId: "r", upstream: open }),
    502,
    { requestId: "r", mparticleError: "mParticle is left alone after repeated failures", retryAfterSeconds: 31 }
  ],
  [
    new EventsPartlyFailed({ accepted: 3, failed: 2, upstream: refused }),
    502,
    { accepted: 3, failed: 2, retryAfterSeconds: 7 }
  ],
  [
    new EventsPartlyFailed({ accepted: 3, failed: 2, upstream: new NetworkError({ upstream }) }),
    502,
    { accepted: 3, failed: 2 }
  ],
  [new CertificateUnavailable({ reason: "DISCOVERY_FAILED" }), 503, {}],
  [open, 503, { retryAfterSeconds: 31 }],
  [new CallTimeout({ upstream, milliseconds: 5_000 }), 504, {}],
  [new OutOfTime(), 504, {}]
]

describe("toHttpResponse", () => {
  it.each(errors)("%s is answered %i", (error, status, facts) => {
    const answer = toHttpResponse(error, "r-1", "2024-01-15T10:30:00.000Z")
    const body: unknown = JSON.parse(answer.body)
    assert.deepStrictEqual(body, {
      error: { code: error.code, message: error.message, details: { retryable: error.retryable, ...facts } },
      timestamp: "2024-01-15T10:30:00.000Z",
      request_id: "r-1"
    })
    assert.deepStrictEqual([answer.status, errorCodes[error.code].statusCode], [status, status])
    assert.deepStrictEqual(schemaFaults("#/components/schemas/HttpFailure", body), [])
    const seconds = "retryAfterSeconds" in facts ? String(facts.retryAfterSeconds) : undefined
    assert.strictEqual(answer.headers?.["retry-after"], seconds)
    assert.strictEqual(answer.headers?.["x-contract-version"], contractVersion)
  })

  it("says nothing of why a callback was refused", () => {
    const texts = (["BODY_MISSING", "EXPIRED", "PIN_MISMATCH"] as const).map(
      (reason) => toHttpResponse(new CertificateValidationError({ reason }), "r-1", "2024-01-15T10:30:00.000Z").body
    )
    assert.lengthOf([...new Set(texts)], 1)
  })
})

/** The world with a part of the service in place of its own. */
const changed = (changes: (real: MParticleShape) => Partial<MParticleShape>) =>
  Effect.provide(
    Layer.provideMerge(
      Layer.effect(
        MParticle,
        Effect.map(MParticle, (real) => ({ ...real, ...changes(real) }))
      ),
      world()
    )
  )

/** Asks for a request, and answers the failure; the log has to have one line of it, and neither shows what is secret. */
const defectIn = <E, R>(call: Effect.Effect<Answer, E, R>) =>
  Effect.gen(function* () {
    const { exit, lines, text } = yield* written(call)
    const answer = yield* Effect.orDie(exit)
    const { error } = failureOf(answer, 500, "INTERNAL_ERROR")
    assert.deepStrictEqual(error, {
      code: "INTERNAL_ERROR",
      message: "The service has a fault of its own",
      details: { retryable: false }
    })
    const [line, ...others] = lines.filter(({ message }) => message === "a request met a defect")
    assert.lengthOf(others, 0)
    assert.include(line, { level: "ERROR", defect: true, correlationId: answer.headers["x-correlation-id"] })
    for (const shown of [text, answer.text]) assert.notMatch(shown, /a\.person|somebody/)
    assert.match(text, /"Defects":1/)
  })

describe("a defect", () => {
  it.effect.each([
    ["an error", Effect.die(secret)],
    ["a text", Effect.die("a.person@example.com")],
    ["nothing at all", Effect.die(undefined)],
    ["a throw", Effect.sync(thrown)]
  ] as const)("that is %s is answered 500 and stands in the log, each without what it holds", ([, find]) =>
    defectIn(statusOf("a")).pipe(changed(() => ({ find: () => find })))
  )

  it.effect("is an answer that the description does not know", () =>
    Effect.gen(function* () {
      const { body } = yield* submit({ email: "a.person@example.com" })
      yield* defectIn(statusOf(body["id"]))
    }).pipe(
      changed(({ find }) => ({
        find: (id) => Effect.map(find(id), (record) => ({ ...record, submittedAt: "yesterday" }))
      }))
    )
  )

  it.effect("is a document that is not there", () =>
    Effect.forEach(["/openapi.json", "/docs"], (path) => defectIn(ask("GET", path))).pipe(
      inWorld({ documents: DocumentsLayer.layer(new URL("file:///nowhere/somebody/")) })
    )
  )
})

describe("the documents", () => {
  it.live("are the files beside the bundle", () =>
    Effect.gen(function* () {
      const folder = yield* Effect.acquireRelease(
        Effect.promise(() => mkdtemp(join(tmpdir(), "documents-"))),
        (path) => Effect.promise(() => rm(path, { recursive: true }))
      )
      yield* Effect.promise(async () => {
        await writeFile(join(folder, "openapi.json"), '{"openapi":"3.1.0"}')
        await writeFile(join(folder, "docs.html"), "<!DOCTYPE html><p>é")
      })
      const documents = DocumentsLayer.layer(pathToFileURL(`${folder}/`))
      const page = yield* ask("GET", "/docs").pipe(inWorld({ documents }))
      assert.deepStrictEqual([page.status, page.text], [200, "<!DOCTYPE html><p>é"])
      const openApi = yield* ask("GET", "/openapi.json").pipe(inWorld({ documents }))
      assert.deepStrictEqual([openApi.status, openApi.body], [200, { openapi: "3.1.0" }])
    }).pipe(Effect.scoped)
  )
})

describe("the deadline", () => {
  const context = (awsRequestId: string, remaining: number): Lambda.LambdaContext => ({
    awsRequestId,
    functionName: "mparticle-api-http",
    getRemainingTimeInMillis: () => remaining
  })

  it("is answered 504 in time, under the call's own ids and with the time of the answer", async () => {
    const lines: Array<string> = []
    using _ = vi.spyOn(process.stdout, "write").mockImplementation((chunk) => lines.push(String(chunk)) > 0)
    const silent = Layer.map(world(), (context) =>
      Context.add(context, MParticle, { ...Context.get(context, MParticle), find: () => Effect.never })
    )
    const handler = await Lambda.make({
      layer: silent,
      warmUp: Effect.void,
      namespace: "Test",
      event: ApiGatewayEvent,
      handle
    })
    const began = Date.now()
    const path = "/data-subject-requests/a"
    const event = eventOf("GET", path, { headers: { "x-correlation-id": "call-1" } })
    const result = await handler(event, context("lambda-1", 800))
    const took = Date.now() - began
    assert.isBelow(took, 800)
    if (!("statusCode" in result)) return assert.fail("it was taken for a warm-up")
    const answer = answerOf(result)
    const { error, timestamp } = failureOf(answer, 504, "TIMEOUT")
    assert.isTrue(error.details["retryable"])
    assert.deepStrictEqual(answerFaults({ method: "GET", path }, answer), [])
    assert.include(answer.headers, { "x-correlation-id": "call-1", "x-request-id": "gateway-1" })
    assert.isAtLeast(Date.parse(timestamp), began + 300)
    assert.isAtMost(Date.parse(timestamp), Date.now())
    assert.match(lines.join(""), /the invocation ran out of time/)
  })
})
