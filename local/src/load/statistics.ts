/** What many latencies come to. */

/** Percentiles of some milliseconds; NaN of none. */
export interface Summary {
  readonly count: number
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly most: number
}

/** The smallest value that at least this share of the sorted ones does not exceed. */
export const percentile = (sorted: ReadonlyArray<number>, share: number): number =>
  sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN

/** The percentiles of values in any order. */
export const summaryOf = (values: ReadonlyArray<number>): Summary => {
  const sorted = values.toSorted((one, other) => one - other)
  return {
    count: sorted.length,
    p50: percentile(sorted, 0.5),
    p95: percentile(sorted, 0.95),
    p99: percentile(sorted, 0.99),
    most: sorted.at(-1) ?? Number.NaN
  }
}

/** The mean; NaN of none. */
export const mean = (values: ReadonlyArray<number>): number =>
  values.length === 0 ? Number.NaN : values.reduce((sum, value) => sum + value, 0) / values.length

/** The most times that lie within any span of this length, of times in any order. */
export const mostWithin = (times: ReadonlyArray<number>, length: number): number => {
  const sorted = times.toSorted((one, other) => one - other)
  let [first, most] = [0, 0]
  for (const [last, time] of sorted.entries()) {
    while ((sorted[first] ?? time) <= time - length) first += 1
    most = Math.max(most, last - first + 1)
  }
  return most
}
