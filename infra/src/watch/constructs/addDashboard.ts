/** The one dashboard of a service: how its alarms are, and its graphs by rows. */
import { Duration, type Stack } from "aws-cdk-lib/core"
import {
  AlarmStatusWidget,
  Dashboard,
  GraphWidget,
  type IAlarm,
  type IWidget,
  PeriodOverride,
  TextWidget
} from "aws-cdk-lib/aws-cloudwatch"
import type { ServiceName } from "../../services.ts"
import type { Graph } from "../dashboards/Row.ts"
import { rowsOf } from "../dashboards/rowsOf.ts"
import type { Target } from "../Target.ts"
import { toMetric } from "./toMetric.ts"

/** Whose dashboard. */
export interface DashboardOptions {
  readonly service: ServiceName
  readonly target: Target
  readonly alarms: ReadonlyArray<IAlarm>
}

const fullWidth = 24
const alarmsPerLine = 4

const graphOf = ({ lines, title }: Graph, width: number): IWidget =>
  new GraphWidget({
    title,
    width,
    height: 6,
    left: lines.map(({ label, metric }) => toMetric(metric, label)),
    leftYAxis: { min: 0 }
  })

/** Makes the dashboard. */
export const addDashboard = (stack: Stack, { alarms, service, target }: DashboardOptions): Dashboard => {
  const status = new AlarmStatusWidget({
    title: "Alarms",
    alarms: [...alarms],
    width: fullWidth,
    height: 2 + Math.ceil(alarms.length / alarmsPerLine)
  })
  const rows = rowsOf(service, target).map(({ graphs, title }) => [
    new TextWidget({ markdown: `## ${title}`, width: fullWidth, height: 1 }),
    ...graphs.map((graph) => graphOf(graph, Math.floor(fullWidth / Math.min(graphs.length, 4))))
  ])
  return new Dashboard(stack, `Dashboard-${service}`, {
    dashboardName: `${service}-${target.stage}`,
    defaultInterval: Duration.days(1),
    // Each graph keeps the period of its metrics, so that what it shows is what the alarms see.
    periodOverride: PeriodOverride.INHERIT,
    widgets: [[status], ...rows]
  })
}
