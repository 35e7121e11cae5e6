/** Business metrics: recorded in memory, written as log lines once per invocation, never a network call. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/** One measured value. Dimension values are from small fixed sets: never an id, an address or a message. */
export interface Measurement {
  readonly name: string
  readonly unit: "Count" | "Milliseconds" | "None"
  readonly value: number
  readonly dimensions: Readonly<Record<string, string>>
}

/** Takes measurements; must not throw. */
export interface MetricsShape {
  readonly put: (measurement: Measurement) => void
}

/** Where measurements go; nowhere unless an invocation collects them. */
export class Metrics extends Context.Reference<Metrics>()("integration-services/services/Metrics", {
  defaultValue: (): MetricsShape => ({ put: () => undefined })
}) {}

/** Takes a measurement at once; one that cannot be taken is lost, and nothing else. */
export const unsafePut = (metrics: MetricsShape, measurement: Measurement): void => {
  try {
    metrics.put(measurement)
  } catch {
    // What was measured is what counts.
  }
}

const put = (measurement: Measurement): Effect.Effect<void> =>
  Effect.map(Metrics, (metrics) => unsafePut(metrics, measurement))

/** Counts one event, or several at once. */
export const count = (name: string, dimensions: Measurement["dimensions"] = {}, value = 1): Effect.Effect<void> =>
  put({ name, unit: "Count", value, dimensions })

/** Records a value that has no unit. */
export const gauge = (name: string, value: number, dimensions: Measurement["dimensions"] = {}): Effect.Effect<void> =>
  put({ name, unit: "None", value, dimensions })

/** Records a duration in milliseconds. */
export const duration = (
  name: string,
  millis: number,
  dimensions: Measurement["dimensions"] = {}
): Effect.Effect<void> => put({ name, unit: "Milliseconds", value: millis, dimensions })
