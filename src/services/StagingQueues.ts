/** The queues behind Staging: one per channel, that of the humans, and the one for what could not be staged. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { Channel, HandoffContext, ParkedMessage, Trigger } from "../schemas/Staging.ts"
import type { Failure } from "../schemas/StagingError.ts"

/** What can go wrong with a queue. */
export type QueueError = Failure<
  "SQS_TRANSIENT_ERROR" | "SQS_CONFIG_ERROR" | "SQS_PARAMETER_ERROR" | "SQS_SEND_ERROR" | "QUEUE_ERROR"
>

/** A parked message as the queue gave it; `message` is undefined when it cannot be read. */
export interface Parked {
  /** Names the message: the same each time that it is given. */
  readonly id: string
  /** Names this time that it was given. */
  readonly handle: string
  /** How often the queue has given it, with this time. */
  readonly receives: number
  readonly message: ParkedMessage | undefined
}

/** The queues. */
export interface StagingQueuesShape {
  /** Tells a channel's consumer, after this many seconds, that there is something to read. */
  readonly trigger: (channel: Channel, trigger: Trigger, delaySeconds: number) => Effect.Effect<void, QueueError>
  /** Hands a message over to a human, with all that is known of its conversation; a large one by way of a bucket. */
  readonly handOff: (context: HandoffContext) => Effect.Effect<void, QueueError>
  readonly park: (message: ParkedMessage) => Effect.Effect<void, QueueError>
  /** Some parked messages, at once; none when there are none. Nobody else is given them for a minute. */
  readonly parked: Effect.Effect<ReadonlyArray<Parked>, QueueError>
  /** Takes a message off the parking queue for good. */
  readonly unpark: (parked: Parked) => Effect.Effect<void, QueueError>
  /** Leaves a message on the parking queue, which gives it again after this many seconds. */
  readonly keep: (parked: Parked, seconds: number) => Effect.Effect<void, QueueError>
}

/** The queues behind Staging. */
export class StagingQueues extends Context.Tag("integration-services/services/StagingQueues")<
  StagingQueues,
  StagingQueuesShape
>() {}
