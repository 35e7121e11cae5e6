/** {@link EventsApi} over HTTP: two seconds a call, since nothing waits for it but a request. */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { NetworkError, type UpstreamError } from "../../schemas/MParticleError.ts"
import { EventsApi, type EventsApiShape } from "../../services/EventsApi.ts"
import { Parameters } from "../../services/Parameters.ts"
import { MParticleSettings } from "./Settings.ts"
import * as VendorHttp from "./VendorHttp.ts"

/** The client over the context's HTTP client, parameters and settings. */
export const make: Effect.Effect<EventsApiShape, never, HttpClient.HttpClient | Parameters | MParticleSettings> =
  Effect.gen(function* () {
    const settings = yield* MParticleSettings
    const parameters = yield* Parameters
    const call = yield* VendorHttp.make({
      upstream: "mParticle events",
      key: "events-api-key",
      secret: "events-api-secret",
      timeoutMillis: 2_000
    })

    /** The pod's own host, unless a base URL is set. */
    const baseUrl: Effect.Effect<string, UpstreamError> = Option.isSome(settings.eventsUrl)
      ? Effect.succeed(settings.eventsUrl.value)
      : parameters.get("pod").pipe(
          Effect.map((pod) => `https://s2s.${pod}.mparticle.com/v2`),
          Effect.catchTag("ParametersUnavailable", () =>
            Effect.fail(new NetworkError({ upstream: "the parameter store" }))
          )
        )

    return {
      upload: Effect.fnUntraced(function* (batch) {
        const url = yield* baseUrl
        const answer = yield* call(
          HttpClientRequest.post(`${url}/events`).pipe(HttpClientRequest.bodyUnsafeJson(batch))
        )
        if (!VendorHttp.isSuccess(answer)) {
          return yield* VendorHttp.errorFrom(answer, [batch.user_identities.customer_id])
        }
      })
    }
  })

/** {@link EventsApi} over the context's HTTP client. */
export const layer: Layer.Layer<EventsApi, never, HttpClient.HttpClient | Parameters | MParticleSettings> =
  Layer.effect(EventsApi, make)
