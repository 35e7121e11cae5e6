/** `id-minter-migrate`: brings the database of identifiers to the form that the others expect. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { metricsNamespace } from "../layers/IdMinter/Settings.ts"
import { migrationsLayer } from "./IdMinter/Layers.ts"
import { handle } from "./IdMinter/Migrate.ts"
import * as Lambda from "./Lambda.ts"

/** Answers the deployment. */
export const handler = await Lambda.make({
  layer: migrationsLayer,
  warmUp: Effect.void,
  namespace: metricsNamespace,
  event: Schema.Unknown,
  handle
})
