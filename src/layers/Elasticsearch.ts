/** One Elasticsearch cluster over HTTP: authenticated calls with a time limit, retries and a circuit breaker. */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import {
  type ElasticsearchFailure,
  ElasticsearchRejected,
  ElasticsearchTransient
} from "../schemas/ElasticsearchError.ts"
import type { CircuitOpen } from "../schemas/ResilienceError.ts"
import { Correlation } from "../services/Correlation.ts"
import { remainingMillis } from "../services/Deadline.ts"
import type { CircuitBreaker } from "../services/Resilience/CircuitBreaker.ts"
import { callTimeout } from "../services/Resilience/callTimeout.ts"
import { parseRetryAfter } from "../services/Resilience/parseRetryAfter.ts"
import * as Retry from "../services/Resilience/Retry.ts"
import * as Schedules from "../services/Resilience/Schedules.ts"
import * as Spans from "../services/Spans.ts"

/** How a cluster is reached. */
export interface ClusterOptions {
  /** What errors call it. */
  readonly name: string
  /** `https://host:port`. */
  readonly baseUrl: string
  readonly apiKey: Option.Option<Redacted.Redacted>
  readonly user: Option.Option<{ readonly name: string; readonly password: Redacted.Redacted }>
  readonly breaker: CircuitBreaker
}

/** A call; it must be harmless to make it twice. */
export interface Call {
  readonly method: "GET" | "HEAD" | "POST"
  readonly path: string
  /** JSON, or the lines of JSON that `_bulk` takes. */
  readonly body?: { readonly text: string; readonly contentType: "application/json" | "application/x-ndjson" }
}

/** A cluster. */
export interface Cluster {
  /** The text of a successful answer. */
  readonly call: (call: Call) => Effect.Effect<string, ElasticsearchFailure | CircuitOpen>
}

/** Milliseconds that one attempt may take. */
const timeoutMillis = 20_000

/** Whether a status says that the same may be answered otherwise a moment later. */
export const isTransient = (status: number): boolean => status === 429 || status >= 500

const authorized =
  ({ apiKey, user }: Pick<ClusterOptions, "apiKey" | "user">) =>
  (request: HttpClientRequest.HttpClientRequest): HttpClientRequest.HttpClientRequest => {
    if (Option.isSome(apiKey)) {
      return HttpClientRequest.setHeader(request, "authorization", `ApiKey ${Redacted.value(apiKey.value)}`)
    }
    if (Option.isNone(user)) return request
    // In UTF-8, as Elasticsearch reads it: the client's own way ends at the signs of western Europe.
    const basic = Encoding.encodeBase64(`${user.value.name}:${Redacted.value(user.value.password)}`)
    return HttpClientRequest.setHeader(request, "authorization", `Basic ${basic}`)
  }

/** Whether a failure is one of availability. */
const isOutage = (error: ElasticsearchFailure): boolean => error._tag === "ElasticsearchTransient"

const retryAfterMillis = (error: ElasticsearchFailure | CircuitOpen): number | undefined =>
  error._tag === "ElasticsearchTransient" ? error.retryAfterMillis : undefined

/** A cluster of these. */
export const make = (options: ClusterOptions): Effect.Effect<Cluster, never, HttpClient.HttpClient> =>
  Effect.gen(function* () {
    // The span below is the call's: the client's own would carry whole URLs and headers.
    const http = HttpClient.withTracerDisabledWhen(yield* HttpClient.HttpClient, () => true)
    const { baseUrl, breaker, name } = options
    const authorize = authorized(options)
    const budget = yield* Retry.makeBudget()

    const attempt = ({ body, method, path }: Call): Effect.Effect<string, ElasticsearchFailure> =>
      Effect.gen(function* () {
        const unreachable = () => new ElasticsearchTransient({ cluster: name })
        const request = HttpClientRequest.make(method)(`${baseUrl}${path}`).pipe(
          HttpClientRequest.setHeaders({
            accept: "application/json",
            "x-opaque-id": encodeURIComponent(yield* Correlation)
          }),
          HttpClientRequest.setHeaders(yield* Spans.outgoingHeaders),
          authorize,
          (plain) => (body === undefined ? plain : HttpClientRequest.bodyText(plain, body.text, body.contentType))
        )
        const { headers, status, text } = yield* http.execute(request).pipe(
          Effect.flatMap((response) =>
            Effect.map(response.text, (text) => ({ status: response.status, headers: response.headers, text }))
          ),
          Effect.mapError(unreachable),
          callTimeout({ upstream: name, milliseconds: Math.min(timeoutMillis, yield* remainingMillis) }),
          Effect.catchTag("CallTimeout", () => Effect.fail(unreachable()))
        )
        yield* Effect.annotateCurrentSpan("http.response.status_code", status)
        if (status >= 200 && status <= 299) return text
        if (!isTransient(status)) return yield* new ElasticsearchRejected({ cluster: name, status })
        const wait = parseRetryAfter(headers["retry-after"], yield* Clock.currentTimeMillis)
        return yield* new ElasticsearchTransient({
          cluster: name,
          status,
          ...(wait === undefined ? {} : { retryAfterMillis: wait })
        })
      }).pipe(
        Spans.withSpan(`elasticsearch ${name} ${method}`, {
          kind: "client",
          attributes: { "db.system.name": "elasticsearch", "http.request.method": method }
        })
      )

    return {
      call: (call) =>
        Retry.retry(breaker.protect(attempt(call), { isFailure: isOutage, retryAfterMillis }), {
          schedule: Schedules.elasticsearch,
          while: (error) => error._tag === "ElasticsearchTransient",
          retryAfterMillis,
          budget
        })
    }
  })

/** Reads an answer as JSON of this schema; one that is not is no answer of Elasticsearch's. */
export const decoder = <A, I>(
  cluster: string,
  schema: Schema.Schema<A, I>
): ((value: unknown) => Either.Either<A, ElasticsearchTransient>) => {
  const decode = Schema.decodeUnknownEither(schema)
  return (value) => Either.mapLeft(decode(value), () => new ElasticsearchTransient({ cluster, status: 200 }))
}
