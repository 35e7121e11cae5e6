/** `mparticle-api-http`: data subject requests, mParticle's callbacks and events over API Gateway. */
import { ApiGatewayEvent } from "../schemas/LambdaEvent.ts"
import * as Lambda from "./Lambda.ts"
import { httpLayer } from "./MParticle.ts"
import { handle, warmUp } from "./MParticleHttp.ts"

const lambda = await Lambda.start({
  layer: httpLayer(new URL("./", import.meta.url)),
  warmUp,
  scheduledWarmUp: true,
  namespace: "MParticleAPI"
})

/** Answers API Gateway. */
export const handler = lambda.handler({ event: ApiGatewayEvent, handle })
