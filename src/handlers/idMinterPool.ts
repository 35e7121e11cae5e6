/** `id-minter-pool`: keeps enough ids in the pool. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as IdPool from "../layers/IdMinter/IdPool.ts"
import { metricsNamespace } from "../layers/IdMinter/Settings.ts"
import { identifiers } from "./IdMinter/Ground.ts"
import { handle } from "./IdMinter/Pool.ts"
import * as Lambda from "./Lambda.ts"

/** Answers the schedule. */
export const handler = await Lambda.make({
  layer: Layer.provide(IdPool.layer, identifiers),
  warmUp: Effect.void,
  namespace: metricsNamespace,
  event: Schema.Unknown,
  handle
})
