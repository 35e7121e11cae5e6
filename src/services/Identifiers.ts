/** The identifiers that are minted, and the pool of ids for new ones. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { DatabaseDataError, DatabaseFailure } from "../schemas/DatabaseError.ts"
import type { CanonicalId } from "../schemas/IdMinter.ts"
import type { CollidingSourceIdentifier, IdPoolExhausted } from "../schemas/IdMinterError.ts"
import type { CircuitOpen } from "../schemas/ResilienceError.ts"
import type { SourceKey } from "./IdMinter/SourceKey.ts"

/** The database cannot be used now. */
export type IdentifiersUnavailable = DatabaseFailure | CircuitOpen

/** The ids of keys, by the keys' `id`, and the keys for which there can be none. */
export interface Found {
  readonly ids: ReadonlyMap<string, CanonicalId>
  readonly failures: ReadonlyMap<string, CollidingSourceIdentifier | DatabaseDataError>
}

/** A key to mint: with a new id, or with the one that it inherits. */
export interface Minting {
  readonly key: SourceKey
  readonly inherits?: CanonicalId
}

/** What minting came to. */
export interface Minted extends Found {
  /** Keys that somebody else minted meanwhile: theirs is the id. */
  readonly racesLost: number
}

/** The pool after it was filled up. */
export interface ToppedUp {
  readonly added: number
  readonly free: number
}

/** The store of identifiers. */
export interface IdentifiersShape {
  /** The ids that are stored for keys; a key that has none is not among them. */
  readonly lookup: (keys: ReadonlyArray<SourceKey>) => Effect.Effect<Found, IdentifiersUnavailable>
  /**
   * Mints keys that have no id yet, or asks for the id that somebody else has given them meanwhile: what it answers is
   * what is stored, for ever. A thousand keys at a time are minted together or not at all.
   */
  readonly mint: (mintings: ReadonlyArray<Minting>) => Effect.Effect<Minted, IdentifiersUnavailable | IdPoolExhausted>
  /** Adds free ids until there are `desired` of them, a number above zero. */
  readonly topUp: (desired: number) => Effect.Effect<ToppedUp, IdentifiersUnavailable | IdPoolExhausted>
  /** Fails unless the database answers. */
  readonly ping: Effect.Effect<void, IdentifiersUnavailable>
}

/** The store of identifiers. */
export class Identifiers extends Context.Tag("integration-services/services/Identifiers")<
  Identifiers,
  IdentifiersShape
>() {}
