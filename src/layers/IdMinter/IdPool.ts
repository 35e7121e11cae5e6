/** {@link IdPool} among the identifiers. */
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Identifiers } from "../../services/Identifiers.ts"
import { IdPool } from "../../services/IdPool.ts"
import { desiredFreeIds } from "./Settings.ts"

/** {@link IdPool} of the size in the settings. */
export const layer: Layer.Layer<IdPool, ConfigError.ConfigError, Identifiers> = Layer.effect(
  IdPool,
  Effect.gen(function* () {
    const desired = yield* desiredFreeIds
    const identifiers = yield* Identifiers
    return { fill: identifiers.topUp(desired) }
  })
)
