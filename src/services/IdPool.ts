/** The pool of ids that nobody has yet. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { IdPoolExhausted } from "../schemas/IdMinterError.ts"
import type { IdentifiersUnavailable, ToppedUp } from "./Identifiers.ts"

/** The pool. */
export interface IdPoolShape {
  /** Fills it up to the number of free ids that the settings want. */
  readonly fill: Effect.Effect<ToppedUp, IdentifiersUnavailable | IdPoolExhausted>
}

/** The pool. */
export class IdPool extends Context.Tag("integration-services/services/IdPool")<IdPool, IdPoolShape>() {}
