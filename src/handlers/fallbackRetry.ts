/** `mparticle-api-retry`: drains the fallback queue. */
import { SqsEvent } from "../schemas/LambdaEvent.ts"
import * as Baton from "./Baton.ts"
import * as Lambda from "./Lambda.ts"
import { layer } from "./MParticle.ts"
import * as MParticleRetry from "./MParticleRetry.ts"

const lambda = await Lambda.start({ layer, warmUp: Baton.warmUp, scheduledWarmUp: true, namespace: "MParticleAPI" })

/** Answers batches of the fallback queue. */
export const handler = lambda.handler({ event: SqsEvent, handle: MParticleRetry.handle })
