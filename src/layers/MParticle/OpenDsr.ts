/** {@link OpenDsr} over HTTP: five seconds a call. */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { MParticleApiError } from "../../schemas/MParticleError.ts"
import { RequestState, SubmitAccepted } from "../../schemas/OpenDsr.ts"
import { OpenDsr, type OpenDsrShape } from "../../services/OpenDsr.ts"
import type { Parameters } from "../../services/Parameters.ts"
import * as RateLimiter from "../Resilience/RateLimiter.ts"
import { MParticleSettings } from "./Settings.ts"
import * as VendorHttp from "./VendorHttp.ts"

const readAccepted = VendorHttp.decoder(SubmitAccepted)
const readState = VendorHttp.decoder(RequestState)

const unusable = (flaw: string): MParticleApiError => new MParticleApiError({ flaw })

/**
 * An answer that is not a success, as the error it means. Only 4xx and 5xx are mParticle's own: a redirect, and a time-out
 * (408), after which HTTP lets a request be repeated, say something of the way to it and nothing of the request.
 */
const errorFrom = (answer: VendorHttp.VendorAnswer, personal: ReadonlyArray<string>): MParticleApiError =>
  answer.status < 400 || answer.status === 408
    ? unusable(`it answered ${answer.status}`)
    : VendorHttp.errorFrom(answer, personal)

/** The client over the context's HTTP client, parameters and settings, below a quota. */
export const make = (
  quota: RateLimiter.RateLimiterOptions = RateLimiter.mparticle
): Effect.Effect<OpenDsrShape, never, HttpClient.HttpClient | Parameters | MParticleSettings> =>
  Effect.gen(function* () {
    const settings = yield* MParticleSettings
    // A call must not wait here for so long that it outlives the lease under which it is made.
    const maxWaitMillis = Math.min(1_000, settings.attemptMillis / 2)
    const limiter = yield* RateLimiter.make({ ...quota, maxWaitMillis })
    const unlimited = yield* VendorHttp.make({
      upstream: "mParticle",
      authorize: VendorHttp.basic("mparticle-api-key", "mparticle-api-secret"),
      timeoutMillis: settings.attemptMillis
    })
    // mParticle counts every call of the workspace for the minute, and new requests for the day.
    const call = (request: HttpClientRequest.HttpClientRequest) =>
      limiter.limit(unlimited(request), { daily: request.method === "POST" })

    return {
      submit: Effect.fnUntraced(function* (body) {
        const answer = yield* call(
          HttpClientRequest.post(`${settings.dsrUrl}/requests`).pipe(HttpClientRequest.bodyUnsafeJson(body))
        )
        if (!VendorHttp.isSuccess(answer)) {
          return yield* errorFrom(
            answer,
            Object.values(body.subject_identities).map(({ value }) => value)
          )
        }
        return yield* Either.mapLeft(readAccepted(answer), unusable)
      }),

      get: Effect.fnUntraced(function* (id, personal) {
        const answer = yield* call(HttpClientRequest.get(`${settings.dsrUrl}/requests/${encodeURIComponent(id)}`))
        // Only mParticle's own words: a 404 of whatever else is in between says nothing of the request.
        if (answer.status === 404 && VendorHttp.upstreamMessage(answer, []) !== undefined) return Option.none()
        if (answer.status === 404) return yield* new MParticleApiError({})
        if (!VendorHttp.isSuccess(answer)) return yield* errorFrom(answer, personal)
        return Option.some(yield* Either.mapLeft(readState(answer), unusable))
      })
    }
  })

/** {@link OpenDsr} over the context's HTTP client. */
export const layer: Layer.Layer<OpenDsr, never, HttpClient.HttpClient | Parameters | MParticleSettings> = Layer.effect(
  OpenDsr,
  make()
)
