/** The service that takes events, over a fake Events API or over the simulated mParticle. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Http from "../../src/layers/Http.ts"
import * as EventsLayer from "../../src/layers/MParticle/Events.ts"
import * as EventsApiLayer from "../../src/layers/MParticle/EventsApi.ts"
import { layerOf, type MParticleSettingsShape } from "../../src/layers/MParticle/Settings.ts"
import * as CircuitBreakerLayer from "../../src/layers/Resilience/CircuitBreaker.ts"
import { CorrelationId, IdentityId } from "../../src/schemas/DataSubjectRequest.ts"
import type { IncomingEvent } from "../../src/schemas/Events.ts"
import type { Batch } from "../../src/schemas/EventsApi.ts"
import { MParticleApiError, NetworkError, type UpstreamError } from "../../src/schemas/MParticleError.ts"
import { CallTimeout } from "../../src/schemas/ResilienceError.ts"
import { Events } from "../../src/services/Events.ts"
import { EventsApi } from "../../src/services/EventsApi.ts"
import * as BreakerSettings from "../../src/services/Resilience/CircuitBreaker/Settings.ts"
import { startVendor } from "../local/mparticleVendor.ts"
import { parameters, settings } from "./mparticle.ts"

/** One batch that reached the fake Events API. */
export interface Uploaded {
  readonly batch: Batch
  /** When, in epoch milliseconds. */
  readonly at: number
}

/** The fake Events API: what it received, and what it answers. */
export interface FakeEventsApiShape {
  readonly uploads: Array<Uploaded>
  reply: (batch: Batch) => Effect.Effect<void, UpstreamError>
}

export class FakeEventsApi extends Context.Tag("test/FakeEventsApi")<FakeEventsApi, FakeEventsApiShape>() {}

const fakeApi = Layer.effect(
  EventsApi,
  Effect.map(FakeEventsApi, (fake) => ({
    upload: (batch: Batch) =>
      Effect.flatMap(Clock.currentTimeMillis, (at) => {
        fake.uploads.push({ batch, at })
        return fake.reply(batch)
      })
  }))
)

const breakers = CircuitBreakerLayer.layerMemory({
  settings: { [EventsLayer.breakerKey]: BreakerSettings.mparticle }
})

/** The service over a fake Events API that accepts everything; its breakers are there to be looked at. */
export const overFake = (changes: Partial<MParticleSettingsShape> = {}) =>
  Effect.provide(
    EventsLayer.layer.pipe(
      Layer.provide(fakeApi),
      Layer.provideMerge(breakers),
      Layer.provideMerge(
        Layer.sync(FakeEventsApi, (): FakeEventsApiShape => ({ uploads: [], reply: () => Effect.void }))
      ),
      Layer.provide(layerOf({ ...settings, ...changes }))
    )
  )

/** The simulated mParticle. */
export class Vendor extends Context.Tag("test/Vendor")<Vendor, Awaited<ReturnType<typeof startVendor>>>() {}

const vendor = Layer.scoped(
  Vendor,
  Effect.acquireRelease(
    Effect.promise(() => startVendor()),
    (started) => Effect.promise(() => started[Symbol.asyncDispose]())
  )
)

/** The service over the simulated mParticle, with these parameters in place of the right ones. */
export const overVendor = (overrides: Readonly<Record<string, string>> = {}) =>
  Effect.provide(
    Layer.unwrapEffect(
      Effect.map(Vendor, ({ url }) =>
        EventsLayer.layer.pipe(
          Layer.provide(EventsApiLayer.layer),
          Layer.provide(layerOf({ ...settings, eventsUrl: Option.some(`${url}/v2`) }))
        )
      )
    ).pipe(
      Layer.provideMerge(vendor),
      Layer.provide(
        Layer.mergeAll(
          breakers,
          Http.layer,
          parameters({ "events-api-key": "events-key", "events-api-secret": "events-secret", ...overrides })
        )
      )
    )
  )

/** One event each of that many people. */
export const ofPeople = (count: number): ReadonlyArray<IncomingEvent> =>
  Array.from({ length: count }, (_, at) => ({
    event_type: "page_view",
    data: { page: "/home" },
    user_id: IdentityId.make(`person-${at}`)
  }))

/** Whose events a batch holds. */
export const personOf = (batch: Batch): string | undefined =>
  "events" in batch ? batch.user_identities?.customer_id : undefined

export const process = (events: ReadonlyArray<IncomingEvent>, correlationId = "call-1") =>
  Effect.flatMap(Events, (service) => service.process(events, CorrelationId.make(correlationId)))

/** mParticle's answer with this status. */
export const answered = (status: number, retryAfterSeconds?: number): MParticleApiError =>
  new MParticleApiError({ status, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) })

export const reset = new NetworkError({ upstream: "mParticle events" })
export const silence = new CallTimeout({ upstream: "mParticle events", milliseconds: 5_000 })

/** Fails in turn with these, and accepts everything after them. */
export const failingWith = (...errors: ReadonlyArray<UpstreamError>) => {
  const left = [...errors]
  return (): Effect.Effect<void, UpstreamError> => left.shift() ?? Effect.void
}

/** Fails for these people with their error. */
export const failingFor =
  (errors: Readonly<Record<string, UpstreamError>>) =>
  (batch: Batch): Effect.Effect<void, UpstreamError> =>
    errors[personOf(batch) ?? ""] ?? Effect.void
