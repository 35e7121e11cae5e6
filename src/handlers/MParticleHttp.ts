/** The HTTP side of MParticle: submissions, status, mParticle's callbacks, events, health, and the documents of it all. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { CertificateValidationError } from "../schemas/CallbackError.ts"
import { CorrelationId, publicStatus, type RequestRecord } from "../schemas/DataSubjectRequest.ts"
import { type HttpQueued, type HttpStanding, type HttpSubmitted, wishOf } from "../schemas/Http.ts"
import { InternalError, OutOfTime, RouteNotFound } from "../schemas/HttpError.ts"
import { ValidationError } from "../schemas/MParticleError.ts"
import { CallbackVerifier } from "../services/CallbackVerifier.ts"
import { Correlation } from "../services/Correlation.ts"
import { Deadline } from "../services/Deadline.ts"
import { Documents } from "../services/Documents.ts"
import { Events } from "../services/Events.ts"
import { Health } from "../services/Health.ts"
import { MParticle, type Observed } from "../services/MParticle.ts"
import * as Metrics from "../services/Metrics.ts"
import { Parameters } from "../services/Parameters.ts"
import { trace } from "../services/Trace.ts"
import { resultsOf } from "./Baton/answers.ts"
import { http, type HttpAnswer, type HttpRequest, soleHeader } from "./Lambda/Http.ts"
import { type Handlers, make as makeRouter } from "./Lambda/HttpRouter.ts"
import { api } from "./MParticleHttp/Api.ts"
import { commonHeaders, type HttpError, toHttpResponse } from "./MParticleHttp/answers.ts"

const timestamp = Effect.map(Clock.currentTimeMillis, (now) => new Date(now).toISOString())

/** The answer at the deadline is made in advance: its time is the deadline's. */
const timeOfDeadline = Effect.flatMap(Deadline, (at) =>
  Number.isFinite(at) ? Effect.succeed(new Date(at).toISOString()) : timestamp
)

const typeOf = (record: RequestRecord): HttpStanding["type"] => record.submittedAs ?? record.type

/** The person's active request may have been filed in other words: the answer is about that one. */
const submitted = (record: RequestRecord, email: string): HttpSubmitted | HttpQueued => {
  const status = publicStatus(record.status)
  const facts = { id: record.id, email, type: typeOf(record), submittedAt: record.submittedAt }
  return status === "queued" ? { ...facts, status } : { ...facts, status }
}

const isHash = (email: string): boolean => !email.includes("@")

const standing = (record: RequestRecord, downloadUrls: ReadonlyArray<string>): HttpStanding => ({
  id: record.id,
  status: publicStatus(record.status),
  ...(record.email === undefined || isHash(record.email) ? {} : { email: record.email }),
  type: typeOf(record),
  submittedAt: record.submittedAt,
  ...(record.status === "completed" && record.completedAt !== undefined ? { completedAt: record.completedAt } : {}),
  ...resultsOf(record, downloadUrls)
})

const messages: Readonly<Record<Observed["results"], string>> = {
  none: "Callback accepted and processed",
  copied: "Callback accepted and processed - file downloaded",
  failed: "Callback accepted but file download failed"
}

/** Of what others say of themselves no more than this is logged. */
const longestSaying = 200

/** A refused callback is a security event: who tried, and why it was refused, without anything of its body. */
const reportRefusal = (
  request: HttpRequest,
  { certificateSubject = "none", reason }: CertificateValidationError
): Effect.Effect<void> =>
  Effect.logWarning("a callback was refused").pipe(
    Effect.annotateLogs({
      event_type: "security_event",
      severity: "MEDIUM",
      description: reason,
      source_ip: request.sourceIp,
      user_agent: request.headers.get("user-agent")?.at(-1)?.slice(0, longestSaying) ?? "unknown",
      certificate_subject: certificateSubject.slice(0, longestSaying)
    })
  )

