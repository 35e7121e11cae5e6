/** `id-minter-pool`: keeps enough ids in the pool. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { metricsNamespace } from "../layers/IdMinter/Settings.ts"
import { poolLayer } from "./IdMinter/Layers.ts"
import { handle } from "./IdMinter/Pool.ts"
import * as Lambda from "./Lambda.ts"

/** Answers the schedule. */
export const handler = await Lambda.make({
  layer: poolLayer,
  warmUp: Effect.void,
  namespace: metricsNamespace,
  event: Schema.Unknown,
  handle
})
