/** A metric of plain data as CDK's metric. */
import { Duration } from "aws-cdk-lib/core"
import { Metric } from "aws-cdk-lib/aws-cloudwatch"
import type { MetricDefinition } from "../Definition.ts"

/** The metric, and its label on a graph where it has one. */
export const toMetric = (definition: MetricDefinition, label?: string): Metric =>
  new Metric({
    namespace: definition.namespace,
    metricName: definition.name,
    dimensionsMap: { ...definition.dimensions },
    statistic: definition.statistic,
    period: Duration.seconds(definition.periodSeconds),
    ...(label === undefined ? {} : { label })
  })
