/** The settings of the archive's functions, read by each run, so that what is missing is told by name (contract B1.10). */
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { DexConfigurationError } from "../../schemas/DexArchiveError.ts"
import { isTimeZone } from "../../services/DexArchive/TriggerDates.ts"
import { flag, invalid, url } from "../Setting.ts"

const required = ["S3_BUCKET_NAME", "DB_SECRET_NAME", "API_SECRET_NAME", "DEX_API_BASE_URL"] as const

type Read<A> = (text: string) => Either.Either<A, ConfigError.ConfigError>

/** A variable that may be left out; one in which nothing stands is as good as absent. */
const optional = <A>(name: string, fallback: A, read: Read<A>): Config.Config<A> =>
  Config.string(name).pipe(
    Config.mapOrFail((text) =>
      text.trim() === "" ? Either.left(ConfigError.MissingData([], "is empty")) : read(text.trim())
    ),
    Config.withDefault(fallback)
  )

const whole = (name: string, fallback: number, min: number, max: number): Config.Config<number> =>
  optional(name, fallback, (text) => {
    const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN
    return value >= min && value <= max ? Either.right(value) : invalid(`must be a whole number from ${min} to ${max}`)
  })

/** The most clients that can be worked on at once, and so the most connections that anybody may need. */
export const mostConcurrency = 100

const timeZone = optional("TRIGGER_TIME_ZONE", "UTC", (name) =>
  isTimeZone(name) ? Either.right(name) : invalid("must be the name of a time zone, such as Europe/London")
)

const config = Config.all({
  bucket: Config.string("S3_BUCKET_NAME"),
  databaseSecret: Config.string("DB_SECRET_NAME"),
  apiSecret: Config.string("API_SECRET_NAME"),
  apiBaseUrl: url("DEX_API_BASE_URL"),
  /** Days of the calendar that are added to today. */
  offsetDays: whole("TRIGGER_DATE_OFFSET_DAYS", 0, -3_650, 3_650),
  timeZone,
  /** Clients that are worked on at once. */
  concurrency: whole("MAX_CONCURRENCY", 8, 1, mostConcurrency),
  /** Milliseconds that one call of the API may take. */
  timeoutMillis: whole("HTTP_TIMEOUT_MS", 30_000, 1, 300_000),
  /** Tries of one call of the API, the first among them. */
  attempts: whole("MAX_ATTEMPTS", 3, 1, 10),
  /** Whether a client that was not archived makes the run an error. */
  failOnPartial: flag("FAIL_ON_PARTIAL").pipe(Config.withDefault(false)),
  /** Only where the server's certificate cannot be verified: on one's own machine. */
  trustServerCertificate: flag("DB_TRUST_SERVER_CERTIFICATE").pipe(Config.withDefault(false))
})

/** What can be set from outside. */
export type DexSettings = Config.Config.Success<typeof config>

const reasons = (error: ConfigError.ConfigError): ReadonlyArray<string> => {
  if (error._op === "And" || error._op === "Or") return [...reasons(error.left), ...reasons(error.right)]
  const reason = "message" in error && error.message.startsWith("must ") ? error.message : "is not valid"
  return [`${error.path.join("_")} ${reason}`]
}

/** The settings, or what is wrong with them: first of all what is missing, in the original's words. */
export const settings: Effect.Effect<DexSettings, DexConfigurationError> = Effect.gen(function* () {
  const missing: Array<string> = []
  for (const name of required) {
    const value = yield* Effect.option(Config.string(name))
    if (Option.isNone(value) || value.value.trim() === "") missing.push(name)
  }
  if (missing.length > 0) {
    return yield* new DexConfigurationError({ reason: `Missing required environment variables: ${missing.join(", ")}` })
  }
  return yield* Effect.mapError(config, (error) => new DexConfigurationError({ reason: reasons(error).join("; ") }))
})
