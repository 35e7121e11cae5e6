/** `mparticle-api-lambda`: Baton's door. */
import * as Schema from "effect/Schema"
import * as Baton from "./Baton.ts"
import * as Lambda from "./Lambda.ts"
import { layer } from "./MParticle.ts"

const lambda = await Lambda.start({
  layer,
  warmUp: Baton.warmUp,
  scheduledWarmUp: true,
  namespace: "MParticleAPI"
})

/** Answers initiate and status, told apart by `action`. */
export const handler = lambda.handler({ event: Schema.Unknown, handle: Baton.handle })

/** Answers initiate only. */
export const batonInitiateHandler = lambda.handler({ event: Schema.Unknown, handle: Baton.initiate })

/** Answers status only. */
export const batonStatusHandler = lambda.handler({ event: Schema.Unknown, handle: Baton.status })
