/** How new versions come into service: a tenth of the calls for five minutes, then all, or back on an alarm. */
import type { IAlarm } from "aws-cdk-lib/aws-cloudwatch"
import { LambdaApplication, LambdaDeploymentConfig, LambdaDeploymentGroup } from "aws-cdk-lib/aws-codedeploy"
import { ManagedPolicy, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam"
import { Construct } from "constructs"
import type { FunctionName } from "../../../src/handlers/Functions.ts"
import type { ServiceFunction } from "./ServiceFunction.ts"

/** What is deployed, and what stops it. */
export interface DeploymentsProps {
  readonly applicationName: string
  readonly functions: ReadonlyArray<ServiceFunction>
  /** By function: the alarms on which its deployment is rolled back. */
  readonly rollback: Readonly<Partial<Record<FunctionName, ReadonlyArray<IAlarm>>>>
}

/** The deployments of a service's functions. */
export class Deployments extends Construct {
  constructor(scope: Construct, { applicationName, functions, rollback }: DeploymentsProps) {
    super(scope, "Deployments")
    const application = new LambdaApplication(this, "Application", { applicationName })
    const role = new Role(this, "Role", {
      assumedBy: new ServicePrincipal("codedeploy.amazonaws.com"),
      managedPolicies: [ManagedPolicy.fromAwsManagedPolicyName("service-role/AWSCodeDeployRoleForLambdaLimited")]
    }).withoutPolicyUpdates()
    for (const { live, name } of functions) {
      const alarms = rollback[name] ?? []
      if (alarms.length === 0) throw new Error(`nothing stops a bad deployment of ${name}: it needs an alarm`)
      new LambdaDeploymentGroup(this, name, {
        application,
        deploymentGroupName: name,
        alias: live,
        deploymentConfig: LambdaDeploymentConfig.CANARY_10PERCENT_5MINUTES,
        alarms: [...alarms],
        autoRollback: { failedDeployment: true, stoppedDeployment: true, deploymentInAlarm: true },
        role
      })
    }
  }
}
