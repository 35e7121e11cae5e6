/** Looking after every request that has not come to its end, so that none is forgotten. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { StoreError } from "./RequestStore.ts"

/** What a run did. */
export interface Summary {
  /** Requests that were looked at: all that somebody has to look after. */
  readonly checked: number
  /** Requests that were not with mParticle and have been brought on. */
  readonly resubmitted: number
  /** Requests that were compared with mParticle's own. */
  readonly refreshed: number
  /** Exports whose results were copied. */
  readonly copied: number
  /** Requests that are stuck, after everything else. */
  readonly stuck: number
  /** Requests for which it did not work out; they are tried again. */
  readonly failed: number
  /** Whether every request had its turn; the others are first next time. */
  readonly finished: boolean
}

/** Looks after the requests. */
export interface ReconciliationShape {
  /** One run over all of them, as far as the time and mParticle's quota go. Fails when none of them can be read. */
  readonly run: Effect.Effect<Summary, StoreError>
}

/** The reconciliation. */
export class Reconciliation extends Context.Tag("integration-services/services/Reconciliation")<
  Reconciliation,
  ReconciliationShape
>() {}
