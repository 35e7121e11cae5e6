/** The scheduled look at what Staging could not finish. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { StageError } from "./StageStore.ts"
import type { QueueError } from "./StagingQueues.ts"

/** What one run found and did. */
export interface SweepSummary {
  /** Conversations with messages that waited for too long and had no trigger to come: they have one now. */
  readonly retriggered: number
  /** Parked messages that were taken, or were found to be taken already. */
  readonly taken: number
  /** Parked messages that their conversation refuses: the customer would be told so today. */
  readonly refused: number
  /** Parked messages that still cannot be taken. */
  readonly kept: number
  /** Conversations that could not be given a trigger. */
  readonly failed: number
  /** Whether there was time for everything. */
  readonly finished: boolean
}

/** Looks after what is left. */
export interface SweeperShape {
  readonly run: Effect.Effect<SweepSummary, StageError | QueueError>
}

/** The sweeper. */
export class Sweeper extends Context.Tag("integration-services/services/Sweeper")<Sweeper, SweeperShape>() {}
