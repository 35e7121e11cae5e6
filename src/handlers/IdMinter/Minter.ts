/** The minter with all that it stands on, the same behind both of its interfaces. */
import type * as ConfigError from "effect/ConfigError"
import * as Layer from "effect/Layer"
import * as Http from "../../layers/Http.ts"
import * as IdMinterImplementation from "../../layers/IdMinter.ts"
import * as WorksImplementation from "../../layers/IdMinter/Works.ts"
import type { IdMinter } from "../../services/IdMinter.ts"
import { breakers, identifiers } from "./Ground.ts"

const works = Layer.provide(WorksImplementation.layer, [breakers, Http.layer])

/** The minter. */
export const minterLayer: Layer.Layer<IdMinter, ConfigError.ConfigError> = Layer.provide(IdMinterImplementation.layer, [
  identifiers,
  works
])
