/** {@link OpenDsr} over HTTP: Basic authentication, five seconds a call, errors told apart by what they mean. */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { MParticleApiError, NetworkError, type UpstreamError } from "../../schemas/MParticleError.ts"
import { ErrorBody, SubmitAccepted, type SubmitRequest } from "../../schemas/OpenDsr.ts"
import { CallTimeout } from "../../schemas/ResilienceError.ts"
import { Correlation } from "../../services/Correlation.ts"
import { OpenDsr, type OpenDsrShape } from "../../services/OpenDsr.ts"
import { Parameters } from "../../services/Parameters.ts"
import { redactText } from "../Observability/redact.ts"
import { MParticleSettings } from "./Settings.ts"

const upstream = "mParticle"
const timeoutMillis = 5_000
const maxMessageLength = 500

const decodeError = Schema.decodeUnknownEither(Schema.parseJson(ErrorBody))
const decodeAccepted = Schema.decodeUnknownEither(Schema.parseJson(SubmitAccepted))

/** mParticle's own words, without anything that we sent it about the person. */
const upstreamMessage = (body: string, personal: ReadonlyArray<string>): string | undefined => {
  const decoded = decodeError(body)
  if (Either.isLeft(decoded)) return undefined
  const inner = (decoded.right.errors ?? []).map((error) => error.message ?? "").filter((text) => text !== "")
  const text = [decoded.right.message ?? "", ...inner].filter((part) => part !== "").join("; ")
  if (text === "") return undefined
  const clean = personal.reduce((cleaned, value) => cleaned.replaceAll(value, "[redacted]"), text)
  return redactText(clean).slice(0, maxMessageLength)
}

const retryAfterSeconds = (response: HttpClientResponse.HttpClientResponse): number | undefined => {
  const seconds = Number(response.headers["retry-after"])
  return Number.isFinite(seconds) && seconds >= 0 ? seconds : undefined
}

const statusError = (
  response: HttpClientResponse.HttpClientResponse,
  body: string,
  personal: ReadonlyArray<string>
): MParticleApiError => {
  const message = upstreamMessage(body, personal)
  const retryAfter = retryAfterSeconds(response)
  return new MParticleApiError({
    status: response.status,
    ...(message === undefined ? {} : { upstreamMessage: message }),
    ...(retryAfter === undefined ? {} : { retryAfterSeconds: retryAfter })
  })
}

/** The client over the context's HTTP client, parameters and settings. */
export const make: Effect.Effect<OpenDsrShape, never, HttpClient.HttpClient | Parameters | MParticleSettings> =
  Effect.gen(function* () {
    const http = yield* HttpClient.HttpClient
    const parameters = yield* Parameters
    const settings = yield* MParticleSettings

    const credentials = Effect.all(
      { key: parameters.secret("mparticle-api-key"), secret: parameters.secret("mparticle-api-secret") },
      { concurrency: "unbounded" }
    ).pipe(
      Effect.catchTag("ParametersUnavailable", () => Effect.fail(new NetworkError({ upstream: "the parameter store" })))
    )

    /** One call: its status and its whole body, within the time limit. */
    const call = Effect.fnUntraced(function* (request: HttpClientRequest.HttpClientRequest) {
      const { key, secret } = yield* credentials
      return yield* request.pipe(
        HttpClientRequest.basicAuth(Redacted.value(key), Redacted.value(secret)),
        HttpClientRequest.acceptJson,
        HttpClientRequest.setHeader("x-correlation-id", yield* Correlation),
        http.execute,
        Effect.flatMap((response) => Effect.map(response.text, (body) => ({ response, body }))),
        Effect.mapError(() => new NetworkError({ upstream })),
        Effect.timeoutFail({
          duration: timeoutMillis,
          onTimeout: () => new CallTimeout({ upstream, milliseconds: timeoutMillis })
        })
      )
    })

    const submit = Effect.fn("OpenDsr.submit")(function* (body: SubmitRequest) {
      const { response, body: text } = yield* call(
        HttpClientRequest.post(`${settings.dsrUrl}/requests`).pipe(HttpClientRequest.bodyUnsafeJson(body))
      )
      if (response.status < 200 || response.status > 299) {
        return yield* statusError(response, text, [body.subject_identities.controller_customer_id.value])
      }
      const accepted = decodeAccepted(text)
      return Either.isRight(accepted) ? accepted.right : yield* new MParticleApiError({})
    }) satisfies (body: SubmitRequest) => Effect.Effect<SubmitAccepted, UpstreamError>

    return { submit }
  })

/** {@link OpenDsr} over the context's HTTP client. */
export const layer: Layer.Layer<OpenDsr, never, HttpClient.HttpClient | Parameters | MParticleSettings> = Layer.effect(
  OpenDsr,
  make
)
