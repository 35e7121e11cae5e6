/** Which services are loaded, and that none of their ways in is forgotten. */
import { type FunctionName, functions } from "../../../src/handlers/Functions.ts"
import type { World } from "../faults/World.ts"
import type { Group } from "./Path.ts"
import { batonGroup } from "./paths/baton.ts"
import { minterGroup } from "./paths/minter.ts"
import { mparticleHttpGroup } from "./paths/mparticleHttp.ts"
import { stagingGroup } from "./paths/staging.ts"

/** The groups, in the order in which they run. */
export const groups = {
  "mparticle-http": mparticleHttpGroup,
  baton: batonGroup,
  staging: stagingGroup,
  "id-minter": minterGroup
} satisfies Readonly<Record<string, (world: World) => Promise<Group>>>

/** The name of a group. */
export type GroupName = keyof typeof groups

/** What has a function run that no caller waits for. */
interface NoCaller {
  readonly because: string
}

const queue: NoCaller = { because: "a queue calls it, at its own pace" }
const schedule: NoCaller = { because: "a schedule calls it" }

/** Whose load reaches a function. One that is added has to say, or does not type-check. */
export const loadedBy: Readonly<Record<FunctionName, GroupName | NoCaller>> = {
  "mparticle-api-lambda": "baton",
  "mparticle-api-http": "mparticle-http",
  "mparticle-api-retry": queue,
  "mparticle-api-deletion": queue,
  "mparticle-api-reconcile": schedule,
  staging: "staging",
  "staging-sweeper": schedule,
  "id-minter-stepfunction": "id-minter",
  "id-minter-sqs": queue,
  "id-minter-pool": schedule,
  "id-minter-migrate": { because: "a deployment calls it" },
  "dex-trigger-response-archive": schedule,
  "dex-archive-verify": { because: "an operator calls it, for a day of the archive" }
}

/** The functions that a group loads. */
export const functionsOf = (group: string): ReadonlyArray<FunctionName> =>
  (Object.keys(functions) as ReadonlyArray<FunctionName>).filter((name) => loadedBy[name] === group)

/** The routes and functions of a group that none of these paths is for. */
export const uncovered = (group: string, paths: ReadonlyArray<string>): ReadonlyArray<string> =>
  functionsOf(group).flatMap((name) => {
    const { routes } = functions[name]
    if (routes === undefined) return paths.some((path) => path.includes(name)) ? [] : [name]
    const loaded = paths.map((path) => path.split(" ")[1] ?? "")
    return routes.filter((route) => !loaded.some((path) => path === route || path.startsWith(`${route}/`)))
  })
