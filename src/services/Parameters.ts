/** Settings kept in the parameter store, by their name below the product's prefix. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { ConfigurationError } from "../schemas/MParticleError.ts"

/** The parameter store could not be asked; the same call may succeed later. */
export class ParametersUnavailable extends Schema.TaggedError<ParametersUnavailable>()("ParametersUnavailable", {
  reason: Schema.String
}) {
  override get message(): string {
    return `The parameter store could not be read (${this.reason})`
  }
}

const missing = "is missing"

/** The error that a parameter is not there, or is empty. */
export const missingParameter = (name: string): ConfigurationError =>
  new ConfigurationError({ setting: name, reason: missing })

/** Whether an error says that a parameter is not there, which some may be. */
export const isMissing = (error: { readonly _tag: string }): boolean =>
  error instanceof ConfigurationError && error.reason === missing

/** Why a parameter could not be had: it is not there, or the store is not. */
export type ParametersError = ConfigurationError | ParametersUnavailable

/** Reads parameters through a cache. */
export interface ParametersShape {
  /** A plain parameter, such as a table's name. */
  readonly get: (name: string) => Effect.Effect<string, ParametersError>
  /** A secret parameter. */
  readonly secret: (name: string) => Effect.Effect<Redacted.Redacted, ParametersError>
  /** Asks the store itself for one parameter, whatever is cached: whether it answers. */
  readonly probe: Effect.Effect<void, ParametersError>
  /** Forgets what is cached: the next read asks the store. For when an upstream refuses a cached credential. */
  readonly invalidate: Effect.Effect<void>
}

/** The parameters of one function. */
export class Parameters extends Context.Tag("integration-services/services/Parameters")<
  Parameters,
  ParametersShape
>() {}
