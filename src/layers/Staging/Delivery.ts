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
import { failure } from "../../schemas/StagingError.ts"
import * as Deadline from "../../services/Deadline.ts"
import {
  type Claim,
  type Lease,
  type LockError,
  type Progress,
  type StageError,
  StageStore,
  type Way
} from "../../services/StageStore.ts"
import { type QueueError, StagingQueues } from "../../services/StagingQueues.ts"
import type { Receipt } from "../../services/Staging.ts"
import * as Uuid from "../../services/Uuid.ts"
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

/** Longer than an attempt has for its work, so that nobody is overtaken while it sends. */
const leaseMillis = 8_000

/** Giving a claim back must not keep the answer waiting: whoever comes later does not rely on what is pending. */
const releaseMillis = 700

/** Best effort: a claim or lease that stays is over before long. */
const givenBack = (effect: Effect.Effect<void, StageError | LockError>): Effect.Effect<void> =>
  effect.pipe(
    Deadline.afresh(releaseMillis),
    Effect.catchAll((error) => Effect.logWarning("a claim was not given back", Cause.fail(error)))
  )

/** Best effort: what is not noted is done once more at most. */
const noted = (effect: Effect.Effect<void, StageError>): Effect.Effect<void> =>
  Effect.catchAll(effect, (error) => Effect.logWarning("what was sent could not be noted", Cause.fail(error)))

const staged = <E>(put: Effect.Effect<Progress, E>): Effect.Effect<Progress, E> =>
  Effect.tap(put, ({ state }) => Effect.logDebug(`stage: ${state}`))

/** Makes the two ways to a reader. */
export const make = Effect.gen(function* () {
  const store = yield* StageStore
  const queues = yield* StagingQueues
  const { windowSeconds } = yield* StagingSettings

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
        yield* Effect.logDebug(`lock: ${claimed}`)
        if (claimed === "queued") return { sent: false }
        const sending = queues.trigger(channel, trigger, delaySeconds)
        const sent = yield* Effect.exit(restore(sending))
        if (Exit.isFailure(sent) && claimed === "acquired") yield* givenBack(store.release(claim))
        yield* sent
        yield* Effect.logDebug("queue: trigger sent")
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

  /** Sends a message to a human; it is this attempt's to send. */
  const handOver = (
    message: InboundMessage,
    context: HandoffContext,
    lease: Lease
  ): Effect.Effect<Receipt, DeliveryError> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        const sent = yield* Effect.exit(restore(queues.handOff(context)))
        if (Exit.isFailure(sent)) yield* givenBack(store.giveBack(message, lease))
        yield* sent
        yield* Effect.logDebug("queue: handoff sent")
        yield* restore(noted(store.settle({ message })))
        return "handedOff" as const
      })
    )

  const newLease: Effect.Effect<Lease> = Effect.gen(function* () {
    return { by: yield* Uuid.v4, until: (yield* Clock.currentTimeMillis) + leaseMillis }
  })

  /** Sends a message to a human that was put down before, unless another attempt is at it. */
  const handOverAgain = (
    message: InboundMessage,
    context: HandoffContext,
    lease: Lease
  ): Effect.Effect<Receipt, DeliveryError> =>
    Effect.gen(function* () {
      const leased = yield* store.lease(message, lease)
      if (leased === "sent") return "repeated"
      // Whoever has it may fail, or die: this attempt is to come again, and finds it sent or sends it then.
      if (leased === "sending") return yield* failure("STAGE_DB_TRANSIENT_ERROR", "another attempt is handing it over")
      return yield* handOver(message, context, lease)
    })

  /** Goes on with a message from what was done for it before; `ours` is the lease with which this attempt sends it. */
  const goOn = (
    progress: Progress,
    { context, conversationId, message, way }: Delivery,
    ours: Effect.Effect<Lease>
  ): Effect.Effect<Receipt, DeliveryError> => {
    if (progress.state === "done") return Effect.succeed("repeated")
    const { conversationId: id, way: known } = progress.state === "known" ? progress : { conversationId, way }
    return known.to === "handoff"
      ? Effect.flatMap(ours, (lease) => handOverAgain(message, context(id, known.reason), lease))
      : tell(id, message)
  }

  /** Goes on with a message that was put down before. */
  const resume = (progress: Progress, delivery: Delivery): Effect.Effect<Receipt, DeliveryError> =>
    goOn(progress, delivery, newLease)

  /**
   * Brings a message on its way. One that is put down stays on the way that it was put down for, although the
   * conversation may be on another one by now: else it would be on both, or on none. A handoff is not staged, as the
   * consumer would read it later.
   */
  const deliver = (delivery: Delivery): Effect.Effect<Receipt, DeliveryError> =>
    Effect.gen(function* () {
      const { context, conversationId, message, way } = delivery
      if (way.to !== "handoff") return yield* resume(yield* staged(store.stage(conversationId, message)), delivery)
      const lease = yield* newLease
      const progress = yield* staged(store.reserve(conversationId, message, way.reason, lease))
      return progress.state === "new"
        ? yield* handOver(message, context(conversationId, way.reason), lease)
        : yield* goOn(progress, delivery, Effect.succeed(lease))
    })

  return { deliver, resume, triggered }
})
