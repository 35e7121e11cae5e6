/** What an alarm is, as plain data: no construct, so that tests and the runbook's check need no synthesis. */
import type { FunctionName } from "../../../src/handlers/Functions.ts"
import type { Stage } from "../resources.ts"
import type { ServiceName } from "../services.ts"

/** A metric that a filter makes out of log lines, where the code writes none that an alarm could use. */
export interface LogFilter {
  /** Whose lines: a function's, or the events of a trail that go to this log group. */
  readonly source: { readonly function: FunctionName } | { readonly trailLogGroup: string }
  /** In the filter language of CloudWatch Logs; every line that matches counts one. */
  readonly pattern: string
}

/** One metric as it is looked at. */
export interface MetricDefinition {
  readonly namespace: string
  readonly name: string
  readonly dimensions: Readonly<Record<string, string>>
  /** `Sum`, `Average`, `Maximum`, `Minimum`, `SampleCount` or a percentile such as `p95`. */
  readonly statistic: string
  readonly periodSeconds: number
  /** Set when the metric exists only because of this filter, which is made with it. */
  readonly filter?: LogFilter
}

/** What is compared with the threshold: a metric, an expression over some, or what is usual for one. */
export type Watched =
  | { readonly kind: "metric"; readonly metric: MetricDefinition }
  | {
      readonly kind: "math"
      readonly expression: string
      /** At most ten, says CloudWatch. */
      readonly metrics: Readonly<Record<string, MetricDefinition>>
    }
  | {
      readonly kind: "anomaly"
      readonly metric: MetricDefinition
      /** Half the width of the band around what is usual, in standard deviations: it takes the threshold's place. */
      readonly deviations: number
    }

/** A window in which an alarm may go off and nobody is told. */
export interface Mute {
  readonly minute: string
  readonly hour: string
  readonly weekDay: string
  readonly hours: number
  readonly timeZone: string
}

/** Who is told: `critical` wakes somebody, `warning` is looked at in working hours. */
export type Severity = "critical" | "warning"

/** One alarm. */
export interface AlarmDefinition {
  /** The name within its service, and the key of its line in docs/runbook.md. */
  readonly key: string
  /** The whole name, where on-call engineers knew it before there was a rule for names. */
  readonly fixedName?: string
  /** One sentence, the same as in the runbook. */
  readonly meaning: string
  readonly severity: Severity
  readonly watched: Watched
  /** Not used by an anomaly alarm. */
  readonly threshold: number
  readonly comparison: ">" | ">=" | "<"
  readonly periods: number
  /** How many of the periods have to be bad; all of them when left out. */
  readonly of?: number
  readonly missing: "notBreaching" | "breaching" | "ignore"
  /** The function whose deployment is rolled back when this goes off. */
  readonly rollsBack?: FunctionName
  readonly mute?: Mute
}

/** The name of an alarm in a stage: only that of PROD keeps a fixed name, should two ever share an account. */
export const alarmName = (service: ServiceName, stage: Stage, { fixedName, key }: AlarmDefinition): string => {
  if (fixedName === undefined) return `${service}-${stage}-${key}`
  return stage === "PROD" ? fixedName : `${fixedName}-${stage}`
}

/** The metrics that an alarm looks at. */
export const metricsOf = ({ watched }: AlarmDefinition): ReadonlyArray<MetricDefinition> =>
  watched.kind === "math" ? Object.values(watched.metrics) : [watched.metric]
