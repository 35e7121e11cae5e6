/** Staging: the webhooks of Twilio and SendGrid. */
import type { Construct } from "constructs"
import { HttpGateway } from "../constructs/HttpGateway.ts"
import { ServiceStack, type StackOptions } from "./ServiceStack.ts"

/** The stack of Staging. */
export class StagingStack extends ServiceStack {
  constructor(scope: Construct, options: StackOptions) {
    super(scope, { ...options, service: "Staging" })
    const { staging, stage } = this.config
    const name = `staging-${stage.toLowerCase()}`
    new HttpGateway(this, {
      name,
      config: this.config,
      target: this.functionOf("staging"),
      throttle: staging.throttle,
      // Twilio never repeats what it got 429 for: the message would be gone (contract A1.12).
      throttledStatus: "503",
      domain: staging.domain
    })
    this.watch({ api: { name, stage: stage.toLowerCase() } })
  }
}
