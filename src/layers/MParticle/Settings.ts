/** The settings of the MParticle functions, read from the environment when the layer is built. */
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import { flag, list, positiveSeconds, url } from "../Setting.ts"

/** What can be set from outside. */
export interface MParticleSettingsShape {
  /** `CODE` or `PROD`; part of every parameter's path. */
  readonly stage: "CODE" | "PROD"
  /** The feature flag of the Baton integration. */
  readonly batonEnabled: boolean
  /** How long an initiate may take, all retries included. */
  readonly batonTimeoutMillis: number
  /** Base URL of the DSR API, without a slash at the end. */
  readonly dsrUrl: string
  /** Base URL of the Events API; none means the pod's own. */
  readonly eventsUrl: Option.Option<string>
  /** Base URL under which mParticle reaches our callback, without a slash at the end. */
  readonly callbackBaseUrl: string
  /** Whether erasures skip mParticle's waiting period of seven days. */
  readonly skipWaitingPeriod: boolean
  /** A record that was not compared with mParticle's for this long is, when somebody asks for it. */
  readonly statusRefreshMillis: number
  /** How long the process that claims a request may keep others from sending it. */
  readonly leaseMillis: number
  /** The domains whose callbacks are taken, exactly as their header must say. */
  readonly processorDomains: ReadonlyArray<string>
  /** The hosts from which the callback certificate may be fetched. */
  readonly certificateHosts: ReadonlyArray<string>
  /** SHA-256 fingerprints of the only certificates that are taken, in lower-case hex; none means any with a path. */
  readonly certificatePins: ReadonlyArray<string>
  /** Whether a callback for another workspace, or with another callback URL than ours, is refused. */
  readonly strictCallbacks: boolean
  /** What stands before a request's id in the name of its results in S3. */
  readonly resultsPrefix: string
  /** How long one call to the DSR API may take; always well within the lease. */
  readonly attemptMillis: number
}

/** The settings of the MParticle functions. */
export class MParticleSettings extends Context.Tag("integration-services/layers/MParticle/Settings")<
  MParticleSettings,
  MParticleSettingsShape
>() {}

/** One call to the DSR API at most (seed [A]); less where the lease is shorter, so that no call outlives its lease. */
const attemptMillis = (leaseMillis: number): number => Math.min(5_000, Math.floor(leaseMillis / 2))

const callbackHosts = {
  CODE: "https://mparticle-api-code.support.guardianapis.com",
  PROD: "https://mparticle-api.support.guardianapis.com"
} as const

const domain = (text: string): string | undefined => (/^[A-Za-z0-9.-]+$/.test(text) ? text : undefined)

/** A SHA-256 fingerprint, with or without colons. */
const fingerprint = (text: string): string | undefined => {
  const hex = text.replaceAll(":", "").toLowerCase()
  return /^[0-9a-f]{64}$/.test(hex) ? hex : undefined
}

/** Every setting with its default. */
export const config: Config.Config<MParticleSettingsShape> = Config.all({
  stage: Config.literal("CODE", "PROD")("STAGE"),
  batonEnabled: flag("BATON_INTEGRATION_ENABLED").pipe(Config.withDefault(true)),
  batonTimeoutMillis: positiveSeconds("BATON_TIMEOUT_SECONDS").pipe(Config.withDefault(25_000)),
  dsrUrl: url("MPARTICLE_DSR_URL").pipe(Config.withDefault("https://opendsr.mparticle.com/v3")),
  eventsUrl: Config.option(url("MPARTICLE_EVENTS_URL")),
  callbackBaseUrl: Config.option(url("CALLBACK_BASE_URL")),
  skipWaitingPeriod: flag("MPARTICLE_SKIP_WAITING_PERIOD").pipe(Config.withDefault(true)),
  statusRefreshMillis: positiveSeconds("STATUS_REFRESH_SECONDS").pipe(Config.withDefault(900_000)),
  leaseMillis: positiveSeconds("CLAIM_LEASE_SECONDS").pipe(Config.withDefault(10_000)),
  processorDomains: list("PROCESSOR_DOMAINS", domain).pipe(Config.withDefault(["opendsr.mparticle.com"])),
  certificateHosts: list("CERTIFICATE_HOSTS", domain).pipe(
    Config.withDefault(["static.mparticle.com", "opendsr.mparticle.com"])
  ),
  certificatePins: list("CERTIFICATE_PINS", fingerprint).pipe(Config.withDefault([])),
  strictCallbacks: flag("STRICT_CALLBACKS").pipe(Config.withDefault(false)),
  resultsPrefix: Config.string("RESULTS_PREFIX").pipe(Config.withDefault(""))
}).pipe(
  Config.map(({ callbackBaseUrl, ...settings }) => ({
    ...settings,
    attemptMillis: attemptMillis(settings.leaseMillis),
    callbackBaseUrl: callbackBaseUrl._tag === "Some" ? callbackBaseUrl.value : callbackHosts[settings.stage]
  }))
)

/** The settings from the environment. */
export const layer: Layer.Layer<MParticleSettings, ConfigError.ConfigError> = Layer.effect(MParticleSettings, config)

/** Given settings, for tests. */
export const layerOf = (settings: MParticleSettingsShape): Layer.Layer<MParticleSettings> =>
  Layer.effect(MParticleSettings, Effect.succeed(settings))
