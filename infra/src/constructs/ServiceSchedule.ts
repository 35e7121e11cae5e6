/** EventBridge Scheduler's call of a function, in the time zone of those whose data it works on. */
import { Stack } from "aws-cdk-lib/core"
import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam"
import { CfnSchedule } from "aws-cdk-lib/aws-scheduler"
import { Construct } from "constructs"
import type { ServiceFunction } from "./ServiceFunction.ts"

/** When a function is called. */
export interface ServiceScheduleProps {
  /** In EventBridge's words. */
  readonly expression: string
  /** IANA's name of it. */
  readonly timeZone: string
  readonly target: ServiceFunction
  /** What the function is sent; nothing when left out, so that a run by hand with {} is the same. */
  readonly input?: object
}

/** A schedule of a function. */
export class ServiceSchedule extends Construct {
  constructor(scope: Construct, { expression, input = {}, target, timeZone }: ServiceScheduleProps) {
    super(scope, `Schedule-${target.name}`)
    const { functionArn } = target.live
    const role = new Role(this, "Role", {
      assumedBy: new ServicePrincipal("scheduler.amazonaws.com", {
        conditions: { StringEquals: { "aws:SourceAccount": Stack.of(this).account } }
      }),
      inlinePolicies: {
        invoke: new PolicyDocument({
          statements: [new PolicyStatement({ actions: ["lambda:InvokeFunction"], resources: [functionArn] })]
        })
      }
    })
    new CfnSchedule(this, "Schedule", {
      name: target.name,
      scheduleExpression: expression,
      scheduleExpressionTimezone: timeZone,
      flexibleTimeWindow: { mode: "OFF" },
      target: {
        arn: functionArn,
        roleArn: role.roleArn,
        input: JSON.stringify(input),
        retryPolicy: { maximumRetryAttempts: 3 }
      }
    })
  }
}
