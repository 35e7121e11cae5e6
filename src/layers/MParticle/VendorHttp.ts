/** One authenticated HTTP call to a vendor: a time limit, fresh credentials when old ones are refused, errors told apart. */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Issue from "../../schemas/Issue.ts"
import { type ConfigurationError, MParticleApiError, NetworkError } from "../../schemas/MParticleError.ts"
import { ErrorBody } from "../../schemas/OpenDsr.ts"
import type { CallTimeout } from "../../schemas/ResilienceError.ts"
import { Correlation } from "../../services/Correlation.ts"
import { remainingMillis } from "../../services/Deadline.ts"
import * as Metrics from "../../services/Metrics.ts"
import { Parameters, type ParametersError, type ParametersShape } from "../../services/Parameters.ts"
import { callTimeout } from "../../services/Resilience/callTimeout.ts"
import { parseRetryAfter } from "../../services/Resilience/parseRetryAfter.ts"
import * as Spans from "../../services/Spans.ts"
import { redactText } from "../Observability/redact.ts"

/** Puts on a request what tells the vendor who calls. */
export type Authorize = (
  request: HttpClientRequest.HttpClientRequest
) => Effect.Effect<HttpClientRequest.HttpClientRequest, ConfigurationError | NetworkError>

/** Which API is called, and how. */
export interface VendorOptions {
  /** How errors and metrics call the upstream. */
  readonly upstream: string
  /** Run for each call, so that rotated credentials are picked up. */
  readonly authorize: (parameters: ParametersShape) => Authorize
  readonly timeoutMillis: number
  /** Name of the metric that says how long a call took; default `MParticleAPILatency`. */
  readonly latencyMetric?: string
}

/** What an API answered, whatever it says. */
export interface VendorAnswer {
  readonly status: number
  /** The media type without its parameters, in lower case; empty when the answer names none. */
  readonly mediaType: string
  /** None when the answer broke off after its status. */
  readonly body: string | undefined
  readonly retryAfterMillis: number | undefined
}

/** Why there is no answer. */
export type CallError = NetworkError | CallTimeout | ConfigurationError

const maxMessageLength = 500

const decodeError = Schema.decodeUnknownEither(Schema.parseJson(ErrorBody))

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")

const isBlank = (text: string): boolean => text.trim() === ""

/** A text without the given values, in whatever case and also where they are percent-encoded. */
const without = (text: string, values: ReadonlyArray<string>): string =>
  values
    .flatMap((value) => (isBlank(value) ? [] : [value, value.trim(), encodeURIComponent(value.toWellFormed())]))
    // What is longer is not in it, and there is no regular expression of any length.
    .filter((value) => value.length <= text.length)
    .reduce((clean, value) => clean.replace(new RegExp(escaped(value), "gi"), "[redacted]"), text)

/** The vendor's own words in the body of an error, without anything that we sent it about the person. */
export const upstreamMessage = (answer: VendorAnswer, personal: ReadonlyArray<string>): string | undefined => {
  const decoded = decodeError(answer.body)
  if (Either.isLeft(decoded)) return undefined
  const inner = (decoded.right.errors ?? []).map((error) => error.message ?? "")
  const text = [decoded.right.message ?? "", ...inner].filter((part) => part !== "").join("; ")
  if (text === "") return undefined
  // Cut before it is searched, far enough behind what is kept that no value is cut in two there.
  return redactText(without(text.slice(0, 4 * maxMessageLength), personal)).slice(0, maxMessageLength)
}

/** An answer that is not a success, as the error it means. `personal` are the values of the person that were sent. */
export const errorFrom = (answer: VendorAnswer, personal: ReadonlyArray<string>): MParticleApiError => {
  const message = upstreamMessage(answer, personal)
  return new MParticleApiError({
    status: answer.status,
    ...(message === undefined ? {} : { upstreamMessage: message }),
    ...(answer.retryAfterMillis === undefined ? {} : { retryAfterSeconds: Math.ceil(answer.retryAfterMillis / 1000) })
  })
}

/** Whether an answer has a status of success. */
export const isSuccess = (answer: VendorAnswer): boolean => answer.status >= 200 && answer.status <= 299

const mediaTypeOf = (contentType = ""): string =>
  /^[\w.+-]+\/[\w.+-]+/.exec(contentType.trim())?.[0].toLowerCase() ?? ""

const isJson = (mediaType: string): boolean => /^application\/(?:[\w.-]+\+)?json$/.test(mediaType)

