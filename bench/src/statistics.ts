/** A value with the interval that it lies in with 95 % confidence. */
export interface Estimate {
  readonly value: number
  readonly low: number
  readonly high: number
}

/** The middle of some numbers. */
export const median = (values: ReadonlyArray<number>): number => {
  const sorted = values.toSorted((one, other) => one - other)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

/** Mulberry32: the same numbers in each run, so that a verdict does not depend on the resampling's luck. */
const randomFrom = (seed: number) => (): number => {
  seed = (seed + 0x6d2b79f5) | 0
  let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
}

const resamples = 5_000

/** The median of some numbers, with the percentile bootstrap's interval. */
export const estimate = (values: ReadonlyArray<number>): Estimate => {
  const random = randomFrom(20_250_101)
  const medians = Array.from({ length: resamples }, () =>
    median(values.map(() => values[Math.floor(random() * values.length)] ?? Number.NaN))
  ).toSorted((one, other) => one - other)
  const at = (share: number): number => medians[Math.round(share * (resamples - 1))] ?? Number.NaN
  return { value: median(values), low: at(0.025), high: at(0.975) }
}
