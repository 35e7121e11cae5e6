/** Bringing the database of identifiers to the form that the code expects. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { IdentifiersUnavailable } from "./Identifiers.ts"

/** What a run did. */
export interface Migrated {
  /** The names of the steps that were missing. */
  readonly applied: ReadonlyArray<string>
}

/** The migrations. */
export interface MigrationsShape {
  /** Applies what is missing, once, however many run at the same time. */
  readonly run: Effect.Effect<Migrated, IdentifiersUnavailable>
}

/** The migrations. */
export class Migrations extends Context.Tag("integration-services/services/Migrations")<
  Migrations,
  MigrationsShape
>() {}