const handlers: Handlers<typeof api, HttpError, CallbackVerifier | Events | Health | MParticle> = {
  submit: ({ payload }) =>
    Effect.gen(function* () {
      const { email, regulation, type } = yield* payload
      const wish = wishOf(regulation === undefined ? { type } : { type, regulation })
      if (Either.isLeft(wish)) return yield* new ValidationError({ issues: [wish.left] })
      const idempotencyKey = yield* Correlation
      const record = yield* Effect.flatMap(MParticle, (mparticle) =>
        mparticle.submitForEmail({ ...wish.right, email, submittedAs: type, idempotencyKey })
      )
      return submitted(record, email)
    }).pipe(trace("httpSubmit")),

  status: ({ path: { id } }) =>
    Effect.gen(function* () {
      const mparticle = yield* MParticle
      const record = yield* mparticle.find(id)
      return standing(record, yield* mparticle.downloadUrls(record))
    }).pipe(trace("httpStatus")),

  callback: ({ path: { id }, payload, request }) =>
    Effect.gen(function* () {
      const verifier = yield* CallbackVerifier
      yield* verifier
        .verify({
          body: request.body,
          domain: soleHeader(request, "x-opendsr-processor-domain"),
          signature: soleHeader(request, "x-opendsr-signature")
        })
        .pipe(Effect.tapErrorTag("CertificateValidationError", (error) => reportRefusal(request, error)))
      const callback = yield* payload
      if (callback.subject_request_id !== id) {
        return yield* new ValidationError({
          issues: [{ path: "subject_request_id", reason: "is not the id in the path" }]
        })
      }
      const { results } = yield* Effect.flatMap(MParticle, (mparticle) => mparticle.observe(callback))
      return { status: "received" as const, message: messages[results], timestamp: yield* timestamp }
    }).pipe(trace("callback")),

  events: ({ payload }) =>
    Effect.gen(function* () {
      const { events } = yield* payload
      const correlationId = CorrelationId.make(yield* Correlation)
      const count = yield* Effect.flatMap(Events, (service) => service.process(events, correlationId))
      return { events_processed: count, status: "success" as const }
    }).pipe(trace("events")),

  health: () =>
    Effect.gen(function* () {
      const seen = yield* Effect.flatMap(Health, ({ check }) => check)
      const checks = {
        mparticle: { healthy: seen.mparticle },
        dynamodb: { healthy: seen.dynamodb },
        parameterStore: { healthy: seen.parameterStore }
      }
      const facts = { timestamp: yield* timestamp, checks }
      return seen.mparticle && seen.dynamodb && seen.parameterStore
        ? { status: "healthy" as const, ...facts }
        : { status: "unhealthy" as const, ...facts }
    })
}

const route = makeRouter(api, handlers)

/** The documents of the API; they are about it, and no part of it. */
const document = (request: HttpRequest): Option.Option<Effect.Effect<HttpAnswer, never, Documents>> => {
  const serve = (type: string, read: (documents: Documents["Type"]) => Effect.Effect<string>) =>
    Option.some(
      Effect.map(Effect.flatMap(Documents, read), (body) => ({ status: 200, headers: { "content-type": type }, body }))
    )
  if (request.method !== "GET") return Option.none()
  if (request.path === "/openapi.json") return serve("application/json", ({ openApi }) => openApi)
  return request.path === "/docs" ? serve("text/html; charset=utf-8", ({ page }) => page) : Option.none()
}

type Answering<E> = Effect.Effect<HttpAnswer, E, CallbackVerifier | Documents | Events | Health | MParticle>

const answer = (request: HttpRequest): Answering<HttpError> =>
  Option.getOrElse(
    Option.orElse(route(request), (): Option.Option<Answering<HttpError>> => document(request)),
    () => Effect.fail(new RouteNotFound())
  )

const failed = (request: HttpRequest, error: HttpError): Effect.Effect<HttpAnswer> =>
  Effect.map(timestamp, (at) => toHttpResponse(error, request.requestId, at))

/** Answers one request. Whatever goes wrong, there is an answer: a defect is one of ours, and the log says which. */
export const respond = (request: HttpRequest): Answering<never> =>
  answer(request).pipe(
    Effect.map((success) => ({ ...success, headers: { ...commonHeaders, ...success.headers } })),
    Effect.catchAll((error) => failed(request, error)),
    Effect.catchAllDefect((defect) =>
      Effect.logError("a request met a defect", Cause.die(defect)).pipe(
        Effect.zipRight(Metrics.count("Defects")),
        Effect.zipRight(failed(request, new InternalError()))
      )
    )
  )

/** Answers API Gateway. */
export const handle = http({
  handle: respond,
  atDeadline: (request) => Effect.map(timeOfDeadline, (at) => toHttpResponse(new OutOfTime(), request.requestId, at))
})

/** What a first call needs: the parameters, and mParticle's certificate. Waits three seconds at most, and never fails. */
export const warmUp: Effect.Effect<void, never, CallbackVerifier | Parameters> = Effect.all(
  [
    Effect.flatMap(Parameters, (store) => store.get("dynamodb-table-name")),
    Effect.flatMap(CallbackVerifier, ({ prefetch }) => prefetch)
  ],
  { concurrency: "unbounded", discard: true }
).pipe(
  Effect.timeout("3 seconds"),
  Effect.catchAllCause((cause) => Effect.logWarning("the warm-up did not get everything", cause))
)
