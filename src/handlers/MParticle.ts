/** What the MParticle functions run on, put together once. */
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as BatonLayer from "../layers/Baton.ts"
import * as Http from "../layers/Http.ts"
import * as IdentityResolver from "../layers/IdentityResolver.ts"
import * as EventsApi from "../layers/MParticle/EventsApi.ts"
import * as FallbackQueue from "../layers/MParticle/FallbackQueue.ts"
import * as DocumentsLayer from "../layers/Documents.ts"
import * as VerifierLayer from "../layers/MParticle/CallbackVerifier.ts"
import * as EventsLayer from "../layers/MParticle/Events.ts"
import { breakerKey as eventsBreakerKey } from "../layers/MParticle/Events.ts"
import { breakerKey } from "../layers/MParticle/Guards.ts"
import * as HealthLayer from "../layers/MParticle/Health.ts"
import * as OpenDsr from "../layers/MParticle/OpenDsr.ts"
import * as ReconciliationLayer from "../layers/MParticle/Reconciliation.ts"
import * as Results from "../layers/MParticle/Results.ts"
import * as RequestStore from "../layers/MParticle/RequestStore.ts"
import { layer as settings, MParticleSettings } from "../layers/MParticle/Settings.ts"
import * as MParticleLayer from "../layers/MParticle.ts"
import * as Alerts from "../layers/Observability/Alerts.ts"
import * as ParametersLayer from "../layers/Parameters.ts"
import * as CircuitBreaker from "../layers/Resilience/CircuitBreaker.ts"
import * as DynamoStore from "../layers/Resilience/CircuitBreaker/DynamoStore.ts"
import type { Baton } from "../services/Baton.ts"
import type { CallbackVerifier } from "../services/CallbackVerifier.ts"
import type { Documents } from "../services/Documents.ts"
import type { Events } from "../services/Events.ts"
import type { Health } from "../services/Health.ts"
import type { MParticle } from "../services/MParticle.ts"
import type { Parameters } from "../services/Parameters.ts"
import type { Reconciliation } from "../services/Reconciliation.ts"
import * as BreakerSettings from "../services/Resilience/CircuitBreaker/Settings.ts"

const names = [
  "dynamodb-table-name",
  "baton-correlation-table",
  "mparticle-api-key",
  "mparticle-api-secret",
  "events-api-key",
  "events-api-secret",
  "fallback-queue-url",
  "pod",
  "email-hash-key",
  "mparticle-workspace-id",
  "sar-results-bucket",
  "callback-certificate-path"
]

const parameters = Layer.unwrapEffect(
  Effect.map(MParticleSettings, ({ stage }) => ParametersLayer.layer({ prefix: `/mparticle-api/${stage}`, names }))
)

const breakers = CircuitBreaker.layer({
  settings: { [breakerKey]: BreakerSettings.mparticle, [eventsBreakerKey]: BreakerSettings.mparticle }
}).pipe(Layer.provide(DynamoStore.layer))

const ground = Results.layer.pipe(
  Layer.provideMerge(
    Layer.mergeAll(RequestStore.layer, OpenDsr.layer, EventsApi.layer, FallbackQueue.layer, Alerts.layer, breakers)
  )
)

/** MParticle with all that it stands on, over the HTTP client. */
const everything = MParticleLayer.layer.pipe(
  Layer.provideMerge(ground),
  Layer.provideMerge(parameters),
  Layer.provideMerge(settings)
)

/** The MParticle and Baton services over everything but the HTTP client. */
export const layerNoHttp: Layer.Layer<Baton | MParticle | Parameters, ConfigError.ConfigError, HttpClient.HttpClient> =
  BatonLayer.layer.pipe(Layer.provide(IdentityResolver.layer), Layer.provideMerge(everything))

/** What the HTTP function runs on, over everything but the HTTP client; its documents lie in a folder. */
export const httpLayerNoHttp = (
  documents: URL
): Layer.Layer<
  CallbackVerifier | Documents | Events | Health | MParticle | Parameters,
  ConfigError.ConfigError,
  HttpClient.HttpClient
> =>
  Layer.mergeAll(VerifierLayer.layer, EventsLayer.layer, HealthLayer.layer, DocumentsLayer.layer(documents)).pipe(
    Layer.provideMerge(everything)
  )

/** What the scheduled function runs on, over everything but the HTTP client. */
export const reconcileLayerNoHttp: Layer.Layer<
  Parameters | Reconciliation,
  ConfigError.ConfigError,
  HttpClient.HttpClient
> = ReconciliationLayer.layer.pipe(Layer.provideMerge(everything))

/** The MParticle and Baton services. */
export const layer: Layer.Layer<Baton | MParticle | Parameters, ConfigError.ConfigError> = Layer.provide(
  layerNoHttp,
  Http.reconnecting
)

/** What the HTTP function runs on. */
export const httpLayer = (
  documents: URL
): Layer.Layer<CallbackVerifier | Documents | Events | Health | MParticle | Parameters, ConfigError.ConfigError> =>
  Layer.provide(httpLayerNoHttp(documents), Http.reconnecting)

/** What the scheduled function runs on. */
export const reconcileLayer: Layer.Layer<Parameters | Reconciliation, ConfigError.ConfigError> = Layer.provide(
  reconcileLayerNoHttp,
  Http.reconnecting
)
