/** The trigger API over HTTP, with a token that its calls share (contract B1.6, B1.7, Decision 6). */
import type { SecretsManagerClient } from "@aws-sdk/client-secrets-manager"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { ApiSecret, type ClientId, type TriggerDate } from "../../schemas/DexArchive.ts"
import { DexSecretError } from "../../schemas/DexArchiveError.ts"
import { CircuitOpen } from "../../schemas/ResilienceError.ts"
import { Correlation } from "../../services/Correlation.ts"
import { remainingMillis } from "../../services/Deadline.ts"
import { CircuitBreakers } from "../../services/Resilience/CircuitBreaker.ts"
import { callTimeout } from "../../services/Resilience/callTimeout.ts"
import { parseRetryAfter } from "../../services/Resilience/parseRetryAfter.ts"
import * as Retry from "../../services/Resilience/Retry.ts"
import * as Schedules from "../../services/Resilience/Schedules.ts"
import * as Spans from "../../services/Spans.ts"
import { TriggerFetchError, type TriggerApiShape } from "../../services/TriggerApi.ts"
import * as Secrets from "../Secrets.ts"
import { isJson } from "./responseBody.ts"
import type { DexSettings } from "./Settings.ts"
import * as Tokens from "./Tokens.ts"

/** Key of the breaker around the API. */
export const breakerKey = "dex-api"

/** What one attempt can fail with, before it is told to the run in fewer words. */
interface AttemptError {
  readonly _tag: "AttemptError"
  /** None where there is no answer; of the token endpoint, where it gives no token. */
  readonly status: number | "none" | "token"
  readonly reason: string
  readonly retryAfterMillis?: number | undefined
}

const attemptError = (
  reason: string,
  status: AttemptError["status"] = "none",
  retryAfterMillis?: number
): AttemptError => ({ _tag: "AttemptError", status, reason, retryAfterMillis })

const isOutage = ({ status }: AttemptError): boolean => status === "none" || (status !== "token" && status >= 500)

const isThrottled = (error: unknown): boolean =>
  typeof error === "object" && error !== null && "status" in error && (error.status === 408 || error.status === 429)

/** A token that cannot be had was asked for often enough already. */
const isTransient = (error: AttemptError): boolean => isOutage(error) || isThrottled(error)

/**
 * For a run: clients that fail however often they are tried must not take the others' tries, nor open the breaker. An API
 * that wants us slower fails everybody for a while, and the waits between the tries are what it wants: they cost nothing.
 */
const makeBudget: Effect.Effect<Retry.RetryBudget> = Effect.map(Retry.makeBudget(), (budget) => ({
  ...budget,
  spend: (error) => (isThrottled(error) ? 0 : budget.spend(error))
}))

