/** The load test: one service after the other, on a platform of its own with the functions' own settings. */
import { startPlatform } from "../Platform.ts"
import { worldOf } from "../faults/World.ts"
import { callersOf } from "./callers.ts"
import { startCollector } from "./Collector.ts"
import { groups, uncovered } from "./groups.ts"
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
    environment: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, MYSQL_URL: process.env["MYSQL_URL"] },
    folder,
    mparticleRateLimit: 0
  })
  using seen = worldOf(platform)
  using callers = callersOf(platform.info.gateway)
  const world = { ...seen, invoke: callers.invoke }
  const runs: Array<GroupRun> = []
  for (const [name, make] of Object.entries(groups)) {
    if (options.group !== undefined && options.group !== name) continue
    const group = await make(world)
    const forgotten = uncovered(
      name,
      group.paths.map((path) => path.name)
    )
    if (forgotten.length > 0) throw new Error(`${name} has no load on ${forgotten.join(", ")}`)
    const paths = group.paths.filter((path) => options.path === undefined || options.path === path.name)
    if (paths.length === 0) continue
    const run = await runGroup(world, collector, { ...group, paths }, options)
    runs.push(run)
    done(run)
  }
  if (runs.length === 0) throw new Error("no group or path has this name; docs/load.md has the names")
  return runs
}
