/** Which functions are loaded, and that none of their ways in is forgotten. */
import { type FunctionName, functions } from "../../../src/handlers/Functions.ts"
import type { World } from "../faults/World.ts"
import type { Group } from "./Path.ts"
import { batonGroups } from "./paths/baton.ts"
import { minterGroups } from "./paths/minter.ts"
import { mparticleHttpGroups } from "./paths/mparticleHttp.ts"
import { stagingGroups } from "./paths/staging.ts"

/** Prepares the groups of a function, which run one after the other. */
export type MakeGroups = (world: World) => Promise<ReadonlyArray<Group>>

/** What has a function run that no caller waits for. */
export interface NoCaller {
  readonly because: string
}

const queue: NoCaller = { because: "a queue calls it, at its own pace" }
const schedule: NoCaller = { because: "a schedule calls it" }

/** The load on each function, in the order in which it is made. A function that is added has to say, or does not type-check. */
export const loads: Readonly<Record<FunctionName, MakeGroups | NoCaller>> = {
  "mparticle-api-http": mparticleHttpGroups,
  "mparticle-api-lambda": batonGroups,
  staging: stagingGroups,
  "id-minter-stepfunction": minterGroups,
  "mparticle-api-retry": queue,
  "mparticle-api-deletion": queue,
  "mparticle-api-reconcile": schedule,
  "staging-sweeper": schedule,
  "id-minter-sqs": queue,
  "id-minter-pool": schedule,
  "id-minter-migrate": { because: "a deployment calls it" },
  "dex-trigger-response-archive": schedule,
  "dex-archive-verify": { because: "an operator calls it, for a day of the archive" }
}

/** The routes of a function, or the function itself, that none of the paths with these names is for. */
export const uncovered = (name: FunctionName, paths: ReadonlyArray<string>): ReadonlyArray<string> => {
  const { routes } = functions[name]
  if (routes === undefined) return paths.some((path) => path.includes(name)) ? [] : [name]
  const loaded = paths.map((path) => path.split(" ")[1] ?? "")
  return routes.filter((route) => !loaded.some((path) => path === route || path.startsWith(`${route}/`)))
}
