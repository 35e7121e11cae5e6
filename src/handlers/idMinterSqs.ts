/** `id-minter-sqs`: canonical ids for the works that a queue names. */
import * as Layer from "effect/Layer"
import * as Downstream from "../layers/IdMinter/Downstream.ts"
import { metricsNamespace } from "../layers/IdMinter/Settings.ts"
import { SqsEvent } from "../schemas/LambdaEvent.ts"
import { minterLayer } from "./IdMinter/Minter.ts"
import { handle } from "./IdMinter/Sqs.ts"
import { warmUp } from "./IdMinter/StepFunction.ts"
import * as Lambda from "./Lambda.ts"

/** Answers a batch. */
export const handler = await Lambda.make({
  layer: Layer.merge(minterLayer, Downstream.layer),
  warmUp,
  scheduledWarmUp: true,
  namespace: metricsNamespace,
  event: SqsEvent,
  handle
})
