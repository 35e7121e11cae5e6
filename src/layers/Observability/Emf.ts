/** CloudWatch's Embedded Metric Format: measurements as log lines that CloudWatch turns into metrics. */
import type { Measurement } from "../../services/Metrics.ts"

/** CloudWatch takes at most this many metric definitions in one document. */
const metricsPerDocument = 100
/** CloudWatch takes at most this many values of one metric in one document. */
const valuesPerMetric = 100

interface Series {
  readonly name: string
  readonly unit: string
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

/** The series of one document: names are unique in it, so a metric with too many values goes on in the next one. */
const documents = (measurements: ReadonlyArray<Measurement>): ReadonlyArray<ReadonlyArray<Series>> => {
  const parts = groupBy(measurements, (measurement) => measurement.name).map((sameName) =>
    chunk(sameName, valuesPerMetric).map((some): Series => ({
      name: sameName[0]?.name ?? "",
      unit: sameName[0]?.unit ?? "None",
      values: some.map((measurement) => measurement.value)
    }))
  )
  const rounds = Math.max(0, ...parts.map((part) => part.length))
  return Array.from({ length: rounds }, (_, round) => parts.flatMap((part) => part[round] ?? [])).flatMap((series) =>
    chunk(series, metricsPerDocument)
  )
}

const dimensionKey = (measurement: Measurement): string =>
  JSON.stringify(Object.entries(measurement.dimensions).toSorted())

/** The measurements as EMF lines: one document per set of dimensions, split where CloudWatch's limits ask for it. */
export const render = (
  measurements: ReadonlyArray<Measurement>,
  options: {
    readonly namespace: string
    readonly timestamp: number
    readonly properties: Readonly<Record<string, string>>
  }
): ReadonlyArray<string> =>
  groupBy(measurements, dimensionKey).flatMap((sameDimensions) => {
    const dimensions = sameDimensions[0]?.dimensions ?? {}
    return documents(sameDimensions).map((series) =>
      JSON.stringify({
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
    )
  })
