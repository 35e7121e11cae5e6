/** Minting: every source identifier gets one canonical id for ever, and its work goes to the target index under it. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import type { CanonicalId } from "../schemas/IdMinter.ts"
import type { IdMinterFailure, RequestFailure } from "../schemas/IdMinterError.ts"

/** What became of one work: its canonical id, once it is in the target index, or why it is not there. */
export type Outcome = Either.Either<CanonicalId, IdMinterFailure>

/** What became of the works of a request, by their trimmed identifiers, in the order in which they were asked for. */
export type Outcomes = ReadonlyMap<string, Outcome>

/** The minter. */
export interface IdMinterShape {
  /**
   * Mints and indexes works. Never fails: what keeps the whole request from being done is the outcome of every work that
   * was not finished. Running it again is harmless and gives the same ids. `onIndexed` hears of each work as soon as it
   * is in the target index, so that an answer at the deadline can name it.
   */
  readonly process: (
    sourceIdentifiers: ReadonlyArray<string>,
    onIndexed?: (sourceIdentifier: string, canonicalId: CanonicalId) => void
  ) => Effect.Effect<Outcomes>
  /** Fails unless the database and both clusters answer. */
  readonly check: Effect.Effect<void, RequestFailure>
  /** Opens what a first call needs; what is out then is found by that call. */
  readonly warmUp: Effect.Effect<void>
}

/** The minter. */
export class IdMinter extends Context.Tag("integration-services/services/IdMinter")<IdMinter, IdMinterShape>() {}

/** The identifier of a work as the index has it: scripts append line ends. */
export const trimmed = (sourceIdentifier: string): string => sourceIdentifier.trim()
