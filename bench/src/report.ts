/** The report of all benches, from the raw numbers that each has written. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { thisMachine, writePage } from "../../local/src/markdown.ts"
import type { Requirement, Samples } from "./measure.ts"
import { plot } from "./plot.ts"
import { estimate, type Estimate } from "./statistics.ts"

/** One bench of the report. */
export interface Bench {
  /** Of its script and of its results. */
  readonly name: string
  readonly title: string
  /** What is measured against whom, in a sentence or two. */
  readonly about: string
}

interface Results {
  readonly at: string
  readonly machine: { readonly node: string; readonly platform: string; readonly cpu: string | undefined }
  readonly samples: Samples
  readonly requirements: ReadonlyArray<Requirement>
}

const units = [
  { name: "s", nanoseconds: 1e9 },
  { name: "ms", nanoseconds: 1e6 },
  { name: "µs", nanoseconds: 1e3 },
  { name: "ns", nanoseconds: 1 }
] as const

/** A time in the unit in which it reads best. */
export const inWords = ({ high, low, value }: Estimate): string => {
  const unit = units.find(({ nanoseconds }) => value >= nanoseconds) ?? units[3]
  const [middle, least, most] = [value, low, high].map((one) => (one / unit.nanoseconds).toPrecision(3))
  return `${middle} ${unit.name} [${least}, ${most}]`
}

const root = new URL("../../", import.meta.url)

const section = ({ about, name, title }: Bench): string => {
  const { requirements, samples } = JSON.parse(
    readFileSync(new URL(`bench/results/${name}.json`, root), "utf8")
  ) as Results
  const bars = Object.entries(samples).map(([contender, values]) => {
    const of = estimate(values)
    return { name: contender, estimate: of, label: inWords(of), rounds: values.length }
  })
  writeFileSync(new URL(`docs/performance/${name}.svg`, root), plot(title, bars))
  return [
    `## ${title}`,
    "",
    `${about} \`npm run bench:${name}\``,
    "",
    "| | median [95 %] | rounds |",
    "| --- | ---: | ---: |",
    ...bars.map(({ label, name: contender, rounds }) => `| ${contender} | ${label} | ${rounds} |`),
    "",
    ...requirements.map(({ explained, met, text }) =>
      met
        ? `- met: ${text}`
        : `- **${explained === undefined ? "not met" : "explained"}**: ${text}${explained === undefined ? "" : `: ${explained}`}`
    ),
    "",
    `![${title}](performance/${name}.svg)`,
    ""
  ].join("\n")
}

/** Writes `docs/performance.md` and its plots. */
export const writeReport = (benches: ReadonlyArray<Bench>, commit: string): void => {
  mkdirSync(new URL("docs/performance/", root), { recursive: true })
  const text = [
    "# Performance",
    "",
    `Written by \`npm run bench\` on ${new Date().toISOString().slice(0, 10)} from commit ${commit}. ${thisMachine()}.`,
    "",
    "The contenders of a bench run in turns, there and back (A B B A), for at least 21 rounds where a round is short; what is compared is the ratio within a round. Given is the median, and in brackets the interval that holds it with 95 % confidence (bootstrap). The raw numbers are in `bench/results` after a run. Absolute times are of this machine; ratios are what carries over.",
    "",
    ...benches.map(section)
  ].join("\n")
  writePage(fileURLToPath(new URL("docs/performance.md", root)), text)
}
