/** What a run writes: the generated part of docs/load.md, and its plots. */
import type { Requirement } from "../../../bench/src/measure.ts"
import { plot } from "../../../bench/src/plot.ts"
import { table, thisMachine } from "../markdown.ts"
import { callKinds } from "./Collector.ts"
import type { GroupRun } from "./GroupRun.ts"
import { largestOf } from "./memory.ts"
import { mean, summaryOf } from "./statistics.ts"
import { timeline } from "./timeline.ts"

const ms = (value: number): string => (value < 10 ? value.toFixed(1) : value.toFixed(0))
const percentiles = ["P50, ms", "P95, ms", "P99, ms", "most, ms"] as const

const figures = (values: ReadonlyArray<number>): ReadonlyArray<string> => {
  const { most, p50, p95, p99 } = summaryOf(values)
  return [p50, p95, p99, most].map(ms)
}

/** What came of each path, below the names of the columns. */
export const lines = ({
  paths,
  start
}: GroupRun): readonly [ReadonlyArray<string>, ...ReadonlyArray<ReadonlyArray<string>>] => [
  ["path", "requests", "answers", ...percentiles, "P95 at the start, ms"],
  ...paths.map(({ answers, latenciesMs, name }) => [
    name,
    String(latenciesMs.length),
    Object.entries(answers)
      .map(([answer, count]) => `${answer}: ${count}`)
      .join("; "),
    ...figures(latenciesMs),
    ...start.filter((one) => one.name === name).map((one) => ms(summaryOf(one.latenciesMs).p95))
  ])
]

const pathTable = (run: GroupRun): string => {
  const [head, ...rows] = lines(run)
  return table(head, rows)
}

const callTable = ({ calls }: GroupRun): string =>
  table(
    ["kind", "of", "how many", ...percentiles],
    callKinds.flatMap((kind) =>
      Object.entries(calls[kind])
        .toSorted(([, one], [, other]) => other.length - one.length)
        .map(([name, values]) => [kind, name, String(values.length), ...figures(values)])
    )
  )

const climbTable = ({ held, paths, steps }: GroupRun): string => {
  const slowest = (results: GroupRun["paths"]): number =>
    Math.max(...results.map(({ latenciesMs }) => summaryOf(latenciesMs).p95))
  return [
    `Highest rate held: ${held} a minute on each path, ${held * paths.length} in all.`,
    table(
      ["requests a minute, each path", "highest P95 of a path, ms", ""],
      steps.map(({ broken, ratePerMinute: rate, result }) => [
        String(rate),
        ms(slowest(result)),
        broken === undefined ? "held" : `not held: ${broken}`
      ])
    )
  ].join("\n\n")
}

const memoryTable = ({ alive, function: name, memory }: GroupRun): string => {
  const samples = memory[name] ?? []
  const [first, last] = [samples[0], samples.at(-1)]
  if (first === undefined || last === undefined) return "This system does not tell how much memory a process has."
  const figures = [
    first.megabytes / first.processes,
    last.megabytes / last.processes,
    largestOf(samples),
    mean([...alive.before.values()]),
    mean([...alive.after.values()])
  ]
  return table(
    [
      "MB of a process of",
      "processes at the start, and at the end",
      "resident at the start",
      "resident at the end",
      "the largest",
      "alive before",
      "alive after"
    ],
    [[name, `${first.processes}, ${last.processes}`, ...figures.map((value) => value.toFixed(0))]]
  )
}

const verdict = ({ explained, met, text }: Requirement): string =>
  met
    ? `- met: ${text}`
    : `- **${explained === undefined ? "not met" : "explained"}**: ${text}${explained === undefined ? "" : `: ${explained}`}`

const section = (run: GroupRun, requirements: ReadonlyArray<Requirement>): string => {
  const prefix = `${run.name}: `
  const own = requirements.flatMap((one) =>
    one.text.startsWith(prefix) ? [{ ...one, text: one.text.slice(prefix.length) }] : []
  )
  return [
    `## ${run.name}`,
    run.about,
    pathTable(run),
    callTable(run),
    climbTable(run),
    memoryTable(run),
    [...own.map(verdict), ...run.findings.flatMap(({ met, text }) => (met === undefined ? [`- ${text}`] : []))].join(
      "\n"
    )
  ].join("\n\n")
}

/** The generated part of the page. */
export const report = (
  runs: ReadonlyArray<GroupRun>,
  requirements: ReadonlyArray<Requirement>,
  { at, commit }: { readonly at: string; readonly commit: string }
): string => {
  const missed = requirements.filter(({ explained, met }) => !met && explained === undefined).length
  return [
    `Written on ${at.slice(0, 10)} from commit ${commit}. ${thisMachine()}. ${missed === 0 ? "Every target is met or explained." : `${missed} targets are not met.`}`,
    "![Latency](performance/load-latency.svg)",
    "![Memory](performance/load-memory.svg)",
    ...runs.map((run) => section(run, requirements))
  ].join("\n\n")
}

/** The plots, by the names of their files. */
export const plots = (runs: ReadonlyArray<GroupRun>): Readonly<Record<string, string>> => ({
  "load-latency.svg": plot(
    "Latency: the bar ends at P95, the line goes from P50 to P99",
    runs.flatMap(({ paths }) =>
      paths.map(({ latenciesMs, name }) => {
        const { p50, p95, p99 } = summaryOf(latenciesMs)
        return { name, estimate: { value: p95, low: p50, high: p99 }, label: `${ms(p50)}, ${ms(p95)}, ${ms(p99)} ms` }
      })
    )
  ),
  "load-memory.svg": timeline(
    "Memory of each function's processes together",
    { across: "minutes of its load", up: "MB" },
    runs.map(({ function: of, memory, name }) => ({
      name,
      points: (memory[of] ?? []).map(({ atMs, megabytes }) => [atMs / 60_000, megabytes] as const)
    }))
  )
})
