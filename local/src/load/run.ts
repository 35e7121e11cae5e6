/** The load test: one function after the other, on a platform of its own with the functions' own settings. */
import { join } from "node:path"
import { type FunctionName, functions } from "../../../src/handlers/Functions.ts"
import { worldOf } from "../faults/World.ts"
import { startPlatform } from "../Platform.ts"
import { tellAlive } from "./alive.ts"
import { callersOf } from "./callers.ts"
import { startCollector } from "./Collector.ts"
import { loads, uncovered } from "./groups.ts"
import type { GroupRun } from "./GroupRun.ts"
import type { LoadOptions } from "./options.ts"
import { runGroup } from "./runGroup.ts"

/** Runs it; rejects when a route or function has no load, or nothing has the name that was asked for. */
export const runLoad = async (
  options: LoadOptions,
  folder: string,
  done: (run: GroupRun) => void
): Promise<ReadonlyArray<GroupRun>> => {
  await using collector = await startCollector()
  await using platform = await startPlatform({
    port: 0,
    environment: {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      MYSQL_URL: process.env["MYSQL_URL"],
      LOAD_ALIVE: folder
    },
    folder: join(folder, "platform"),
    mparticleRateLimit: 0,
    preload: tellAlive
  })
  using seen = worldOf(platform)
  using callers = callersOf(platform.info.gateway)
  const world = { ...seen, invoke: callers.invoke }
  const runs: Array<GroupRun> = []
  for (const name of Object.keys(loads) as ReadonlyArray<FunctionName>) {
    const make = loads[name]
    if (typeof make !== "function" || (options.group ?? name) !== name) continue
    const groups = await make(world)
    const forgotten = uncovered(
      name,
      groups.flatMap(({ paths }) => paths.map((path) => path.name))
    )
    if (forgotten.length > 0) throw new Error(`there is no load on ${forgotten.join(", ")}`)
    for (const group of groups) {
      const paths = group.paths.filter((path) => (options.path ?? path.name) === path.name)
      if (paths.length === 0) continue
      // One path makes some of the calls at most.
      const kinds = options.path === undefined ? group.kinds : []
      const run = await runGroup(world, collector, { ...group, paths, kinds }, options, folder)
      runs.push(run)
      done(run)
    }
  }
  if (runs.length === 0)
    throw new Error(`nothing has this name; of functions there are ${Object.keys(functions).join(", ")}`)
  return runs
}
