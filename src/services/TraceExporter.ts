/** Where finished spans go. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Tracer from "effect/Tracer"

/** Takes the spans of one invocation; must not fail, and must not take long. */
export interface TraceExporterShape {
  /** The share of traces, 0 to 1, that is recorded where the caller has not decided. */
  readonly ratio: number
  readonly export: (spans: ReadonlyArray<Tracer.Span>, functionName: string) => Effect.Effect<void>
}

/** The exporter of spans; without one, none are recorded. */
export class TraceExporter extends Context.Reference<TraceExporter>()("integration-services/services/TraceExporter", {
  defaultValue: (): TraceExporterShape => ({ ratio: 0, export: () => Effect.void })
}) {}
