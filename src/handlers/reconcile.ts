/** `mparticle-api-reconcile`: looks after every request that has not come to its end. */
import * as Schema from "effect/Schema"
import * as Baton from "./Baton.ts"
import * as Lambda from "./Lambda.ts"
import { reconcileLayer } from "./MParticle.ts"
import { handle } from "./MParticleReconcile.ts"

const lambda = await Lambda.start({ layer: reconcileLayer, warmUp: Baton.warmUp, namespace: "MParticleAPI" })

/** Answers the schedule. */
export const handler = lambda.handler({ event: Schema.Unknown, handle })
