/** How much is logged: `LOG_LEVEL`, or `log_level` as the id minter's originals had it; `INFO` when neither is set. */
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import { invalid } from "../Setting.ts"

const levels: Readonly<Record<string, LogLevel.LogLevel>> = {
  TRACE: LogLevel.Trace,
  DEBUG: LogLevel.Debug,
  INFO: LogLevel.Info,
  WARN: LogLevel.Warning,
  WARNING: LogLevel.Warning,
  ERROR: LogLevel.Error,
  FATAL: LogLevel.Fatal
}

const level = (name: string): Config.Config<LogLevel.LogLevel> =>
  Config.string(name).pipe(
    Config.mapOrFail((text) => {
      const found = levels[text.trim().toUpperCase()]
      return found === undefined ? invalid(`must be one of ${Object.keys(levels).join(", ")}`) : Either.right(found)
    })
  )

/** Sets the least level that is logged. */
export const layer: Layer.Layer<never, ConfigError.ConfigError> = Layer.unwrapEffect(
  Effect.map(
    level("LOG_LEVEL").pipe(
      // One that will not do is not passed over in silence.
      Config.orElseIf({ if: ConfigError.isMissingDataOnly, orElse: () => level("log_level") }),
      Config.withDefault(LogLevel.Info)
    ),
    Logger.minimumLogLevel
  )
)
