/** {@link EventsApi} over HTTP: five seconds a call, two where it only comes before a request. */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { UpstreamError } from "../../schemas/MParticleError.ts"
import { EventsApi, type EventsApiShape } from "../../services/EventsApi.ts"
import { Parameters } from "../../services/Parameters.ts"
import { MParticleSettings } from "./Settings.ts"
import * as VendorHttp from "./VendorHttp.ts"

/** How errors and metrics call the Events API. */
export const upstream = "mParticle events"

/** The client over the context's HTTP client, parameters and settings. */
export const make: Effect.Effect<EventsApiShape, never, HttpClient.HttpClient | Parameters | MParticleSettings> =
  Effect.gen(function* () {
    const settings = yield* MParticleSettings
    const parameters = yield* Parameters
    const authorize = VendorHttp.basic("events-api-key", "events-api-secret")
    const uploadEvents = yield* VendorHttp.make({ upstream, authorize, timeoutMillis: 5_000 })
    // Nothing waits for it but a request.
    const uploadExclusion = yield* VendorHttp.make({ upstream, authorize, timeoutMillis: 2_000 })

    /** The pod's own host, unless a base URL is set. */
    const baseUrl: Effect.Effect<string, UpstreamError> = Option.isSome(settings.eventsUrl)
      ? Effect.succeed(settings.eventsUrl.value)
      : Effect.map(VendorHttp.orUnreachable(parameters.get("pod")), (pod) => `https://s2s.${pod}.mparticle.com/v2`)

    return {
      upload: Effect.fnUntraced(function* (batch) {
        const url = yield* baseUrl
        const call = "events" in batch ? uploadEvents : uploadExclusion
        const answer = yield* call(
          HttpClientRequest.post(`${url}/events`).pipe(HttpClientRequest.bodyUnsafeJson(batch))
        )
        if (VendorHttp.isSuccess(answer)) return
        return yield* "events" in batch
          ? // mParticle's words may repeat anything that the events say of a person.
            VendorHttp.errorFrom({ ...answer, body: undefined }, [])
          : VendorHttp.errorFrom(answer, Object.values(batch.user_identities))
      })
    }
  })

/** {@link EventsApi} over the context's HTTP client. */
export const layer: Layer.Layer<EventsApi, never, HttpClient.HttpClient | Parameters | MParticleSettings> =
  Layer.effect(EventsApi, make)
