/** `staging`: customers' messages from Twilio and SendGrid over API Gateway. */
import * as Effect from "effect/Effect"
import { StagingSettings } from "../layers/Staging/Settings.ts"
import { ApiGatewayEvent } from "../schemas/LambdaEvent.ts"
import * as Lambda from "./Lambda.ts"
import { handle } from "./Staging.ts"
import { warmUp, webhookLayer } from "./StagingLayer.ts"

const lambda = await Lambda.start({ layer: webhookLayer, warmUp, scheduledWarmUp: true, namespace: "Staging" })

/** Answers API Gateway. */
export const handler = lambda.handler({
  event: ApiGatewayEvent,
  handle: (event, invocation) => Effect.flatMap(StagingSettings, (settings) => handle(settings)(event, invocation))
})
