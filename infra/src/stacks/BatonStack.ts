/** Baton: the function that the orchestrator calls from another account, on MParticle's data. */
import type { Construct } from "constructs"
import { BatonAccess } from "../constructs/BatonAccess.ts"
import type { MParticleStack } from "./MParticleStack.ts"
import { ServiceStack, type StackOptions } from "./ServiceStack.ts"

/** The stack of Baton. */
export class BatonStack extends ServiceStack {
  constructor(scope: Construct, mparticle: MParticleStack, options: StackOptions) {
    // The key is all that has no name of its own.
    super(scope, { ...options, service: "Baton", ...(mparticle.key === undefined ? {} : { key: mparticle.key }) })
    this.addStackDependency(mparticle)
    new BatonAccess(this, this.config, this.functionOf("mparticle-api-lambda"))
    const { trailLogGroup } = this.config.baton
    this.watch(trailLogGroup === undefined ? {} : { trailLogGroup })
  }
}
