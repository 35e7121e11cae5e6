/** The settings of the deletion function: few, so that a mistake in another function's setting does not stop it. */
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import { url } from "../Setting.ts"

/** What can be set from outside. */
export interface DeletionSettingsShape {
  /** `CODE` or `PROD`; part of every parameter's path. */
  readonly stage: "CODE" | "PROD"
  /** Base URL of the Events API, beside which profiles are deleted; none means the pod's own. */
  readonly eventsUrl: Option.Option<string>
  /** Base URL of Braze's REST API; none means that nobody is deleted there. */
  readonly brazeUrl: Option.Option<string>
}

/** The settings of the deletion function. */
export class DeletionSettings extends Context.Tag("integration-services/layers/MParticle/DeletionSettings")<
  DeletionSettings,
  DeletionSettingsShape
>() {}

/** Every setting. */
export const config: Config.Config<DeletionSettingsShape> = Config.all({
  stage: Config.literal("CODE", "PROD")("STAGE"),
  eventsUrl: Config.option(url("MPARTICLE_EVENTS_URL")),
  brazeUrl: Config.option(url("BRAZE_URL"))
})

/** The settings from the environment. */
export const layer: Layer.Layer<DeletionSettings, ConfigError.ConfigError> = Layer.effect(DeletionSettings, config)

/** Given settings, for tests. */
export const layerOf = (settings: DeletionSettingsShape): Layer.Layer<DeletionSettings> =>
  Layer.succeed(DeletionSettings, settings)
