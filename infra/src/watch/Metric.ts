/** Metrics by what they are of: AWS's own, and those that the code writes. */
import type { FunctionName } from "../../../src/handlers/Functions.ts"
import { dlqName, type QueueKey, queues, type Stage } from "../resources.ts"
import type { LogFilter, MetricDefinition } from "./Definition.ts"
import type { Target } from "./Target.ts"

/** How a metric is looked at: a statistic over so many seconds. */
export type View = readonly [statistic: string, periodSeconds: number]

const metric = (
  namespace: string,
  name: string,
  dimensions: MetricDefinition["dimensions"],
  [statistic, periodSeconds]: View
): MetricDefinition => ({ namespace, name, dimensions, statistic, periodSeconds })

/** Of a function: `Errors`, `Throttles`, `Duration`, `Invocations`, of all its versions together. */
export const ofFunction = (
  functionName: FunctionName,
  name: "Errors" | "Throttles" | "Duration" | "Invocations",
  view: View
): MetricDefinition => metric("AWS/Lambda", name, { FunctionName: functionName }, view)

type QueueMetric = "ApproximateNumberOfMessagesVisible" | "ApproximateAgeOfOldestMessage"

/** Of a queue. */
export const ofQueue = (stage: Stage, key: QueueKey, name: QueueMetric, view: View): MetricDefinition =>
  metric("AWS/SQS", name, { QueueName: queues(stage)[key].name }, view)

/** Of a queue's dead-letter queue. */
export const ofDeadLetters = (stage: Stage, key: QueueKey, name: QueueMetric, view: View): MetricDefinition =>
  metric("AWS/SQS", name, { QueueName: dlqName(queues(stage)[key].name) }, view)

/** Of the API in front of a service; nothing where there is none. */
export const ofApi = (
  { api }: Target,
  name: "5XXError" | "4XXError" | "Latency" | "IntegrationLatency" | "Count",
  view: View
): MetricDefinition | undefined =>
  api === undefined ? undefined : metric("AWS/ApiGateway", name, { ApiName: api.name, Stage: api.stage }, view)

/** Of a state machine. */
export const ofStateMachine = (
  arn: string,
  name: "ExecutionsFailed" | "ExecutionsTimedOut" | "ExecutionsAborted",
  view: View
): MetricDefinition => metric("AWS/States", name, { StateMachineArn: arn }, view)

/** One of the metrics that the code writes, docs/observability.md. */
export const ofCode =
  (namespace: string) =>
  (name: string, view: View, dimensions: MetricDefinition["dimensions"] = {}): MetricDefinition =>
    metric(namespace, name, dimensions, view)

/** A metric that is made of log lines, in a namespace of the stage's own. */
export const ofLog = ({ stage }: Target, name: string, filter: LogFilter, view: View): MetricDefinition => ({
  ...metric(`Watch/${stage}`, name, {}, view),
  filter
})
