/** `mparticle-api-deletion`: deletes the people whose accounts Identity has deleted. */
import { SqsEvent } from "../schemas/LambdaEvent.ts"
import * as Lambda from "./Lambda.ts"
import { handle, layer, warmUp } from "./MParticleDeletion.ts"

const lambda = await Lambda.start({ layer, warmUp, scheduledWarmUp: true, namespace: "MParticleAPI" })

/** Answers batches of the deletion queue. */
export const handler = lambda.handler({ event: SqsEvent, handle })
