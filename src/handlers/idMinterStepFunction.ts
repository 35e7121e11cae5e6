/** `id-minter-stepfunction`: canonical ids for state machines. */
import * as Schema from "effect/Schema"
import { metricsNamespace } from "../layers/IdMinter/Settings.ts"
import { minterLayer } from "./IdMinter/Minter.ts"
import { handle, warmUp } from "./IdMinter/StepFunction.ts"
import * as Lambda from "./Lambda.ts"

/** Answers a state machine. */
export const handler = await Lambda.make({
  layer: minterLayer,
  warmUp,
  scheduledWarmUp: true,
  namespace: metricsNamespace,
  event: Schema.Unknown,
  handle
})
