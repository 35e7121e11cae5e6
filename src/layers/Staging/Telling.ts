/**
 * Whom the sweeper tells of a conversation whose messages wait, by what is on record of it: nobody while the consumer is
 * known to be at work there, as it drops a trigger then; and where no row names its channel, the consumer of the
 * conversation's own.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Channel, Trigger } from "../../schemas/Staging.ts"
import { type AnyFailure, failure } from "../../schemas/StagingError.ts"
import { type Conversation, Conversations } from "../../services/Conversations.ts"
import * as Deadline from "../../services/Deadline.ts"
import type { Waiting } from "../../services/StageStore.ts"
import { isAtWork } from "../../services/Staging/Rules.ts"
import { channelOf } from "./channelAttributes.ts"
import { StagingSettings } from "./Settings.ts"

/** A look may take this long, its retries included: with a table that hangs, there is still time for all the others. */
const lookMillis = 1_500

/** A trigger, and the channel whose consumer it is for. */
export interface Telling {
  readonly channel: Channel
  readonly trigger: Trigger
}

/** Makes the look at a conversation: undefined where nobody is to be told now. */
export const make = Effect.gen(function* () {
  const conversations = yield* Conversations
  const { lockedStaleMillis } = yield* StagingSettings

  /** What is on record; where that cannot be read, what the rows say must do: a trigger too many does no harm. */
  const record = ({ channel, conversationId }: Waiting, customer: string): Effect.Effect<Conversation, AnyFailure> =>
    Effect.catchAll(Deadline.within(lookMillis)(conversations.get(customer, conversationId)), (error) =>
      channel === undefined
        ? Effect.fail(error)
        : Effect.as(Effect.logWarning("a conversation that waits cannot be looked at", Cause.fail(error)), {})
    )

  return (waiting: Waiting): Effect.Effect<Telling | undefined, AnyFailure> =>
    Effect.gen(function* () {
      const { conversationId, primaryChannel: customer } = waiting
      if (customer === undefined) return yield* failure("ROUTING_ERROR", "no row has a primary_channel")
      const conversation = yield* record(waiting, customer)
      if (isAtWork(conversation, yield* Clock.currentTimeMillis, lockedStaleMillis)) return undefined
      const channel = waiting.channel ?? channelOf(conversation)
      if (channel === undefined) return yield* failure("ROUTING_ERROR", "neither row nor conversation names a channel")
      return { channel, trigger: { conversation_id: conversationId, primary_channel: customer } }
    })
})
