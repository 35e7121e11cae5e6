/** The alarms of a service as CloudWatch has them. */
import { Duration, type Stack, TimeZone } from "aws-cdk-lib/core"
import {
  Alarm,
  AlarmMuteRule,
  AnomalyDetectionAlarm,
  ComparisonOperator,
  type IMetric,
  MathExpression,
  ScheduleExpression,
  TreatMissingData
} from "aws-cdk-lib/aws-cloudwatch"
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions"
import { CfnLogGroup, FilterPattern, LogGroup, MetricFilter } from "aws-cdk-lib/aws-logs"
import type { ITopic } from "aws-cdk-lib/aws-sns"
import { alarmsOf } from "../alarms/alarmsOf.ts"
import {
  type AlarmDefinition,
  alarmName,
  type LogFilter,
  metricsOf,
  type Mute,
  type Severity,
  type Watched
} from "../Definition.ts"
import { logGroupName } from "../../Names.ts"
import type { ServiceName } from "../../services.ts"
import type { Target } from "../Target.ts"
import { toMetric } from "./toMetric.ts"

/** Whose alarms, and whom they tell. */
export interface AlarmsOptions {
  readonly service: ServiceName
  readonly target: Target
  readonly topics: Readonly<Record<Severity, ITopic>>
  readonly actionsEnabled: boolean
}

/** An alarm beside what it was made of. */
export interface Made {
  readonly definition: AlarmDefinition
  readonly alarm: Alarm
}

const comparisons = {
  ">": ComparisonOperator.GREATER_THAN_THRESHOLD,
  ">=": ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
  "<": ComparisonOperator.LESS_THAN_THRESHOLD
} as const

const missing = {
  notBreaching: TreatMissingData.NOT_BREACHING,
  breaching: TreatMissingData.BREACHING,
  ignore: TreatMissingData.IGNORE
} as const

/** Math without a period of its own is computed over five minutes, whatever its metrics say. */
const mathOf = ({ expression, metrics }: Extract<Watched, { readonly kind: "math" }>): IMetric =>
  new MathExpression({
    expression,
    usingMetrics: Object.fromEntries(Object.entries(metrics).map(([id, metric]) => [id, toMetric(metric)])),
    period: Duration.seconds(Math.max(...Object.values(metrics).map(({ periodSeconds }) => periodSeconds)))
  })

const make = (stack: Stack, { actionsEnabled, target, service }: AlarmsOptions, definition: AlarmDefinition): Alarm => {
  const { watched } = definition
  const id = `Alarm-${service}-${definition.key}`
  const common = {
    alarmName: alarmName(service, target.stage, definition),
    alarmDescription: `${definition.meaning} What to do: docs/runbook.md, ${service}, ${definition.key}.`,
    actionsEnabled,
    evaluationPeriods: definition.periods,
    ...(definition.of === undefined ? {} : { datapointsToAlarm: definition.of }),
    treatMissingData: missing[definition.missing]
  }
  if (watched.kind === "anomaly") {
    return new AnomalyDetectionAlarm(stack, id, {
      ...common,
      metric: toMetric(watched.metric),
      stdDevs: watched.deviations,
      comparisonOperator: ComparisonOperator.GREATER_THAN_UPPER_THRESHOLD
    })
  }
  return new Alarm(stack, id, {
    ...common,
    metric: watched.kind === "math" ? mathOf(watched) : toMetric(watched.metric),
    threshold: definition.threshold,
    comparisonOperator: comparisons[definition.comparison]
  })
}

/** The log group by its name: a function's is made in the same stack, a trail's is the account's. */
const logGroupNameOf = ({ source }: LogFilter): string =>
  "function" in source ? logGroupName(source.function) : source.trailLogGroup

/** The filters, one for each metric that is made of lines, however many alarms look at it. */
const addFilters = (stack: Stack, service: ServiceName, definitions: ReadonlyArray<AlarmDefinition>): void => {
  const named = new Map(definitions.flatMap(metricsOf).map((metric) => [metric.name, metric]))
  const groups = stack.node.findAll().filter((found) => found instanceof CfnLogGroup)
  for (const { filter, name, namespace } of named.values()) {
    if (filter === undefined) continue
    const groupName = logGroupNameOf(filter)
    const id = `Filter-${service}-${name}`
    const made = new MetricFilter(stack, id, {
      logGroup: LogGroup.fromLogGroupName(stack, `${id}-LogGroup`, groupName),
      filterPattern: FilterPattern.literal(filter.pattern),
      metricNamespace: namespace,
      metricName: name,
      metricValue: "1"
    })
    // A name says nothing to CloudFormation of what has to be there first.
    made.node.addDependency(...groups.filter((group) => group.logGroupName === groupName))
  }
}

const muted = (
  stack: Stack,
  name: string,
  alarm: Alarm,
  { hour, hours, minute, timeZone, weekDay }: Mute
): AlarmMuteRule =>
  new AlarmMuteRule(stack, `${alarm.node.id}-Mute`, {
    alarmMuteRuleName: `${name}-weekend`,
    alarms: [alarm],
    schedule: ScheduleExpression.cron({ minute, hour, weekDay, timeZone: TimeZone.of(timeZone) }),
    duration: Duration.hours(hours)
  })

/** Makes all alarms of a service, with their actions and with the metrics that they need out of log lines. */
export const addAlarms = (stack: Stack, options: AlarmsOptions): ReadonlyArray<Made> => {
  const { target, service, topics } = options
  const definitions = alarmsOf(service, target)
  addFilters(stack, service, definitions)
  const actions = { critical: new SnsAction(topics.critical), warning: new SnsAction(topics.warning) }
  return definitions.map((definition) => {
    const alarm = make(stack, options, definition)
    const action = actions[definition.severity]
    alarm.addAlarmAction(action)
    // The end of an alarm is news as well: it closes the incident where topics lead to a pager.
    alarm.addOkAction(action)
    if (definition.mute !== undefined)
      muted(stack, alarmName(service, target.stage, definition), alarm, definition.mute)
    return { definition, alarm }
  })
}
