/** What the id minter's functions stand on: one composition for all of them. */
import type * as ConfigError from "effect/ConfigError"
import * as Layer from "effect/Layer"
import * as Http from "../../layers/Http.ts"
import * as IdMinterImplementation from "../../layers/IdMinter.ts"
import * as Databases from "../../layers/IdMinter/Databases.ts"
import * as DownstreamImplementation from "../../layers/IdMinter/Downstream.ts"
import * as IdentifiersImplementation from "../../layers/IdMinter/Identifiers.ts"
import * as IdPoolImplementation from "../../layers/IdMinter/IdPool.ts"
import * as MigrationsImplementation from "../../layers/IdMinter/Migrations.ts"
import * as WorksImplementation from "../../layers/IdMinter/Works.ts"
import * as CircuitBreakers from "../../layers/Resilience/CircuitBreaker.ts"
import type { Downstream } from "../../services/Downstream.ts"
import type { IdMinter } from "../../services/IdMinter.ts"
import type { IdPool } from "../../services/IdPool.ts"
import type { LogSink } from "../../services/LogSink.ts"
import type { Migrations } from "../../services/Migrations.ts"

const breakers = CircuitBreakers.layerMemory({ settings: {} })

const databases = Layer.provide(Databases.layer, breakers)

const identifiers = Layer.provide(IdentifiersImplementation.layer, databases)

const works = Layer.provide(WorksImplementation.layer, [breakers, Http.layer])

/** The minter, as a state machine uses it. */
export const minterLayer: Layer.Layer<IdMinter, ConfigError.ConfigError> = Layer.provide(IdMinterImplementation.layer, [
  identifiers,
  works
])

/** The minter, and whoever follows. */
export const queueLayer: Layer.Layer<Downstream | IdMinter, ConfigError.ConfigError, LogSink> = Layer.merge(
  minterLayer,
  DownstreamImplementation.layer
)

/** The pool. */
export const poolLayer: Layer.Layer<IdPool, ConfigError.ConfigError> = Layer.provide(
  IdPoolImplementation.layer,
  identifiers
)

/** The migrations. */
export const migrationsLayer: Layer.Layer<Migrations, ConfigError.ConfigError> = Layer.provide(
  MigrationsImplementation.layer,
  databases
)
