/** What a dashboard shows, as plain data. */
import type { MetricDefinition } from "../Definition.ts"

/** One line of a graph. */
export interface Line {
  readonly label: string
  readonly metric: MetricDefinition
}

/** One graph. */
export interface Graph {
  readonly title: string
  readonly lines: ReadonlyArray<Line>
}

/** Graphs that are looked at together. */
export interface Row {
  readonly title: string
  readonly graphs: ReadonlyArray<Graph>
}