/** The API, for a run with these settings. */
export const make = (
  secrets: SecretsManagerClient,
  { apiBaseUrl, apiSecret, attempts, timeoutMillis }: DexSettings
): Effect.Effect<TriggerApiShape, never, CircuitBreakers | HttpClient.HttpClient> =>
  Effect.gen(function* () {
    // The span below is the call's: the client's own would carry whole URLs and headers.
    const http = HttpClient.withTracerDisabledWhen(yield* HttpClient.HttpClient, () => true)
    const breakers = yield* CircuitBreakers
    const breaker = yield* breakers.get(breakerKey)
    const budget = yield* makeBudget

    const call = (token: string, clientId: ClientId, date: TriggerDate) =>
      Effect.gen(function* () {
        const request = HttpClientRequest.get(`${apiBaseUrl}/data-exchange/trigger`).pipe(
          HttpClientRequest.setUrlParams({ clientId, triggerDate: date }),
          HttpClientRequest.bearerToken(token),
          HttpClientRequest.acceptJson,
          HttpClientRequest.setHeaders({
            "content-type": "application/json",
            "x-correlation-id": encodeURIComponent(yield* Correlation),
            ...(yield* Spans.outgoingHeaders)
          })
        )
        const milliseconds = Math.max(1, Math.min(timeoutMillis, yield* remainingMillis))
        return yield* http.execute(request).pipe(
          Effect.flatMap((response) =>
            Effect.map(response.arrayBuffer, (body) => ({
              status: response.status,
              headers: response.headers,
              body: new Uint8Array(body)
            }))
          ),
          Effect.mapError(() => attemptError("no answer")),
          callTimeout({ upstream: "DEX", milliseconds }),
          Effect.catchTag("CallTimeout", ({ milliseconds: waited }) =>
            Effect.fail(attemptError(`no answer within ${waited} ms`))
          )
        )
      }).pipe(
        Effect.tap(({ status }) => Effect.annotateCurrentSpan("http.response.status_code", status)),
        Spans.withSpan("DEX GET", { kind: "client", attributes: { "http.request.method": "GET" } })
      )

    const open: TriggerApiShape["open"] = Effect.gen(function* () {
      const credentials = yield* Secrets.read(secrets, { name: apiSecret }, ApiSecret).pipe(
        Effect.mapError(({ reason }) => new DexSecretError({ setting: "API_SECRET_NAME", reason }))
      )
      const tokens = yield* Tokens.make(http, credentials)

      /** One answer, with one more try where the token was refused: it may have been revoked. */
      const answer = (clientId: ClientId, date: TriggerDate) =>
        Effect.gen(function* () {
          const token = yield* tokens.current
          const first = yield* call(token, clientId, date)
          if (first.status !== 401) {
            tokens.accepted(token)
            return first
          }
          const other = yield* tokens.after(token)
          if (other === token) return first
          const second = yield* call(other, clientId, date)
          if (second.status !== 401) tokens.accepted(other)
          return second
        }).pipe(Effect.catchTag("DexTokenError", (error) => Effect.fail(attemptError(error.message, "token"))))

      const attempt = (clientId: ClientId, date: TriggerDate) =>
        Effect.gen(function* () {
          const { body, headers, status } = yield* answer(clientId, date)
          if (status < 200 || status > 299) {
            const now = yield* Clock.currentTimeMillis
            return yield* Effect.fail(
              attemptError(`status ${status}`, status, parseRetryAfter(headers["retry-after"], now))
            )
          }
          return { body, contentType: headers["content-type"] ?? "" }
        })

      /** A batch can wait: while the API is left alone no call is made, and then the client has its turn after all. */
      const patient = <A, E>(effect: Effect.Effect<A, E | CircuitOpen>): Effect.Effect<A, E | CircuitOpen> =>
        Effect.catchIf(
          effect,
          (error): error is CircuitOpen & typeof error => error instanceof CircuitOpen,
          (error) =>
            Effect.gen(function* () {
              const { _tag } = yield* breaker.state
              // While one call tries the API, the breaker names the longest that it may take: it is mostly over at once.
              const millis = _tag === "Open" ? Math.max(100, error.retryAfterMillis) : 500
              if (millis >= (yield* remainingMillis)) return yield* Effect.fail(error)
              return yield* Effect.zipRight(Effect.sleep(millis), patient(effect))
            })
        )

      return {
        fetch: (clientId, date) =>
          Retry.retry(
            patient(
              breaker.protect(attempt(clientId, date), {
                isFailure: isOutage,
                retryAfterMillis: (error) => error.retryAfterMillis
              })
            ),
            {
              schedule: Schedules.dex(attempts),
              budget,
              while: (error) => error._tag === "AttemptError" && isTransient(error),
              retryAfterMillis: (error) => (error._tag === "AttemptError" ? error.retryAfterMillis : undefined)
            }
          ).pipe(
            Effect.mapError((error) =>
              error._tag === "AttemptError"
                ? new TriggerFetchError({ kind: "failed", reason: error.reason })
                : new TriggerFetchError({ kind: "time", reason: error.message })
            ),
            Effect.flatMap(({ body, contentType }) => {
              if (body.every((byte) => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d))) {
                return Effect.fail(new TriggerFetchError({ kind: "empty", reason: "an empty answer" }))
              }
              return isJson(body, contentType)
                ? Effect.succeed(body)
                : Effect.fail(new TriggerFetchError({ kind: "failed", reason: "the answer is no JSON" }))
            })
          )
      }
    })

    return { open }
  })
