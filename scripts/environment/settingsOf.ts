/** What Config definitions say about settings: which there are, which must be set, and what an absent one stands for. */
import { isDeepStrictEqual } from "node:util"
import type * as ConfigError from "effect/ConfigError"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { AnyConfig, Values } from "./functionConfigs.ts"

/** The settings of one function. */
export interface Settings {
  readonly required: ReadonlyArray<string>
  readonly optional: ReadonlyArray<string>
}

const load = (config: AnyConfig, values: Values): Either.Either<unknown, ConfigError.ConfigError> =>
  Effect.runSync(Effect.either(ConfigProvider.fromMap(new Map(Object.entries(values))).load(config)))

/** The names that a definition asks for while it is loaded with these values. */
const asked = (config: AnyConfig, values: Values): ReadonlyArray<string> => {
  const names = new Set<string>()
  const { enumerateChildren, load, patch } = ConfigProvider.fromMap(new Map(Object.entries(values))).flattened
  const provider = ConfigProvider.fromFlat(
    ConfigProvider.makeFlat({
      enumerateChildren,
      patch,
      load: (path, primitive, split) => {
        names.add(path.join("."))
        return load(path, primitive, split)
      }
    })
  )
  Effect.runSync(Effect.either(provider.load(config)))
  return [...names]
}

/** The names that an error wants to have values; of two ways to mend it, the first. */
const wanted = (error: ConfigError.ConfigError): ReadonlyArray<string> => {
  if (error._op === "And") return [...wanted(error.left), ...wanted(error.right)]
  return error._op === "Or" ? wanted(error.left) : [error.path.join(".")]
}

/** The names that must be set for the definition to load, found by setting what it misses until it does. */
const required = (config: AnyConfig, examples: Values): ReadonlyArray<string> => {
  const values: Record<string, string> = {}
  for (;;) {
    const loaded = load(config, values)
    if (Either.isRight(loaded)) return Object.keys(values)
    for (const name of wanted(loaded.left)) {
      const example = examples[name]
      if (example === undefined || values[name] !== undefined) throw new Error(`${name} has no example that will do`)
      values[name] = example
    }
  }
}

const unique = (names: ReadonlyArray<string>): ReadonlyArray<string> => [...new Set(names)]

/** The settings of a function with these definitions; an example of each required one must be given. */
export const settingsOf = (configs: ReadonlyArray<AnyConfig>, examples: Values): Settings => {
  const must = unique(configs.flatMap((config) => required(config, examples)))
  const all = unique(
    configs.flatMap((config) =>
      [{}, examples, Object.fromEntries(must.map((name) => [name, examples[name] ?? ""]))].flatMap((values) =>
        asked(config, values)
      )
    )
  )
  return { required: must, optional: all.filter((name) => !must.includes(name)) }
}

/** Whether a text means the same to the definitions as leaving the setting out. */
export const isDefault = (configs: ReadonlyArray<AnyConfig>, name: string, text: string, examples: Values): boolean =>
  configs
    .filter((config) => asked(config, examples).includes(name))
    .every((config) => {
      const values = Object.fromEntries(required(config, examples).map((key) => [key, examples[key] ?? ""]))
      const [without, set] = [load(config, values), load(config, { ...values, [name]: text })]
      return Either.isRight(without) && Either.isRight(set) && isDeepStrictEqual(without.right, set.right)
    })
