/** Whoever works on a work next, told that it is in the target index. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { CanonicalId } from "../schemas/IdMinter.ts"
import type { DownstreamFailed } from "../schemas/IdMinterError.ts"

/** What follows. */
export interface DownstreamShape {
  /** Tells of each id once, and answers which were not taken; `onSent` hears of each that was taken at once. */
  readonly notify: (
    canonicalIds: Iterable<CanonicalId>,
    onSent: (canonicalId: CanonicalId) => void
  ) => Effect.Effect<ReadonlyMap<CanonicalId, DownstreamFailed>>
}

/** What follows. */
export class Downstream extends Context.Tag("integration-services/services/Downstream")<
  Downstream,
  DownstreamShape
>() {}
