/** The settings of the Staging functions, read from the environment when the layer is built (contract A1.10, Decision 10). */
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import type { Channel } from "../../schemas/Staging.ts"
import { flag, invalid, positiveSeconds, url } from "../Setting.ts"

/** What can be set from outside. */
export interface StagingSettingsShape {
  readonly tables: { readonly conversations: string; readonly stage: string; readonly lock: string }
  readonly queueUrls: Readonly<Record<Channel | "handoff", string>>
  /** Where messages wait that could not be staged; without one such a message is the sender's to send again. */
  readonly parkingQueueUrl: Option.Option<string>
  /** Where handoffs go that are too large for a queue. */
  readonly handoffBucket: Option.Option<string>
  /** Seconds for which messages of a conversation are gathered before their reader is told. */
  readonly windowSeconds: number
  /** Seconds that a lock outlives its trigger. */
  readonly lockBufferSeconds: number
  /** Seconds after which a staged message that nobody read is gone. */
  readonly stageTtlSeconds: number
  /** Seconds for which a message that comes again is known. */
  readonly tombstoneTtlSeconds: number
  /** Milliseconds for which a secret is used without being fetched again. */
  readonly secretCacheMillis: number
  /** Whether a conversation's `hand_off_to_human` counts. */
  readonly honourHandoffFlag: boolean
  /** Milliseconds after which a reader that has not come to its end is taken for dead. */
  readonly lockedStaleMillis: number
  /** What Twilio is answered when a signature is wrong. */
  readonly invalidSignatureStatus: 200 | 403
  /** Scheme, host and base path under which providers reach us; what API Gateway says, when it is not set. */
  readonly publicBaseUrl: Option.Option<string>
}

/** The settings of the Staging functions. */
export class StagingSettings extends Context.Tag("integration-services/layers/Staging/Settings")<
  StagingSettings,
  StagingSettingsShape
>() {}

/** A whole number of seconds within limits. */
const seconds = (name: string, min: number, max: number): Config.Config<number> =>
  Config.string(name).pipe(
    Config.mapOrFail((text) => {
      const value = /^\d+$/.test(text.trim()) ? Number(text) : Number.NaN
      return value >= min && value <= max
        ? Either.right(value)
        : invalid(`must be a whole number of seconds from ${min} to ${max}`)
    })
  )

const name = (variable: string): Config.Config<string> => Config.nonEmptyString(variable)

const yearSeconds = 31_536_000

/** Every setting with its default. */
export const config: Config.Config<StagingSettingsShape> = Config.all({
  tables: Config.all({
    conversations: name("CONVERSATIONS_TABLE_NAME"),
    stage: name("STAGE_TABLE_NAME"),
    lock: name("LOCK_TABLE_NAME")
  }),
  queueUrls: Config.all({
    whatsapp: url("WHATSAPP_QUEUE_URL"),
    sms: url("SMS_QUEUE_URL"),
    email: url("EMAIL_QUEUE_URL"),
    handoff: url("HANDOFF_QUEUE_URL")
  }),
  parkingQueueUrl: Config.option(url("PARKING_QUEUE_URL")),
  handoffBucket: Config.option(name("HANDOFF_BUCKET")),
  // SQS delays a message by 900 s at most.
  windowSeconds: seconds("BATCH_WINDOW_SECONDS", 0, 900).pipe(Config.withDefault(10)),
  lockBufferSeconds: seconds("TTL_BUFFER_SECONDS", 1, 86_400).pipe(Config.withDefault(60)),
  stageTtlSeconds: seconds("STAGE_TTL_SECONDS", 1, yearSeconds).pipe(Config.withDefault(259_200)),
  // The contract's day. What is parked must be known for as long as it can come back: deployed it is longer.
  tombstoneTtlSeconds: seconds("TOMBSTONE_TTL_SECONDS", 60, yearSeconds).pipe(Config.withDefault(86_400)),
  secretCacheMillis: positiveSeconds("SECRET_CACHE_SECONDS").pipe(Config.withDefault(300_000)),
  honourHandoffFlag: flag("HONOUR_HANDOFF_FLAG").pipe(Config.withDefault(true)),
  lockedStaleMillis: positiveSeconds("LOCKED_STALE_SECONDS").pipe(Config.withDefault(905_000)),
  invalidSignatureStatus: Config.literal(200, 403)("INVALID_SIGNATURE_STATUS").pipe(Config.withDefault(200 as const)),
  publicBaseUrl: Config.option(url("PUBLIC_BASE_URL"))
})

/** The settings from the environment. */
export const layer: Layer.Layer<StagingSettings, ConfigError.ConfigError> = Layer.effect(StagingSettings, config)

/** Given settings, for tests. */
export const layerOf = (settings: StagingSettingsShape): Layer.Layer<StagingSettings> =>
  Layer.effect(StagingSettings, Effect.succeed(settings))
