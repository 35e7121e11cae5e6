/** The functions that the platform runs: the deployed ones, and those that are brought along. */
import { functions } from "../../../src/handlers/Functions.ts"
import { bundlePath } from "../../../scripts/build.ts"

/** A function that is not built here: a bundle with a `handler` export, and what triggers it. */
export interface ExtraFunction {
  /** Absolute path of the .mjs. */
  readonly bundle: string
  readonly timeoutSeconds?: number
  readonly memoryMb?: number
  /** Key of the queue in platform.json that feeds it. */
  readonly queue?: string
  readonly batchSize?: number
  readonly windowSeconds?: number
  /** API Gateway path prefixes that lead to it. */
  readonly routes?: ReadonlyArray<string>
  /** Variables that only this function's processes have. */
  readonly process?: Readonly<Record<string, string>>
}

/** A function of the platform. */
export type CatalogueEntry = ExtraFunction & Required<Pick<ExtraFunction, "timeoutSeconds" | "memoryMb">>

/** All functions by name. Throws when an extra one has the name of a deployed one. */
export const catalogue = (extra: Readonly<Record<string, ExtraFunction>>): ReadonlyMap<string, CatalogueEntry> => {
  const deployed = Object.entries(functions).map(([name, definition]): [string, CatalogueEntry] => [
    name,
    { ...definition, bundle: bundlePath(name) }
  ])
  const all = new Map(deployed)
  for (const [name, definition] of Object.entries(extra)) {
    if (all.has(name)) throw new Error(`there is a function ${name} already: give the extra one another name`)
    all.set(name, { timeoutSeconds: 30, memoryMb: 256, ...definition })
  }
  return all
}
