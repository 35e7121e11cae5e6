/** `id-minter-migrate`: brings the database of identifiers to the form that the others expect. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Migrations from "../layers/IdMinter/Migrations.ts"
import { metricsNamespace } from "../layers/IdMinter/Settings.ts"
import { databases } from "./IdMinter/Ground.ts"
import { handle } from "./IdMinter/Migrate.ts"
import * as Lambda from "./Lambda.ts"

/** Answers the deployment. */
export const handler = await Lambda.make({
  layer: Layer.provide(Migrations.layer, databases),
  warmUp: Effect.void,
  scheduledWarmUp: true,
  namespace: metricsNamespace,
  event: Schema.Unknown,
  handle
})
