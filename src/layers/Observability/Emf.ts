/** CloudWatch's Embedded Metric Format: measurements as log lines that CloudWatch turns into metrics. */
import type { Measurement } from "../../services/Metrics.ts"

/** CloudWatch takes at most this many metric definitions in one document. */
const metricsPerDocument = 100
/** CloudWatch takes at most this many values of one metric in one document. */
const valuesPerMetric = 100
/** CloudWatch takes at most this many dimensions of one metric. */
const dimensionsPerMetric = 30
/** CloudWatch's documents name two limits of a log event, an older one of 256 KB and 1 MB: this one is under both. */
const bytesPerDocument = 256 * 1024
/** CloudWatch refuses larger values. */
const largestValue = 2 ** 360

/** The metric that counts, without dimensions, the measurements that CloudWatch would not have taken. */
export const refusedMetric = "MetricsRefused"

/** Everything beside the measurements that a document holds. */
export interface EmfOptions {
  readonly namespace: string
  /** Epoch milliseconds. */
  readonly timestamp: number
  /** What the documents are found by in the log; no metric or dimension may have such a name. */
  readonly properties: Readonly<Record<string, string>>
}

interface Series {
  readonly name: string
  readonly unit: Measurement["unit"]
  readonly values: ReadonlyArray<number>
}

const groupBy = <A>(items: ReadonlyArray<A>, key: (item: A) => string): ReadonlyArray<ReadonlyArray<A>> => {
  const groups = new Map<string, Array<A>>()
  for (const item of items) {
    const group = groups.get(key(item))
    if (group === undefined) groups.set(key(item), [item])
    else group.push(item)
  }
  return [...groups.values()]
}

const chunk = <A>(items: ReadonlyArray<A>, size: number): ReadonlyArray<ReadonlyArray<A>> =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, index) => items.slice(index * size, (index + 1) * size))

/** Whether a text can be the name of a metric: one line of at most 1,024 characters, and not only spaces. */
const isName = (text: string): boolean => text.length <= 1024 && /^.*$/.test(text) && text.trim() !== ""

/** Whether a text can stand in a dimension: printable ASCII of at most this length, and not only spaces. */
const isPlain = (text: string, longest: number): boolean =>
  text.length <= longest && /^[ -~]*$/.test(text) && text.trim() !== ""

/** Whether CloudWatch takes a measurement. One bad name, value or clash of keys would cost a whole document. */
const isTakeable =
  (reserved: ReadonlySet<string>) =>
  ({ dimensions, name, value }: Measurement): boolean => {
    const entries = Object.entries(dimensions)
    return (
      Math.abs(value) <= largestValue &&
      isName(name) &&
      !reserved.has(name) &&
      !Object.hasOwn(dimensions, name) &&
      entries.length <= dimensionsPerMetric &&
      entries.every(
        ([key, text]) => isPlain(key, 250) && !key.startsWith(":") && !reserved.has(key) && isPlain(text, 1024)
      )
    )
  }

const seriesOf = ([first, ...rest]: ReadonlyArray<Measurement>): ReadonlyArray<Series> =>
  first === undefined
    ? []
    : [{ name: first.name, unit: first.unit, values: [first, ...rest].map(({ value }) => value) }]

/** The series of each document: names are unique in it, so further values or another unit go on in the next one. */
const documents = (measurements: ReadonlyArray<Measurement>): ReadonlyArray<ReadonlyArray<Series>> => {
  const parts = groupBy(measurements, ({ name }) => name).map((sameName) =>
    groupBy(sameName, ({ unit }) => unit).flatMap((sameUnit) => chunk(sameUnit, valuesPerMetric).flatMap(seriesOf))
  )
  const rounds = Math.max(0, ...parts.map((part) => part.length))
  return Array.from({ length: rounds }, (_, round) => parts.flatMap((part) => part[round] ?? [])).flatMap((series) =>
    chunk(series, metricsPerDocument)
  )
}

const lines = (
  series: ReadonlyArray<Series>,
  dimensions: Measurement["dimensions"],
  options: EmfOptions
): ReadonlyArray<string> => {
  const line = JSON.stringify({
    _aws: {
      Timestamp: options.timestamp,
      CloudWatchMetrics: [
        {
          Namespace: options.namespace,
          Dimensions: [Object.keys(dimensions)],
          Metrics: series.map(({ name, unit }) => ({ Name: name, Unit: unit }))
        }
      ]
    },
    ...options.properties,
    ...dimensions,
    ...Object.fromEntries(series.map(({ name, values }) => [name, values.length === 1 ? values[0] : values]))
  })
  if (series.length === 1 || Buffer.byteLength(line) <= bytesPerDocument) return [line]
  return chunk(series, Math.ceil(series.length / 2)).flatMap((half) => lines(half, dimensions, options))
}

const dimensionKey = ({ dimensions }: Measurement): string => JSON.stringify(Object.entries(dimensions).toSorted())

/**
 * The measurements as EMF lines: one document per set of dimensions, split where CloudWatch's limits ask for it.
 * What CloudWatch would not take is left out and counted, see {@link refusedMetric}.
 */
export const render = (measurements: ReadonlyArray<Measurement>, options: EmfOptions): ReadonlyArray<string> => {
  const takeable = measurements.filter(isTakeable(new Set(["_aws", ...Object.keys(options.properties)])))
  const refused = measurements.length - takeable.length
  const all: ReadonlyArray<Measurement> =
    refused === 0 ? takeable : [...takeable, { name: refusedMetric, unit: "Count", value: refused, dimensions: {} }]
  return groupBy(all, dimensionKey).flatMap((sameDimensions) => {
    const dimensions = sameDimensions[0]?.dimensions ?? {}
    return documents(sameDimensions).flatMap((series) => lines(series, dimensions, options))
  })
}
