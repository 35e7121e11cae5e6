/** What is written while an effect runs: the real logger's lines, and the metrics as the lines they become. */
import { assert } from "vitest"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Emf from "../../src/layers/Observability/Emf.ts"
import * as JsonLogger from "../../src/layers/Observability/JsonLogger.ts"
import { LogSink } from "../../src/services/LogSink.ts"
import { type Measurement, Metrics } from "../../src/services/Metrics.ts"
import { jsonLineFaults } from "./logLines.ts"

export type Line = Readonly<Record<string, unknown>>

export interface Written<A, E> {
  readonly exit: Exit.Exit<A, E>
  /** Log lines and metric documents, as text. */
  readonly text: string
  /** The log lines. */
  readonly lines: ReadonlyArray<Line>
}

/** Runs an effect with the function's own logger, and answers everything that it wrote: lines as documented, or it fails. */
export const written = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<Written<A, E>, never, R> =>
  Effect.suspend(() => {
    const output: Array<string> = []
    const measurements: Array<Measurement> = []
    const sink = Layer.succeed(LogSink, { writeLine: (line) => void output.push(line) })
    return effect.pipe(
      Effect.provideService(Metrics, { put: (measurement) => void measurements.push(measurement) }),
      Effect.exit,
      Effect.provide(Layer.provide(JsonLogger.layer, sink)),
      Effect.map((exit) => {
        const metrics = Emf.render(measurements, { namespace: "Test", timestamp: 0, properties: {} })
        for (const line of [...output, ...metrics]) assert.deepStrictEqual(jsonLineFaults(line), [], line)
        return {
          exit,
          text: [...output, ...metrics].join("\n"),
          lines: output.map((line) => JSON.parse(line) as Line)
        }
      })
    )
  })
