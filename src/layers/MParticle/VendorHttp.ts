/** One authenticated HTTP call to mParticle: a time limit, fresh credentials when old ones are refused, errors told apart. */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { MParticleApiError, NetworkError, type UpstreamError } from "../../schemas/MParticleError.ts"
import { ErrorBody } from "../../schemas/OpenDsr.ts"
import * as TraceHeader from "../../schemas/TraceHeader.ts"
import { Correlation } from "../../services/Correlation.ts"
import { remainingMillis } from "../../services/Deadline.ts"
import * as Metrics from "../../services/Metrics.ts"
import { Parameters } from "../../services/Parameters.ts"
import { callTimeout } from "../../services/Resilience/callTimeout.ts"
import { parseRetryAfter } from "../../services/Resilience/parseRetryAfter.ts"
import * as Spans from "../../services/Spans.ts"
import { redactText } from "../Observability/redact.ts"

export interface VendorOptions {
  /** How errors and metrics call the upstream. */
  readonly upstream: string
  /** Names of the parameters with the key and the secret of Basic authentication. */
  readonly key: string
  readonly secret: string
  readonly timeoutMillis: number
}

export interface VendorAnswer {
  readonly status: number
  readonly body: string
  readonly retryAfterMillis: number | undefined
}

const maxMessageLength = 500

const decodeError = Schema.decodeUnknownEither(Schema.parseJson(ErrorBody))

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")

/** A text without the given values, in whatever case and also where they are percent-encoded. */
const without = (text: string, values: ReadonlyArray<string>): string =>
  values
    .flatMap((value) => [value, value.trim(), encodeURIComponent(value)])
    .reduce((clean, value) => clean.replace(new RegExp(escaped(value), "gi"), "[redacted]"), text)

/** mParticle's own words, without anything that we sent it about the person. */
const upstreamMessage = (body: string, personal: ReadonlyArray<string>): string | undefined => {
  const decoded = decodeError(body)
  if (Either.isLeft(decoded)) return undefined
  const inner = (decoded.right.errors ?? []).map((error) => error.message ?? "")
  const text = [decoded.right.message ?? "", ...inner].filter((part) => part !== "").join("; ")
  if (text === "") return undefined
  return redactText(without(text, personal)).slice(0, maxMessageLength)
}

/** An answer that is not a success, as the error it means. `personal` are the values of the person that were sent. */
export const errorFrom = (answer: VendorAnswer, personal: ReadonlyArray<string>): MParticleApiError => {
  const message = upstreamMessage(answer.body, personal)
  return new MParticleApiError({
    status: answer.status,
    ...(message === undefined ? {} : { upstreamMessage: message }),
    ...(answer.retryAfterMillis === undefined ? {} : { retryAfterSeconds: Math.ceil(answer.retryAfterMillis / 1000) })
  })
}

export const isSuccess = (answer: VendorAnswer): boolean => answer.status >= 200 && answer.status <= 299

/** The headers that let the upstream continue our trace. */
const traceHeaders: Effect.Effect<Readonly<Record<string, string>>> = Effect.map(
  Spans.current,
  Option.match({
    onNone: () => ({}),
    onSome: (span) => ({ traceparent: TraceHeader.formatTraceparent(span) })
  })
)

/** A caller of one of mParticle's APIs. */
export const make = (
  options: VendorOptions
): Effect.Effect<
  (request: HttpClientRequest.HttpClientRequest) => Effect.Effect<VendorAnswer, UpstreamError>,
  never,
  HttpClient.HttpClient | Parameters
> =>
  Effect.gen(function* () {
    // The span below is the call's: the client's own would carry whole URLs and headers.
    const http = HttpClient.withTracerDisabledWhen(yield* HttpClient.HttpClient, () => true)
    const parameters = yield* Parameters
    const { upstream } = options

    const credentials = Effect.all(
      { key: parameters.secret(options.key), secret: parameters.secret(options.secret) },
      { concurrency: "unbounded" }
    ).pipe(
      Effect.catchTag("ParametersUnavailable", () => Effect.fail(new NetworkError({ upstream: "the parameter store" })))
    )

    const answerOf = (response: HttpClientResponse.HttpClientResponse): Effect.Effect<VendorAnswer, UpstreamError> =>
      Effect.gen(function* () {
        const body = yield* Effect.mapError(response.text, () => new NetworkError({ upstream }))
        const now = yield* Clock.currentTimeMillis
        return {
          status: response.status,
          body,
          retryAfterMillis: parseRetryAfter(response.headers["retry-after"], now)
        }
      })

    const attempt = Effect.fnUntraced(function* (request: HttpClientRequest.HttpClientRequest) {
      const { key, secret } = yield* credentials
      const milliseconds = Math.min(options.timeoutMillis, yield* remainingMillis)
      const began = yield* Clock.currentTimeMillis
      const answer = yield* request.pipe(
        HttpClientRequest.basicAuth(Redacted.value(key), Redacted.value(secret)),
        HttpClientRequest.acceptJson,
        HttpClientRequest.setHeader("x-correlation-id", encodeURIComponent(yield* Correlation)),
        HttpClientRequest.setHeaders(yield* traceHeaders),
        http.execute,
        Effect.mapError(() => new NetworkError({ upstream })),
        Effect.flatMap(answerOf),
        callTimeout({ upstream, milliseconds })
      )
      yield* Metrics.duration("MParticleAPILatency", (yield* Clock.currentTimeMillis) - began, { Api: upstream })
      yield* Effect.annotateCurrentSpan("http.response.status_code", answer.status)
      return answer
    })

    const traced = (request: HttpClientRequest.HttpClientRequest) =>
      Effect.withSpan(attempt(request), `${upstream} ${request.method}`, {
        kind: "client",
        attributes: { "http.request.method": request.method }
      })

    return (request) =>
      Effect.flatMap(traced(request), (answer) =>
        // Credentials may have been rotated: once, with what the store says now.
        answer.status === 401 ? Effect.zipRight(parameters.invalidate, traced(request)) : Effect.succeed(answer)
      )
  })
