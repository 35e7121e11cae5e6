/** A workflow of `infra/stateMachines`, which may call its function and nothing else. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { RemovalPolicy, Stack } from "aws-cdk-lib/core"
import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam"
import { CfnStateMachine } from "aws-cdk-lib/aws-stepfunctions"
import { Construct } from "constructs"
import type { StageConfig } from "../Config.ts"
import { stateMachineName } from "../Names.ts"
import type { ServiceFunction } from "./ServiceFunction.ts"

/** A workflow. */
export interface StateMachineProps {
  /** The name of its file. */
  readonly file: "idMinter" | "idMinterBatches"
  readonly config: StageConfig
  /** What `MintFunctionArn` stands for. */
  readonly target: ServiceFunction
}

/** The text of a workflow's file. */
export const definitionOf = (file: string): string =>
  readFileSync(join(import.meta.dirname, "../../stateMachines", `${file}.asl.json`), "utf8")

/** A workflow. */
export class StateMachine extends Construct {
  constructor(scope: Construct, { config, file, target }: StateMachineProps) {
    super(scope, `StateMachine-${file}`)
    const { functionArn } = target.live
    const role = new Role(this, "Role", {
      assumedBy: new ServicePrincipal("states.amazonaws.com", {
        conditions: { StringEquals: { "aws:SourceAccount": Stack.of(this).account } }
      }),
      inlinePolicies: {
        invoke: new PolicyDocument({
          statements: [new PolicyStatement({ actions: ["lambda:InvokeFunction"], resources: [functionArn] })]
        })
      }
    })
    const machine = new CfnStateMachine(this, "StateMachine", {
      stateMachineName: stateMachineName(config, file),
      stateMachineType: "STANDARD",
      roleArn: role.roleArn,
      definitionString: definitionOf(file),
      definitionSubstitutions: { MintFunctionArn: functionArn }
    })
    machine.applyRemovalPolicy(config.stage === "PROD" ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY)
  }
}
