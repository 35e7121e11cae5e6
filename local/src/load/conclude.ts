/** Says what came of a run, keeps its numbers, and writes the page if it was a whole one. */
import { execFileSync } from "node:child_process"
import { writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { conclude } from "../../../bench/src/measure.ts"
import { writeGenerated } from "../markdown.ts"
import type { GroupRun } from "./GroupRun.ts"
import { isWhole, type LoadOptions } from "./options.ts"
import { plots, report } from "./report.ts"
import { requirementsOf } from "./targets.ts"

const root = new URL("../../../", import.meta.url)

/** The raw numbers, by what they are. */
const samplesOf = ({
  alive,
  calls,
  memory,
  name,
  paths
}: GroupRun): ReadonlyArray<readonly [string, ReadonlyArray<number>]> => [
  ...paths.map((path) => [`${name}: ${path.name}, ms`, path.latenciesMs] as const),
  ...Object.entries(calls).flatMap(([kind, named]) =>
    Object.entries(named).map(([call, values]) => [`${name}: ${kind}, ${call}, ms`, values] as const)
  ),
  ...Object.entries(memory).map(
    ([one, samples]) => [`${name}: memory of ${one}, MB`, samples.map(({ megabytes }) => megabytes)] as const
  ),
  [`${name}: alive before, MB`, [...alive.before.values()]],
  [`${name}: alive after, MB`, [...alive.after.values()]]
]

const rounded = (values: ReadonlyArray<number>): ReadonlyArray<number> =>
  values.map((value) => Math.round(value * 10) / 10)

/** The raw numbers go to `bench/results/load.json`; a target that is missed and not explained fails the process. */
export const concludeLoad = (runs: ReadonlyArray<GroupRun>, options: LoadOptions): void => {
  const requirements = runs.flatMap(requirementsOf)
  const samples = runs.flatMap(samplesOf).map(([name, values]) => [name, rounded(values)] as const)
  conclude("load", Object.fromEntries(samples), requirements)
  if (!isWhole(options)) return
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: root, encoding: "utf8" }).trim()
  for (const [name, svg] of Object.entries(plots(runs))) writeFileSync(new URL(`docs/performance/${name}`, root), svg)
  writeGenerated(
    fileURLToPath(new URL("docs/load.md", root)),
    report(runs, requirements, { at: new Date().toISOString(), commit })
  )
}