/** A reader of answers that are JSON of this schema; of any other it says what is wrong, without its values. */
export const decoder = <A, I>(schema: Schema.Schema<A, I>): ((answer: VendorAnswer) => Either.Either<A, string>) => {
  const decode = Schema.decodeUnknownEither(Schema.parseJson(schema))
  return ({ body, mediaType }) => {
    if (!isJson(mediaType)) return Either.left(`could not parse response: ${mediaType || "no media type"} is not JSON`)
    return Either.mapLeft(
      decode(body),
      (error) => `could not parse response: ${Issue.render(Issue.fromParseError(error))}`
    )
  }
}

/** A store that cannot be asked is an upstream that cannot be reached. */
export const orUnreachable = <A>(
  parameter: Effect.Effect<A, ParametersError>
): Effect.Effect<A, ConfigurationError | NetworkError> =>
  Effect.catchTag(parameter, "ParametersUnavailable", () =>
    Effect.fail(new NetworkError({ upstream: "the parameter store" }))
  )

/** Basic authentication with the key and the secret in these parameters. */
export const basic =
  (key: string, secret: string): VendorOptions["authorize"] =>
  (parameters) => {
    const credentials = orUnreachable(Effect.zip(parameters.secret(key), parameters.secret(secret)))
    return (request) =>
      Effect.map(credentials, ([user, password]) =>
        HttpClientRequest.basicAuth(request, Redacted.value(user), Redacted.value(password))
      )
  }

/** Bearer authentication with the key in this parameter. */
export const bearer =
  (key: string): VendorOptions["authorize"] =>
  (parameters) =>
  (request) =>
    Effect.map(orUnreachable(parameters.secret(key)), (token) =>
      HttpClientRequest.bearerToken(request, Redacted.value(token))
    )

/** A caller of one of a vendor's APIs. */
export const make = (
  options: VendorOptions
): Effect.Effect<
  (request: HttpClientRequest.HttpClientRequest) => Effect.Effect<VendorAnswer, CallError>,
  never,
  HttpClient.HttpClient | Parameters
> =>
  Effect.gen(function* () {
    // The span below is the call's: the client's own would carry whole URLs and headers.
    const http = HttpClient.withTracerDisabledWhen(yield* HttpClient.HttpClient, () => true)
    const parameters = yield* Parameters
    const { latencyMetric = "MParticleAPILatency", upstream } = options
    const authorize = options.authorize(parameters)

    const answerOf = (response: HttpClientResponse.HttpClientResponse): Effect.Effect<VendorAnswer> =>
      Effect.gen(function* () {
        // The status is known by now: what follows it cannot make it unknown again.
        const body = yield* Effect.option(response.text)
        const now = yield* Clock.currentTimeMillis
        return {
          status: response.status,
          mediaType: mediaTypeOf(response.headers["content-type"]),
          body: Option.getOrUndefined(body),
          retryAfterMillis: parseRetryAfter(response.headers["retry-after"], now)
        }
      })

    const attempt = Effect.fnUntraced(function* (authorized: HttpClientRequest.HttpClientRequest) {
      const milliseconds = Math.min(options.timeoutMillis, yield* remainingMillis)
      const began = yield* Clock.currentTimeMillis
      const answer = yield* authorized.pipe(
        HttpClientRequest.acceptJson,
        HttpClientRequest.setHeader("x-correlation-id", encodeURIComponent(yield* Correlation)),
        HttpClientRequest.setHeaders(yield* Spans.outgoingHeaders),
        http.execute,
        Effect.mapError(() => new NetworkError({ upstream })),
        Effect.flatMap(answerOf),
        callTimeout({ upstream, milliseconds })
      )
      yield* Metrics.duration(latencyMetric, (yield* Clock.currentTimeMillis) - began, { Api: upstream })
      yield* Effect.annotateCurrentSpan("http.response.status_code", answer.status)
      return answer
    })

    const traced = (request: HttpClientRequest.HttpClientRequest) =>
      attempt(request).pipe(
        Spans.withSpan(`${upstream} ${request.method}`, {
          kind: "client",
          attributes: { "http.request.method": request.method }
        })
      )

    return Effect.fnUntraced(function* (request) {
      const authorized = yield* authorize(request)
      const answer = yield* traced(authorized)
      if (answer.status !== 401 && answer.status !== 403) return answer
      // Credentials may have been rotated: once more with what the store says now. A 403 may mean something else.
      yield* parameters.invalidate
      const renewed = yield* authorize(request)
      const isOther = renewed.headers["authorization"] !== authorized.headers["authorization"]
      return answer.status === 401 || isOther ? yield* traced(renewed) : answer
    })
  })
