/**
 * {@link Sweeper}: takes up parked messages where they were left, and tells the consumer again of messages that lie
 * longer than any trigger takes, which happens when a process died between the two, or the consumer read past them.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import { meaningOf } from "../../schemas/StagingCode.ts"
import type { Conversations } from "../../services/Conversations.ts"
import * as Metrics from "../../services/Metrics.ts"
import { remainingMillis } from "../../services/Deadline.ts"
import { StageStore, type Waiting } from "../../services/StageStore.ts"
import { Staging } from "../../services/Staging.ts"
import { type Parked, type QueueError, StagingQueues } from "../../services/StagingQueues.ts"
import { Sweeper, type SweeperShape, type SweepSummary } from "../../services/Sweeper.ts"
import * as Uuid from "../../services/Uuid.ts"
import * as Delivery from "./Delivery.ts"
import * as Telling from "./Telling.ts"
import { StagingSettings } from "./Settings.ts"

/** A trigger comes at the end of the window; so long after that, a message that still lies there has none. */
const patienceMillis = 5_000

/** Nothing is begun when less than this is left: ten messages, four at a time, take three times seven seconds at most. */
const reserveMillis = 25_000

const concurrency = 4

/** What the owner of the sweeper's claims begins with: one that was told a moment ago may have a backlog. */
const ownPrefix = "sweeper#"

type Outcome = "taken" | "refused" | "kept"

/** What became of the parked messages, and whether that was all of them. */
interface Drained {
  readonly outcomes: ReadonlyArray<Outcome>
  readonly finished: Either.Either<boolean, QueueError>
}

type Ports = Conversations | Staging | StageStore | StagingQueues | StagingSettings

/** The sweeper over Staging and its ports. */
export const make: Effect.Effect<SweeperShape, never, Ports> = Effect.gen(function* () {
  const queues = yield* StagingQueues
  const staging = yield* Staging
  const store = yield* StageStore
  const { windowSeconds } = yield* StagingSettings
  const { triggered } = yield* Delivery.make
  const toTell = yield* Telling.make

  const hasTime = Effect.map(remainingMillis, (left) => left > reserveMillis)

  const resumed = (parked: Parked): Effect.Effect<Outcome> =>
    Effect.gen(function* () {
      const { message } = parked
      if (message === undefined) {
        yield* Effect.logError("a parked message cannot be read")
        return "kept"
      }
      const outcome = yield* staging.resume(message).pipe(
        Effect.as("taken" as const),
        Effect.catchAll((error) => {
          // A conversation that is locked is not for long: the message is tried again, nobody was told to send it anew.
          const isRefused = meaningOf(error.code).authenticated === "answer" && error.code !== "CONVERSATION_LOCKED"
          return Effect.as(
            Effect.logWarning(isRefused ? "a parked message is refused" : "a parked message stays", Cause.fail(error)),
            isRefused ? ("refused" as const) : ("kept" as const)
          )
        }),
        Effect.catchAllDefect((defect) =>
          Effect.as(Effect.logError("a parked message met a defect", Cause.die(defect)), "kept" as const)
        )
      )
      if (outcome !== "kept") {
        // One that stays although it is done comes again, and is known then.
        yield* Effect.catchAll(queues.unpark(parked), (error) =>
          Effect.logWarning("a parked message could not be taken off its queue", Cause.fail(error))
        )
      }
      return outcome
    })

  /** All that is parked; what stays is invisible for a while, so that none is met twice. */
  const drained: Effect.Effect<Drained> = Effect.gen(function* () {
    const outcomes: Array<Outcome> = []
    for (;;) {
      if (!(yield* hasTime)) return { outcomes, finished: Either.right(false) }
      const found = yield* Effect.either(queues.parked)
      if (Either.isLeft(found)) return { outcomes, finished: Either.left(found.left) }
      if (found.right.length === 0) return { outcomes, finished: Either.right(true) }
      // A sender that tried several times has left as many copies: the first is taken, and the others know of it.
      const copies = Map.groupBy(found.right, ({ handle, message }) => message?.message.message_sid ?? handle)
      const taken = Effect.forEach(copies.values(), Effect.forEach(resumed), { concurrency })
      outcomes.push(...(yield* taken).flat())
    }
  })

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
      (one) => Effect.flatMap(hasTime, (time) => (time ? retriggered(id, one) : Effect.succeed("late" as const))),
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
    yield* Metrics.count("StagingParkedTaken", {}, summary.taken)
    yield* Metrics.count("StagingParkedKept", {}, summary.kept)
    // A parking queue that is away is told of when all else is done: it must keep nobody waiting.
    return yield* Effect.as(finished, summary)
  })

  return { run }
})

/** {@link Sweeper} over Staging and its ports. */
export const layer: Layer.Layer<Sweeper, never, Ports> = Layer.effect(Sweeper, make)
