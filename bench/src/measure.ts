/**
 * Measures things against each other: in each round every contender runs twice, once on the way down the list and once
 * on the way back (A B B A), so that a machine that slowly gets faster or slower favours none of them.
 */
import { mkdirSync, writeFileSync } from "node:fs"
import { cpus } from "node:os"
import { estimate, type Estimate } from "./statistics.ts"

/** Something that is measured. */
export interface Contender {
  readonly name: string
  /** Does the thing so many times. */
  readonly run: (times: number) => Promise<void>
}

/** How long it takes to measure. */
export interface MeasureOptions {
  /** At least 21. */
  readonly rounds?: number
  readonly warmUpRounds?: number
  /** Milliseconds that each run of a contender takes. */
  readonly runMillis?: number
  /** How often each run does it, where that is not to be found out: it takes long, or uses something up. */
  readonly times?: number
}

/** Nanoseconds that doing it once took, by contender and round. */
export type Samples = Readonly<Record<string, ReadonlyArray<number>>>

const nanosecondsOf = async ({ run }: Contender, times: number): Promise<number> => {
  const start = process.hrtime.bigint()
  await run(times)
  return Number(process.hrtime.bigint() - start) / times
}

const timesFor = async (contender: Contender, millis: number): Promise<number> => {
  let times = 1_000
  let nanoseconds = await nanosecondsOf(contender, times)
  while (nanoseconds * times < millis * 1e6) {
    times = Math.ceil(times * Math.min(10, (1.1 * millis * 1e6) / (nanoseconds * times)))
    nanoseconds = await nanosecondsOf(contender, times)
  }
  return times
}

/** Runs all contenders and gives what each took in each round. */
export const measure = async (
  contenders: ReadonlyArray<Contender>,
  { rounds = 31, runMillis = 20, times: given, warmUpRounds = 3 }: MeasureOptions = {}
): Promise<Samples> => {
  if (rounds < 21) throw new RangeError(`${rounds} rounds are too few: 21 or more`)
  const times = new Map<Contender, number>()
  for (const contender of contenders) times.set(contender, given ?? (await timesFor(contender, runMillis)))
  const samples: Record<string, Array<number>> = {}
  for (let round = -warmUpRounds; round < rounds; round += 1) {
    const sums = new Map<Contender, number>()
    for (const contender of [...contenders, ...contenders.toReversed()]) {
      const nanoseconds = await nanosecondsOf(contender, times.get(contender) ?? 1)
      sums.set(contender, (sums.get(contender) ?? 0) + nanoseconds)
    }
    if (round < 0) continue
    for (const [{ name }, sum] of sums) (samples[name] ??= []).push(sum / 2)
  }
  return samples
}

const samplesOf = (samples: Samples, name: string): ReadonlyArray<number> => {
  const found = samples[name]
  if (found === undefined) throw new Error(`nothing was measured by the name ${name}`)
  return found
}

/** What a contender takes. */
export const time = (samples: Samples, name: string): Estimate => estimate(samplesOf(samples, name))

/** What one contender takes beyond another, round by round. */
export const overhead = (samples: Samples, name: string, base: string): Estimate => {
  const bases = samplesOf(samples, base)
  return estimate(samplesOf(samples, name).map((value, round) => value - (bases[round] ?? Number.NaN)))
}

/** What share of another's time a contender takes, round by round. */
export const ratio = (samples: Samples, name: string, base: string): Estimate => {
  const bases = samplesOf(samples, base)
  return estimate(samplesOf(samples, name).map((value, round) => value / (bases[round] ?? Number.NaN)))
}

/** By which factor one difference is larger than another, round by round. */
export const overheadRatio = (
  samples: Samples,
  one: readonly [name: string, base: string],
  other: readonly [name: string, base: string]
): Estimate => {
  const difference = ([name, base]: readonly [string, string], round: number): number =>
    (samplesOf(samples, name)[round] ?? Number.NaN) - (samplesOf(samples, base)[round] ?? Number.NaN)
  return estimate(samplesOf(samples, one[0]).map((_, round) => difference(one, round) / difference(other, round)))
}

/** An estimate as text. */
export const show = ({ high, low, value }: Estimate, digits = 0): string =>
  `${value.toFixed(digits)} [${low.toFixed(digits)}, ${high.toFixed(digits)}]`

/** Prints rows of equal length below each other. */
export const printTable = (rows: ReadonlyArray<ReadonlyArray<string>>): void => {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  for (const row of rows) {
    console.log(
      row
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join("  ")
        .trimEnd()
    )
  }
}

/** One line of the budget. */
export interface Requirement {
  readonly text: string
  readonly met: boolean
  /** Why it cannot be met, where that is known: then it fails nothing. */
  readonly explained?: string
}

/** Writes the raw numbers to `bench/results`, prints the verdict, and fails the process if a requirement is not met. */
export const conclude = (name: string, samples: Samples, requirements: ReadonlyArray<Requirement>): void => {
  const folder = new URL("../results/", import.meta.url)
  mkdirSync(folder, { recursive: true })
  const machine = { node: process.version, platform: `${process.platform}-${process.arch}`, cpu: cpus()[0]?.model }
  const at = new Date().toISOString()
  writeFileSync(new URL(`${name}.json`, folder), JSON.stringify({ at, machine, samples, requirements }, null, 2))
  for (const { explained, met, text } of requirements) {
    console.log(`${met ? "met" : explained === undefined ? "NOT MET" : "explained"}`.padEnd(10) + text)
    if (!met && explained !== undefined) console.log(`          ${explained}`)
  }
  if (requirements.some(({ explained, met }) => !met && explained === undefined)) process.exitCode = 1
}
