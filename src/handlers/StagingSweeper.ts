/** The scheduled look at what Staging could not finish. */
import * as Effect from "effect/Effect"
import type { StageError } from "../services/StageStore.ts"
import type { QueueError } from "../services/StagingQueues.ts"
import { Sweeper, type SweepSummary } from "../services/Sweeper.ts"
import { trace } from "../services/Trace.ts"

/** Makes one run, whatever the event says, and answers what it did. */
export const handle = (_event: unknown): Effect.Effect<SweepSummary, StageError | QueueError, Sweeper> =>
  Effect.flatMap(Sweeper, ({ run }) => run).pipe(trace("stagingSweep"))
