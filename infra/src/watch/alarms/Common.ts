/** What the alarms of all services are made with. */
import { type FunctionName, functions } from "../../../../src/handlers/Functions.ts"
import type { QueueKey, Stage } from "../../resources.ts"
import type { AlarmDefinition, MetricDefinition, Severity, Watched } from "../Definition.ts"
import { ofApi, ofCode, ofDeadLetters, ofFunction, ofQueue, ofStateMachine, type View } from "../Metric.ts"
import type { Target } from "../Target.ts"

/** When an alarm goes off. */
type Condition = Pick<AlarmDefinition, "watched" | "comparison" | "threshold">

/** What is usual: one period, and no news is good news. */
type Rest = Partial<Omit<AlarmDefinition, "key" | "severity" | "meaning" | keyof Condition>>

/** One minute in seconds. */
export const minute = 60
/** The period of most alarms. */
export const fiveMinutes = 5 * minute
/** One hour in seconds. */
export const hour = 60 * minute
/** One day in seconds. */
export const day = 24 * hour

/** An alarm. */
export const alarm = (
  key: string,
  severity: Severity,
  meaning: string,
  condition: Condition,
  rest: Rest = {}
): AlarmDefinition => ({ periods: 1, missing: "notBreaching", ...rest, key, severity, meaning, ...condition })

/** A metric against a threshold. */
export const when = (
  metric: MetricDefinition,
  comparison: AlarmDefinition["comparison"],
  threshold: number
): Condition => ({ watched: { kind: "metric", metric }, comparison, threshold })

/** An expression over metrics against a threshold. */
export const whenMath = (
  expression: string,
  metrics: Extract<Watched, { readonly kind: "math" }>["metrics"],
  comparison: AlarmDefinition["comparison"],
  threshold: number
): Condition => ({ watched: { kind: "math", expression, metrics }, comparison, threshold })

/** A metric above what is usual for it at this time of the week. */
export const whenUnusual = (metric: MetricDefinition, deviations: number): Condition => ({
  watched: { kind: "anomaly", metric, deviations },
  comparison: ">",
  threshold: 0
})

/** The sum of some metrics, where each counts as 0 while it has no data. */
export const sumOf = (
  metrics: ReadonlyArray<MetricDefinition>,
  comparison: AlarmDefinition["comparison"],
  threshold: number
): Condition => {
  const named = Object.fromEntries(metrics.map((metric, index) => [`m${index}`, metric]))
  const sum = Object.keys(named).map((id) => `FILL(${id}, 0)`)
  return whenMath(sum.join(" + "), named, comparison, threshold)
}

/**
 * How many periods back an alarm has to look to see one bad value. Values of a function, AWS's as ours, carry the time at
 * which its invocation began and come when it has ended: with the last period alone, those of a long run are never seen.
 */
export const seenLate = (name: FunctionName, period: number): Pick<AlarmDefinition, "periods" | "of"> => ({
  periods: 1 + Math.ceil(functions[name].timeoutSeconds / period),
  of: 1
})

/** A function and what its alarms are called. */
export interface Watchable {
  readonly name: FunctionName
  /** First part of its alarms' keys; none where the service has one function. */
  readonly prefix: string
}

/** A function fails: within a minute, as a deployment is rolled back on it and has five. */
export const errors = (
  { name, prefix }: Watchable,
  meaning: string,
  { period = minute, ...rest }: Rest & { readonly period?: number } = {}
): AlarmDefinition =>
  alarm(`${prefix}errors`, "critical", meaning, when(ofFunction(name, "Errors", ["Sum", period]), ">=", 1), {
    ...seenLate(name, period),
    rollsBack: name,
    ...rest
  })

/** Any failure of the last 24 hours; five minutes at a time, so that it is known at once and stays for a day. */
export const errorsInADay = ({ name, prefix }: Watchable): AlarmDefinition =>
  alarm(
    `${prefix}errors-24h`,
    "warning",
    `An invocation of ${name} failed within the last 24 hours.`,
    when(ofFunction(name, "Errors", ["Sum", fiveMinutes]), ">=", 1),
    { periods: day / fiveMinutes, of: 1 }
  )

/** Lambda refuses invocations. */
export const throttles = ({ name, prefix }: Watchable): AlarmDefinition =>
  alarm(
    `${prefix}throttles`,
    "warning",
    `Lambda refused invocations of ${name}: its concurrency, or the account's, is used up.`,
    when(ofFunction(name, "Throttles", ["Sum", fiveMinutes]), ">", 0)
  )

/** The share of its time limit above which a function is taken to be about to run into it. */
const nearlyAll = 0.9

/** A function is about to run out of time. */
export const duration = ({ name, prefix }: Watchable): AlarmDefinition =>
  alarm(
    `${prefix}duration`,
    "warning",
    `An invocation of ${name} took more than nine tenths of its time limit.`,
    when(
      ofFunction(name, "Duration", ["Maximum", fiveMinutes]),
      ">",
      functions[name].timeoutSeconds * 1_000 * nearlyAll
    ),
    seenLate(name, fiveMinutes)
  )

/** Messages that were given up. */
export const deadLetters = (stage: Stage, queue: QueueKey, prefix: string, meaning: string): AlarmDefinition =>
  alarm(
    `${prefix}-dlq`,
    "critical",
    meaning,
    when(ofDeadLetters(stage, queue, "ApproximateNumberOfMessagesVisible", ["Maximum", minute]), ">", 0),
    // A queue that nobody touches may stop telling after six hours: what lies in it is there none the less.
    { missing: "ignore" }
  )

/** The oldest message of a queue waits for longer than this. */
export const age = (
  stage: Stage,
  queue: QueueKey,
  { meaning, prefix, seconds }: { readonly prefix: string; readonly meaning: string; readonly seconds: number }
): AlarmDefinition =>
  alarm(
    `${prefix}-age`,
    "critical",
    meaning,
    when(ofQueue(stage, queue, "ApproximateAgeOfOldestMessage", ["Maximum", fiveMinutes]), ">", seconds)
  )

/** A breaker is open, or was within the last twenty minutes: it tells only of changes, and long runs tell late. */
export const breaker = (namespace: string, upstream: string, severity: Severity, meaning: string): AlarmDefinition =>
  alarm(
    `breaker-${upstream}`,
    severity,
    meaning,
    when(ofCode(namespace)("CircuitState", ["Maximum", fiveMinutes], { Upstream: upstream }), ">=", 2),
    { periods: 4, of: 1 }
  )

/** Measurements that CloudWatch would not take. */
export const metricsRefused = (namespace: string): AlarmDefinition =>
  alarm(
    "metrics-refused",
    "warning",
    "The code measured something that CloudWatch would not take, so an alarm may be blind.",
    when(ofCode(namespace)("MetricsRefused", ["Sum", fiveMinutes]), ">", 0)
  )

/** Executions of a state machine that did not succeed. */
export const executions = (arn: string, prefix: string, meaning: string): AlarmDefinition => {
  const view: View = ["Sum", fiveMinutes]
  const bad = (["ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"] as const).map((name) =>
    ofStateMachine(arn, name, view)
  )
  return alarm(`${prefix}-failed`, "warning", meaning, sumOf(bad, ">=", 1))
}

/** An alarm on the API, where there is one. */
export const onApi = (
  target: Target,
  name: Parameters<typeof ofApi>[1],
  view: View,
  make: (metric: MetricDefinition) => AlarmDefinition
): ReadonlyArray<AlarmDefinition> => {
  const metric = ofApi(target, name, view)
  return metric === undefined ? [] : [make(metric)]
}
