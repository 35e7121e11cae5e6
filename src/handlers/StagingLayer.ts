/** What the Staging functions stand on: one composition for both. */
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as StagingImplementation from "../layers/Staging.ts"
import * as Conversations from "../layers/Staging/Conversations.ts"
import * as Queues from "../layers/Staging/Queues.ts"
import * as Settings from "../layers/Staging/Settings.ts"
import * as StageStore from "../layers/Staging/StageStore.ts"
import * as SweeperImplementation from "../layers/Staging/Sweeper.ts"
import * as WebhookAuth from "../layers/Staging/WebhookAuth.ts"
import type { Staging } from "../services/Staging.ts"
import type { Sweeper } from "../services/Sweeper.ts"

const ports = Layer.mergeAll(Conversations.layer, StageStore.layer, Queues.layer, WebhookAuth.layer)

const staging = StagingImplementation.layer.pipe(Layer.provideMerge(ports), Layer.provideMerge(Settings.layer))

/** The webhook's service, with the settings that its answers depend on. */
export const webhookLayer: Layer.Layer<Staging | Settings.StagingSettings, ConfigError.ConfigError> = staging

/** The sweeper. */
export const sweeperLayer: Layer.Layer<Sweeper, ConfigError.ConfigError> = Layer.provide(
  SweeperImplementation.layer,
  staging
)

/** Nothing has to be built before a first call: clients connect with it, and secrets belong to a message's tenant. */
export const warmUp: Effect.Effect<void> = Effect.void
