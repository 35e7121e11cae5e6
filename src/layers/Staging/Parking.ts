/** What a run of the sweeper does with the parking queue: it takes up each message once, where it was left. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { meaningOf } from "../../schemas/StagingCode.ts"
import * as Deadline from "../../services/Deadline.ts"
import { Staging } from "../../services/Staging.ts"
import { type Parked, type QueueError, StagingQueues } from "../../services/StagingQueues.ts"

/**
 * Nothing is begun when less than this is left: to look at the queue takes three seconds at most, and ten messages, four at
 * a time, three times nine.
 */
const reserveMillis = 30_000
const lookMillis = 3_000

/** What is said of a message to its queue afterwards must not keep the others waiting. */
const settleMillis = 1_000

const concurrency = 4

/** A message that stays is tried again by the next run, for an hour or so; what is wrong then takes somebody's time. */
const promptTries = 60
const promptSeconds = 30
const patientSeconds = 300

/** What became of a parked message. */
export type Outcome = "taken" | "refused" | "kept"

/** What became of the parked messages, and whether that was all of them. */
export interface Drained {
  readonly outcomes: ReadonlyArray<Outcome>
  readonly finished: Either.Either<boolean, QueueError>
}

/** Whether there is time to begin something. */
export const hasTime: Effect.Effect<boolean> = Effect.map(Deadline.remainingMillis, (left) => left > reserveMillis)

/** An e-mail's id is of one message only at its company. */
const nameOf = ({ id, message }: Parked): string =>
  message === undefined ? id : `${message.message.to} ${message.message.message_sid}`

/** Makes the work of one run. */
export const make = Effect.gen(function* () {
  const queues = yield* StagingQueues
  const staging = yield* Staging

  const resumed = ({ message }: Parked): Effect.Effect<Outcome> => {
    if (message === undefined) return Effect.as(Effect.logError("a parked message cannot be read"), "kept")
    return staging.resume(message).pipe(
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
  }

  /** Tells the queue what became of a message. Where that fails it comes again: it is known then, or tried once more. */
  const settled = (parked: Parked, outcome: Outcome): Effect.Effect<void> => {
    const seconds = parked.receives > promptTries ? patientSeconds : promptSeconds
    return (outcome === "kept" ? queues.keep(parked, seconds) : queues.unpark(parked)).pipe(
      Deadline.within(settleMillis),
      Effect.catchAll((error) => Effect.logWarning("what became of a parked message was not noted", Cause.fail(error)))
    )
  }

  /** All that is parked, each message once, although the queue may give it again before the run is over. */
  const drained: Effect.Effect<Drained> = Effect.gen(function* () {
    const outcomes: Array<Outcome> = []
    const met = new Set<string>()
    const kept = new Set<string>()

    /** A sender that tried several times has left as many copies: they share the first one's fate, or are known by then. */
    const worked = (name: string, parked: Parked): Effect.Effect<Outcome> =>
      Effect.gen(function* () {
        const outcome = kept.has(name) ? "kept" : yield* resumed(parked)
        if (outcome === "kept") kept.add(name)
        yield* settled(parked, outcome)
        return outcome
      })

    for (;;) {
      if (!(yield* hasTime)) return { outcomes, finished: Either.right(false) }
      const found = yield* Effect.either(Deadline.within(lookMillis)(queues.parked))
      if (Either.isLeft(found)) return { outcomes, finished: Either.left(found.left) }
      const unmet = found.right.filter(({ id }) => !met.has(id))
      if (unmet.length === 0) return { outcomes, finished: Either.right(true) }
      for (const { id } of unmet) met.add(id)
      const all = Effect.forEach(
        Map.groupBy(unmet, nameOf),
        ([name, copies]) => Effect.forEach(copies, (parked) => worked(name, parked)),
        { concurrency }
      )
      outcomes.push(...(yield* all).flat())
    }
  })

  return drained
})
