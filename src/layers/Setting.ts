/** Kinds of settings that are read from the environment; what they refuse says why, and never repeats the value. */
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Either from "effect/Either"

/**
 * A refusal whose reason begins with "must" and may be shown. The setting's name is known where a `mapOrFail` stands
 * right at its `Config.string`; anywhere else it has to be said.
 */
export const invalid = (reason: string, name?: string): Either.Either<never, ConfigError.ConfigError> =>
  Either.left(ConfigError.InvalidData(name === undefined ? [] : [name], reason))

/** Only `true`, `false`, `1` and `0`, in any case: `"no"` must not read as on. */
export const flag = (name: string): Config.Config<boolean> =>
  Config.string(name).pipe(
    Config.mapOrFail((text) => {
      const value = text.trim().toLowerCase()
      if (value === "true" || value === "1") return Either.right(true)
      return value === "false" || value === "0" ? Either.right(false) : invalid("must be true, false, 1 or 0")
    })
  )

const loopback = new Set(["127.0.0.1", "localhost", "[::1]"])

/** Whether a URL may be called: https, or http on a loopback host. */
export const isSafeUrl = ({ hostname, protocol }: URL): boolean =>
  protocol === "https:" || (protocol === "http:" && loopback.has(hostname))

/** An https URL, without slashes at its end; http is taken for loopback hosts only. */
export const url = (name: string): Config.Config<string> =>
  Config.string(name).pipe(
    Config.mapOrFail((text) => {
      const parsed = URL.parse(text)
      if (parsed === null) return invalid("must be a URL")
      return isSafeUrl(parsed) ? Either.right(text.replace(/(?<!\/)\/+$/, "")) : invalid("must be an https URL")
    })
  )

/** A number of seconds above zero, read as milliseconds. */
export const positiveSeconds = (name: string): Config.Config<number> =>
  Config.number(name).pipe(
    Config.mapOrFail((seconds) =>
      Number.isFinite(seconds) && seconds > 0
        ? Either.right(seconds * 1000)
        : invalid("must be a positive number of seconds")
    )
  )

/** A number from 0 to 1. */
export const ratio = (name: string): Config.Config<number> =>
  Config.number(name).pipe(
    Config.mapOrFail((value) =>
      value >= 0 && value <= 1 ? Either.right(value) : invalid("must be a number from 0 to 1")
    )
  )

/** Texts separated by commas, each read by `read`, which answers undefined for one that will not do. */
export const list = (name: string, read: (text: string) => string | undefined): Config.Config<ReadonlyArray<string>> =>
  Config.string(name).pipe(
    Config.mapOrFail((text) => {
      const items = text.split(",").map((item) => read(item.trim()))
      const good = items.filter((item) => item !== undefined)
      return good.length === items.length
        ? Either.right(good)
        : invalid("must be a list of valid entries, separated by commas")
    })
  )
