/** Puts a service's alarms and its dashboard into a stack. */
import type { Stack } from "aws-cdk-lib/core"
import type { Alarm } from "aws-cdk-lib/aws-cloudwatch"
import type { ITopic } from "aws-cdk-lib/aws-sns"
import { addAlarms } from "./constructs/addAlarms.ts"
import { addDashboard } from "./constructs/addDashboard.ts"
import type { FunctionName } from "../../../src/handlers/Functions.ts"
import type { ServiceName } from "../services.ts"
import type { Target } from "./Target.ts"

/** What is watched, and who is told. */
export interface WatchOptions {
  readonly service: ServiceName
  readonly target: Target
  readonly topics: { readonly critical: ITopic; readonly warning: ITopic }
  /** Whether the alarms tell anybody; in PROD alone when left out. Nothing but the telling depends on it. */
  readonly actionsEnabled?: boolean
}

/** What others need of the alarms that were made. */
export interface Watch {
  /** By function: the alarms on which a deployment of it is rolled back. */
  readonly rollback: Readonly<Partial<Record<FunctionName, ReadonlyArray<Alarm>>>>
}

/** Makes all alarms of a service, each with the action of its severity, and the service's dashboard. */
export const addWatch = (stack: Stack, { actionsEnabled, ...options }: WatchOptions): Watch => {
  const { service, target } = options
  const made = addAlarms(stack, { ...options, actionsEnabled: actionsEnabled ?? target.stage === "PROD" })
  addDashboard(stack, { service, target, alarms: made.map(({ alarm }) => alarm) })
  const rollback: Partial<Record<FunctionName, ReadonlyArray<Alarm>>> = {}
  for (const { alarm, definition } of made) {
    if (definition.rollsBack === undefined) continue
    rollback[definition.rollsBack] = [...(rollback[definition.rollsBack] ?? []), alarm]
  }
  return { rollback }
}
