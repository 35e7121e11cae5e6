/** Works: read from the source index, written to the target index under their canonical ids. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import type { ElasticsearchFailure } from "../schemas/ElasticsearchError.ts"
import type { IndexItemRejected, InvalidWork, WorkNotFound } from "../schemas/IdMinterError.ts"
import type { CircuitOpen } from "../schemas/ResilienceError.ts"
import type { IdentifiedWork, Work } from "./IdMinter/Work.ts"

/** A cluster cannot be used now. */
export type WorksUnavailable = ElasticsearchFailure | CircuitOpen

/** What the source index has for one identifier. */
export type Fetched = Either.Either<Work, WorkNotFound | InvalidWork>

/** Whether a work is in the target index now: this copy of it, or a newer one. */
export type Indexed = Either.Either<void, IndexItemRejected | WorksUnavailable>

/** The two indexes. */
export interface WorksShape {
  /** One document for each identifier, which are different ones and at least one. */
  readonly fetch: (requestIds: ReadonlyArray<string>) => Effect.Effect<ReadonlyMap<string, Fetched>, WorksUnavailable>
  /** Writes works, and says what became of each, by `requestId`; `onIndexed` hears of each that is written at once. */
  readonly index: (
    works: ReadonlyArray<IdentifiedWork>,
    onIndexed: (work: IdentifiedWork) => void
  ) => Effect.Effect<ReadonlyMap<string, Indexed>>
  /** Fails unless both clusters answer. */
  readonly ping: Effect.Effect<void, WorksUnavailable>
}

/** The two indexes. */
export class Works extends Context.Tag("integration-services/services/Works")<Works, WorksShape>() {}
