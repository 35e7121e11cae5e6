/** IdMinter: its functions in the database's network, its queues and its workflows. */
import type { Construct } from "constructs"
import { StateMachine } from "../constructs/StateMachine.ts"
import { arn, stateMachineName } from "../Names.ts"
import { ServiceStack, type StackOptions } from "./ServiceStack.ts"

/** The stack of IdMinter. */
export class IdMinterStack extends ServiceStack {
  constructor(scope: Construct, options: StackOptions) {
    const { worksTopicArn } = options.config.idMinter
    super(scope, {
      ...options,
      service: "IdMinter",
      topics: worksTopicArn === undefined ? {} : { idMinter: worksTopicArn }
    })
    const { config } = this
    const target = this.functionOf("id-minter-stepfunction")
    for (const file of ["idMinter", "idMinterBatches"] as const) new StateMachine(this, { file, config, target })
    this.watch({ stateMachineArn: (file) => arn(config, "states", `stateMachine:${stateMachineName(config, file)}`) })
  }
}
