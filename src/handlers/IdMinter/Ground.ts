/** What every function of the id minter stands on. Apart from the rest, so that no bundle holds what its function never uses. */
import type * as ConfigError from "effect/ConfigError"
import * as Layer from "effect/Layer"
import * as Databases from "../../layers/IdMinter/Databases.ts"
import * as IdentifiersImplementation from "../../layers/IdMinter/Identifiers.ts"
import * as CircuitBreaker from "../../layers/Resilience/CircuitBreaker.ts"
import type { Identifiers } from "../../services/Identifiers.ts"
import * as BreakerSettings from "../../services/Resilience/CircuitBreaker/Settings.ts"
import type { CircuitBreakers } from "../../services/Resilience/CircuitBreaker.ts"

/** The breakers around the databases and clusters. */
export const breakers: Layer.Layer<CircuitBreakers> = CircuitBreaker.layerMemory({
  settings: {},
  otherwise: BreakerSettings.idMinter
})

/** The databases. */
export const databases: Layer.Layer<Databases.IdMinterDatabases, ConfigError.ConfigError> = Layer.provide(
  Databases.layer,
  breakers
)

/** The identifiers in them. */
export const identifiers: Layer.Layer<Identifiers, ConfigError.ConfigError> = Layer.provide(
  IdentifiersImplementation.layer,
  databases
)
