/** Staging's side of API Gateway: one webhook in, one answer out, whatever happens. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type { Channel } from "../schemas/Staging.ts"
import { meaningOf } from "../schemas/StagingCode.ts"
import { type AnyFailure, failure } from "../schemas/StagingError.ts"
import * as Metrics from "../services/Metrics.ts"
import { Staging } from "../services/Staging.ts"
import { channelOf } from "../services/Staging/Parsing.ts"
import { http, type HttpAnswer, type HttpRequest } from "./Lambda/Http.ts"
import { type AnswerOptions, preflight, toStagingResponse, toSuccess } from "./Staging/answers.ts"

/** Names a webhook over all of Twilio's tries. */
const idempotencyToken = "i-twilio-idempotency-token"

const count = (code: string, channel: Channel | undefined): Effect.Effect<void> =>
  Metrics.count("StagingOutcomes", { Code: code, Channel: channel ?? "none" })

/** A refused signature is a security event: who tried, without anything that could be sent again. */
const reportRefusal = (request: HttpRequest, reason: string): Effect.Effect<void> =>
  Effect.logError(`a webhook was not believed: ${reason}`).pipe(
    Effect.annotateLogs({
      event_type: "security_event",
      severity: "CRITICAL",
      description: "INVALID_SIGNATURE",
      source_ip: request.sourceIp,
      user_agent: request.headers.get("user-agent")?.at(-1)?.slice(0, 200) ?? "unknown"
    })
  )

const report = (request: HttpRequest, channel: Channel | undefined, error: AnyFailure): Effect.Effect<void> =>
  Effect.gen(function* () {
    const { authenticated, metric } = meaningOf(error.code)
    if (error.code === "INVALID_SIGNATURE") yield* reportRefusal(request, error.reason)
    else if (authenticated === "answer") yield* Effect.logWarning("a message was refused", Cause.fail(error))
    else yield* Effect.logError("a message was not taken", Cause.fail(error))
    if (metric !== undefined) yield* Metrics.count(metric)
    yield* count(error.code, channel)
  })

const take = (request: HttpRequest, channel: Channel): Effect.Effect<HttpAnswer, AnyFailure, Staging> =>
  Effect.gen(function* () {
    if (request.method !== "POST") return yield* failure("PARSING_ERROR", "the method is not POST")
    const receipt = yield* Effect.flatMap(Staging, (staging) => staging.receive(channel, request))
    if (receipt === "ignored") yield* Effect.logInfo("a report on a message of ours was acknowledged")
    yield* count(receipt.toUpperCase(), channel)
    return toSuccess(channel)
  })

/** Answers one webhook. A defect is one of ours: the log says which, and the sender need not send the message again. */
export const respond =
  (options: AnswerOptions) =>
  (request: HttpRequest): Effect.Effect<HttpAnswer, never, Staging> => {
    const channel = channelOf(request.path)
    if (request.method === "OPTIONS" && channel !== undefined) return Effect.succeed(preflight)
    const answer: Effect.Effect<HttpAnswer, AnyFailure, Staging> =
      channel === undefined ? failure("PARSING_ERROR", "the path is no channel's") : take(request, channel)
    return answer.pipe(
      Effect.catchAllDefect((defect) =>
        Effect.zipRight(
          Effect.logError("a webhook met a defect", Cause.die(defect)),
          failure("INTERNAL_ERROR", "an unexpected defect")
        )
      ),
      Effect.catchAll((error) => Effect.as(report(request, channel, error), toStagingResponse(channel, error, options)))
    )
  }

/** Answers API Gateway. */
export const handle = (options: AnswerOptions) =>
  http({
    handle: respond(options),
    atDeadline: ({ path }) =>
      Effect.succeed(
        toStagingResponse(channelOf(path), failure("DB_TRANSIENT_ERROR", "there was no time left"), options)
      ),
    correlationHeader: idempotencyToken
  })
