/** The scheduled look at every request that has not come to its end. */
import * as Effect from "effect/Effect"
import type { StoreError } from "../services/RequestStore.ts"
import { Reconciliation, type Summary } from "../services/Reconciliation.ts"

/** Makes one run, whatever the event says, and answers what it did. */
export const handle = (_event: unknown): Effect.Effect<Summary, StoreError, Reconciliation> =>
  Effect.flatMap(Reconciliation, ({ run }) => run)
