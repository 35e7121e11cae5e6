/**
 * {@link Sweeper}: takes up parked messages where they were left, and tells the consumer again of messages that lie
 * longer than any trigger takes, which happens when a process died between the two, or the consumer read past them.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import type { Conversations } from "../../services/Conversations.ts"
import * as Metrics from "../../services/Metrics.ts"
import { StageStore, type Waiting } from "../../services/StageStore.ts"
import type { Staging } from "../../services/Staging.ts"
import type { StagingQueues } from "../../services/StagingQueues.ts"
import { Sweeper, type SweeperShape, type SweepSummary } from "../../services/Sweeper.ts"
import * as Uuid from "../../services/Uuid.ts"
import * as Delivery from "./Delivery.ts"
import * as Parking from "./Parking.ts"
import { StagingSettings } from "./Settings.ts"
import * as Telling from "./Telling.ts"

/** A trigger comes at the end of the window; so long after that, a message that still lies there has none. */
const patienceMillis = 5_000

const concurrency = 4

/** What the owner of the sweeper's claims begins with: one that was told a moment ago may have a backlog. */
const ownPrefix = "sweeper#"

type Ports = Conversations | Staging | StageStore | StagingQueues | StagingSettings

/** The sweeper over Staging and its ports. */
export const make: Effect.Effect<SweeperShape, never, Ports> = Effect.gen(function* () {
  const store = yield* StageStore
  const { windowSeconds } = yield* StagingSettings
  const { triggered } = yield* Delivery.make
  const toTell = yield* Telling.make

  const drained = yield* Parking.make

  /** Tells the consumer of a conversation, unless it is to be told already, or is known to be at work there. */
  const retriggered = (run: string, waiting: Waiting) =>
    Effect.gen(function* () {
      const told = yield* toTell(waiting)
      if (told === undefined) return "waiting" as const
      const { channel, trigger } = told
      const { claim, sent } = yield* triggered(
        channel,
        trigger,
        { owner: `${ownPrefix}${run}`, patientWith: ownPrefix },
        0
      )
      if (claim !== undefined) yield* Effect.ignoreLogged(store.settle({ claim }))
      return sent ? ("sent" as const) : ("waiting" as const)
    }).pipe(
      Effect.catchAll((error) =>
        Effect.as(Effect.logError("a conversation could not be given a trigger", Cause.fail(error)), "failed" as const)
      )
    )

  const run: SweeperShape["run"] = Effect.gen(function* () {
    // Whoever waits in the tables comes first: what is parked may take long, and fail again.
    const now = yield* Clock.currentTimeMillis
    const waiting = yield* store.waiting(now - windowSeconds * 1000 - patienceMillis)
    const id = yield* Uuid.v4
    const triggers = yield* Effect.forEach(
      waiting,
      (one) =>
        Effect.flatMap(Parking.hasTime, (time) => (time ? retriggered(id, one) : Effect.succeed("late" as const))),
      { concurrency }
    )
    const { finished, outcomes } = yield* drained
    const summary: SweepSummary = {
      retriggered: triggers.filter((outcome) => outcome === "sent").length,
      taken: outcomes.filter((outcome) => outcome === "taken").length,
      refused: outcomes.filter((outcome) => outcome === "refused").length,
      kept: outcomes.filter((outcome) => outcome === "kept").length,
      failed: triggers.filter((outcome) => outcome === "failed").length,
      finished: Either.getOrElse(finished, () => false) && !triggers.includes("late")
    }
    yield* Metrics.count("StagingRetriggered", {}, summary.retriggered)
    yield* Metrics.count("StagingRetriggerFailed", {}, summary.failed)
    yield* Metrics.count("StagingParkedTaken", {}, summary.taken)
    yield* Metrics.count("StagingParkedKept", {}, summary.kept)
    // A parking queue that is away is told of when all else is done: it must keep nobody waiting.
    return yield* Effect.as(finished, summary)
  })

  return { run }
})

/** {@link Sweeper} over Staging and its ports. */
export const layer: Layer.Layer<Sweeper, never, Ports> = Layer.effect(Sweeper, make)
