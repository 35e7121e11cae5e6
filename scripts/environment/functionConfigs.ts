/**
 * The Config definitions that a function evaluates, found by building what its entry starts: the entry is loaded with a
 * recorder in the place of the Lambda adapter, and every definition that its layer asks the environment for is kept.
 */
import { registerHooks } from "node:module"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { functions } from "../../src/handlers/Functions.ts"
import * as Dex from "../../src/layers/DexArchive/Settings.ts"
import * as LogLevels from "../../src/layers/Observability/LogLevels.ts"
import * as Traces from "../../src/layers/Observability/Traces.ts"
import { LogSink } from "../../src/services/LogSink.ts"
import { root } from "../build/bundle.ts"
import * as LambdaRecorder from "./LambdaRecorder.ts"

/** Any definition of settings. */
export type AnyConfig = Config.Config<unknown>

/** Values of settings by their names. */
export type Values = Readonly<Record<string, string>>

/** What each run reads, and no layer: a mistake there is told by the run. */
const readByRuns: Readonly<Record<string, Effect.Effect<unknown, unknown>>> = {
  "dex-trigger-response-archive": Dex.settings,
  "dex-archive-verify": Dex.settings
}

const urlOf = (path: string): string => pathToFileURL(join(root, path)).href
const adapter = urlOf("src/handlers/Lambda.ts")
const recorder = urlOf("scripts/environment/LambdaRecorder.ts")

type Entries = ReadonlyMap<string, LambdaRecorder.Recorded>

/** Loads entries with the recorder in the adapter's place; what the entries start is looked at and never run. */
const loadEntries = async (): Promise<Entries> => {
  const hooks = registerHooks({
    resolve: (specifier, context, next) => {
      const resolved = next(specifier, context)
      return resolved.url === adapter ? { ...resolved, url: recorder } : resolved
    }
  })
  try {
    const recorded = new Map<string, LambdaRecorder.Recorded>()
    for (const [name, { entry }] of Object.entries(functions)) {
      await import(urlOf(`src/handlers/${entry}.ts`))
      recorded.set(name, LambdaRecorder.take())
    }
    return recorded
  } finally {
    hooks.deregister()
  }
}

let entries: Promise<Entries> | undefined

/** A module is run once, so an entry hands over what it starts once. */
const loadedEntries = (): Promise<Entries> => (entries ??= loadEntries())

/** A provider of these values that keeps every definition it is asked to load. */
const recording = (values: Values, seen: Set<AnyConfig>): ConfigProvider.ConfigProvider => {
  const { flattened, load } = ConfigProvider.fromMap(new Map(Object.entries(values)))
  return ConfigProvider.make({
    flattened,
    load: (config) => {
      seen.add(config)
      return load(config)
    }
  })
}

const sink = Layer.succeed(LogSink, { writeLine: () => undefined })

const configsOf = async (
  name: string,
  { layer, namespace }: LambdaRecorder.Recorded,
  values: Values
): Promise<ReadonlyArray<AnyConfig>> => {
  const seen = new Set<AnyConfig>()
  const provider = recording(values, seen)
  const whole = Layer.mergeAll(layer, Traces.layer, LogLevels.layer).pipe(
    Layer.provideMerge(sink),
    Layer.provide(Layer.setConfigProvider(provider))
  )
  await Effect.runPromise(Effect.scoped(Layer.build(whole)))
  const rest = readByRuns[name] ?? Effect.void
  await Effect.runPromise(Effect.withConfigProvider(rest, provider))
  if (Config.isConfig(namespace)) seen.add(namespace)
  return [...seen]
}

/** Every function's definitions; `values` must be such that each function starts with them. */
export const functionConfigs = async (values: Values): Promise<ReadonlyMap<string, ReadonlyArray<AnyConfig>>> => {
  const configs = new Map<string, ReadonlyArray<AnyConfig>>()
  for (const [name, recorded] of await loadedEntries()) configs.set(name, await configsOf(name, recorded, values))
  return configs
}
