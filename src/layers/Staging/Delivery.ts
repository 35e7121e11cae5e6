/**
 * The protocol by which a message reaches its reader (contract A2, end). The message is put down before anybody is told
 * of it; whoever claims the conversation's next trigger sends it, and gives the claim back when that fails. A message
 * that meets a claim relies on it only when its trigger is known to be sent and still to come. So after each step, and
 * after a crash between any two, a message that is down either has a trigger to come, or its next attempt, or that of the
 * sweeper, sends one. More triggers than needed do no harm: there is nothing left to read then.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import {
  type Channel,
  type HandoffContext,
  type HandoffReason,
  type InboundMessage,
  primaryChannel,
  type Trigger
} from "../../schemas/Staging.ts"
import * as Deadline from "../../services/Deadline.ts"
import {
  type Claim,
  type LockError,
  type Progress,
  type StageError,
  StageStore,
  type Way
} from "../../services/StageStore.ts"
import { type QueueError, StagingQueues } from "../../services/StagingQueues.ts"
import type { Receipt } from "../../services/Staging.ts"
import { StagingSettings } from "./Settings.ts"

/** Why a message did not get to its reader. */
export type DeliveryError = StageError | LockError | QueueError

/** A message, where it goes, and what a human would get with it. */
export interface Delivery {
  readonly conversationId: string
  readonly message: InboundMessage
  readonly way: Way
  readonly context: (conversationId: string, reason: HandoffReason) => HandoffContext
}

/** What became of a trigger; a claim that is ours is to be settled. */
interface Triggered {
  readonly sent: boolean
  readonly claim?: Claim
}

/** Giving a claim back must not keep the answer waiting: whoever comes later does not rely on what is pending. */
const releaseMillis = 700

/** Best effort: what is not noted is done once more at most. */
const noted = (effect: Effect.Effect<void, StageError>): Effect.Effect<void> =>
  Effect.catchAll(effect, (error) => Effect.logWarning("what was sent could not be noted", Cause.fail(error)))

/** Makes the two ways to a reader. */
export const make = Effect.gen(function* () {
  const store = yield* StageStore
  const queues = yield* StagingQueues
  const { windowSeconds } = yield* StagingSettings

  const release = (claim: Claim): Effect.Effect<void> =>
    store.release(claim).pipe(
      Deadline.afresh(releaseMillis),
      Effect.catchAll((error) => Effect.logWarning("a claim was not given back", Cause.fail(error)))
    )

  /** Claims the conversation's next trigger and sends it, unless another one's is sent and still to come. */
  const triggered = (
    channel: Channel,
    trigger: Trigger,
    owner: Pick<Claim, "owner" | "patientWith">,
    delaySeconds: number
  ): Effect.Effect<Triggered, LockError | QueueError> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        const triggerAt = (yield* Clock.currentTimeMillis) + delaySeconds * 1000
        const claim: Claim = { ...owner, conversationId: trigger.conversation_id, triggerAt }
        const claimed = yield* restore(store.claim(claim))
        if (claimed === "queued") return { sent: false }
        const sending = queues.trigger(channel, trigger, delaySeconds)
        const sent = yield* Effect.exit(restore(sending))
        if (Exit.isFailure(sent) && claimed === "acquired") yield* release(claim)
        yield* sent
        return claimed === "acquired" ? { sent: true, claim } : { sent: true }
      })
    )

  /** Tells the channel's consumer of a message that is down. */
  const tell = (conversationId: string, message: InboundMessage): Effect.Effect<Receipt, DeliveryError> =>
    Effect.gen(function* () {
      const trigger = { conversation_id: conversationId, primary_channel: primaryChannel(message) }
      const owner = { owner: message.message_sid }
      const { claim, sent } = yield* triggered(message.channel_type, trigger, owner, windowSeconds)
      yield* noted(store.settle(claim === undefined ? { message } : { message, claim }))
      return sent ? "triggered" : "joined"
    })

  const handOver = (message: InboundMessage, context: HandoffContext): Effect.Effect<Receipt, DeliveryError> =>
    Effect.gen(function* () {
      yield* queues.handOff(context)
      yield* noted(store.settle({ message }))
      return "handedOff" as const
    })

  /**
   * Brings a message on its way. One that is put down stays on the way that it was put down for, although the
   * conversation may be on another one by now: else it would be on both, or on none. A handoff is not staged, as the
   * consumer would read it later.
   */
  const deliver = (delivery: Delivery): Effect.Effect<Receipt, DeliveryError> =>
    Effect.gen(function* () {
      const { conversationId, message, way } = delivery
      const putDown =
        way.to === "handoff" ? store.reserve(conversationId, message, way.reason) : store.stage(conversationId, message)
      const progress = yield* putDown
      return yield* resume(progress, delivery)
    })

  /** Goes on with a message from what was done for it before. */
  const resume = (
    progress: Progress,
    { context, conversationId, message, way }: Delivery
  ): Effect.Effect<Receipt, DeliveryError> => {
    if (progress.state === "done") return Effect.succeed("repeated")
    const known = progress.state === "known" ? progress : { conversationId, way }
    return known.way.to === "handoff"
      ? handOver(message, context(known.conversationId, known.way.reason))
      : tell(known.conversationId, message)
  }

  return { deliver, resume, triggered }
})
