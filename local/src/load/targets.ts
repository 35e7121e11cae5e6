/** The targets, and which of them a run has met. */
import type { Requirement } from "../../../bench/src/measure.ts"
import { functions } from "../../../src/handlers/Functions.ts"
import { growthOf } from "./alive.ts"
import type { Calls } from "./Collector.ts"
import { explained } from "./explained.ts"
import type { GroupRun } from "./GroupRun.ts"
import { largestOf } from "./memory.ts"
import type { TargetKind } from "./Path.ts"
import type { PathResult } from "./phase.ts"
import { percentile, summaryOf } from "./statistics.ts"

/** Milliseconds that 95 in 100 have to stay below. */
const targetsMs: Readonly<Record<"api" | TargetKind, number>> = {
  api: 500,
  database: 100,
  certificate: 200,
  integration: 2_000
}

/** A collector that is slow is left alone for a while: what is not told must be little, and counts as slow. */
const leastTold = 0.96

/** What is alive after the sustained rate, of what was before it. */
const mostGrowth = 1.15
/** Of the memory that a function is given. */
const mostOfMemory = 0.75

const inMs = (value: number): string => `${value.toFixed(value < 10 ? 1 : 0)} ms`

/** Why a rate was not held; undefined where it was. */
export const brokenBy = (paths: ReadonlyArray<PathResult>, ratePerMinute: number): string | undefined => {
  for (const { errors, latenciesMs, name, waitingAtEnd } of paths) {
    if (errors > 0) return `${errors} wrong answers of ${name}`
    const { p95 } = summaryOf(latenciesMs)
    if (p95 >= targetsMs.api) return `P95 of ${name} is ${inMs(p95)}`
    // More than a second's arrivals: they come faster than they go.
    if (waitingAtEnd > Math.max(1, ratePerMinute / 60)) return `${waitingAtEnd} requests to ${name} pile up`
  }
  return undefined
}

/** Where only a share of the values is known, the others may all be larger: P95 is farther up among those that are. */
const below = (what: string, values: ReadonlyArray<number>, targetMs: number, share = 1): Requirement => {
  const p95 = percentile(
    values.toSorted((one, other) => one - other),
    Math.min(1, 0.95 / share)
  )
  return { text: `P95 of ${what} is ${inMs(p95)}, less than ${targetMs} ms`, met: p95 < targetMs }
}

/** All calls of a kind. */
const callsOf = (calls: Calls, kind: keyof Calls): ReadonlyArray<number> => Object.values(calls[kind]).flat()

/** The resident memory grows until V8 has a reason to collect; whether something is kept is told by what is alive. */
const memoryOf = ({ alive, function: name, memory }: GroupRun): ReadonlyArray<Requirement> => {
  const growth = growthOf(alive.before, alive.after)
  const [most, all] = [largestOf(memory[name] ?? []), functions[name].memoryMb]
  return [
    {
      text: `what is alive in a process of ${name} is ${growth.toFixed(2)} of what it was before, at most ${mostGrowth}`,
      met: growth <= mostGrowth
    },
    // Not every system tells.
    ...(most === 0
      ? []
      : [
          {
            text: `a process of ${name} has ${most.toFixed(0)} MB at most of its ${all}, less than ${mostOfMemory * 100} %`,
            met: most < all * mostOfMemory
          }
        ])
  ]
}

/** Everything that is asked of a group's run, and whether it is so. */
export const requirementsOf = (run: GroupRun): ReadonlyArray<Requirement> => {
  const { broken, calls, findings, held, kinds, minutes, name, paths, ratePerMinute, start } = run
  const told = callsOf(calls, "invocation").length
  const asked = paths.reduce((sum, { latenciesMs }) => sum + latenciesMs.length, 0)
  // Of no values it is not a number, and not below any target.
  const called = kinds.map((kind) => {
    const values = callsOf(calls, kind)
    const what = `${values.length} ${kind} ${kind === "certificate" ? "checks" : "calls"}`
    return below(what, values, targetsMs[kind], told / asked)
  })
  const known = explained[name]
  const isExplained =
    known !== undefined &&
    (broken === undefined || broken.startsWith("P95 of ")) &&
    held >= ratePerMinute * known.heldAtLeast &&
    paths.every(({ errors, latenciesMs }) => errors === 0 && summaryOf(latenciesMs).p95 <= known.p95UpToMs)
  const orExplained = (one: Requirement): Requirement =>
    one.met || !isExplained ? one : { ...one, explained: known.why }
  const all: ReadonlyArray<Requirement> = [
    ...paths.map(({ latenciesMs, name: path }) => orExplained(below(path, latenciesMs, targetsMs.api))),
    ...[...start, ...paths]
      .filter(({ errors }) => errors > 0)
      .map(({ errors, name: path }) => ({ text: `${path}: ${errors} answers are not as documented`, met: false })),
    ...called,
    ...(kinds.length === 0
      ? []
      : [
          {
            text: `${told} invocations of ${asked} told their spans, at least ${leastTold * 100} %`,
            met: told >= asked * leastTold
          }
        ]),
    ...memoryOf(run),
    ...findings.flatMap(({ met, text }) => (met === undefined ? [] : [{ text, met }])),
    orExplained({
      text: `${ratePerMinute} requests a minute are held on each path for ${minutes} minutes, and ${held} for a while${broken === undefined ? "" : ` (${broken})`}`,
      met: broken === undefined
    })
  ]
  return all.map((one) => ({ ...one, text: `${name}: ${one.text}` }))
}
