/** `id-minter-sqs`: canonical ids for the works that a queue names. */
import { metricsNamespace } from "../layers/IdMinter/Settings.ts"
import { SqsEvent } from "../schemas/LambdaEvent.ts"
import { queueLayer } from "./IdMinter/Layers.ts"
import { handle } from "./IdMinter/Sqs.ts"
import { warmUp } from "./IdMinter/StepFunction.ts"
import * as Lambda from "./Lambda.ts"

/** Answers a batch. */
export const handler = await Lambda.make({
  layer: queueLayer,
  warmUp,
  scheduledWarmUp: true,
  namespace: metricsNamespace,
  event: SqsEvent,
  handle
})
