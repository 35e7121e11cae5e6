/** The reconciliation, and the results of exports, over a store in memory, a bucket in memory and an mParticle that answers what the test says. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import * as EventsApiLayer from "../../src/layers/MParticle/EventsApi.ts"
import { breakerKey } from "../../src/layers/MParticle/Guards.ts"
import * as OpenDsrLayer from "../../src/layers/MParticle/OpenDsr.ts"
import * as ReconciliationLayer from "../../src/layers/MParticle/Reconciliation.ts"
import * as ResultsLayer from "../../src/layers/MParticle/Results.ts"
import { layerOf, type MParticleSettingsShape } from "../../src/layers/MParticle/Settings.ts"
import * as MParticleLayer from "../../src/layers/MParticle.ts"
import * as CircuitBreakerLayer from "../../src/layers/Resilience/CircuitBreaker.ts"
import { Alerts } from "../../src/services/Alerts.ts"
import { within } from "../../src/services/Deadline.ts"
import { FallbackQueue } from "../../src/services/FallbackQueue.ts"
import { Reconciliation } from "../../src/services/Reconciliation.ts"
import { RequestStore, type RequestStoreShape } from "../../src/services/RequestStore.ts"
import * as BreakerSettings from "../../src/services/Resilience/CircuitBreaker/Settings.ts"
import { Results } from "../../src/services/Results.ts"
import { during } from "./baton.ts"
import { Bucket, layer as bucket } from "./bucket.ts"
import { layer as memoryStore, MemoryStore } from "./memoryStore.ts"
import { freshUpstream, http, parameters, settings, Upstream } from "./mparticle.ts"
import { noon } from "./records.ts"

const outside = Layer.mergeAll(
  http,
  Layer.effect(
    FallbackQueue,
    Effect.map(Upstream, ({ queued }) => ({ send: (message) => Effect.sync(() => void queued.push(message)) }))
  )
)

const recordedAlerts = Layer.effect(
  Alerts,
  Effect.map(Upstream, ({ alerts }) => ({ raise: (alert) => Effect.sync(() => void alerts.push(alert)) }))
)

const results = Layer.effect(
  Results,
  Effect.flatMap(Bucket, ({ client }) => ResultsLayer.make(client))
)

export interface ReconcileWorld {
  readonly settings?: Partial<MParticleSettingsShape>
  readonly parameters?: Readonly<Record<string, string>>
  readonly alerts?: Layer.Layer<Alerts>
  /** Stands in front of the store. */
  readonly store?: (store: RequestStoreShape) => RequestStoreShape
}

const layerFor = (options: ReconcileWorld) => {
  const store = Layer.effect(
    RequestStore,
    Effect.map(RequestStore, (inner) => options.store?.(inner) ?? inner)
  ).pipe(Layer.provideMerge(memoryStore))
  return ReconciliationLayer.layer.pipe(
    Layer.provideMerge(MParticleLayer.layer),
    Layer.provideMerge(results),
    Layer.provide(Layer.mergeAll(OpenDsrLayer.layer, EventsApiLayer.layer)),
    Layer.provide(CircuitBreakerLayer.layerMemory({ settings: { [breakerKey]: BreakerSettings.mparticle } })),
    Layer.provideMerge(store),
    Layer.provide(Layer.mergeAll(outside, options.alerts ?? recordedAlerts)),
    Layer.provideMerge(Layer.sync(Upstream, freshUpstream)),
    Layer.provideMerge(bucket),
    Layer.provide(parameters(options.parameters)),
    Layer.provide(layerOf({ ...settings, ...options.settings }))
  )
}

/** Runs an effect over an empty store, a fresh mParticle and fresh guards, at noon. */
export const reconciling =
  (options: ReconcileWorld = {}) =>
  <A, E>(effect: Effect.Effect<A, E, Layer.Layer.Success<ReturnType<typeof layerFor>>>) =>
    Effect.zipRight(TestClock.setTime(noon), Effect.provide(effect, layerFor(options)))

/** What a test talks to. */
export const world = Effect.all({ fake: Upstream, memory: MemoryStore, bucket: Bucket })

/** One run in the time of an invocation, while the clock goes on by this much: not at all when S3 has a part in it. */
export const reconcile = (time: Duration.DurationInput = 0, budgetMillis = 299_500) =>
  Effect.flatMap(Reconciliation, ({ run }) => during(time)(within(budgetMillis)(run)))
