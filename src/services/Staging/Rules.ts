/** Whether a conversation takes a message now (contract A1.3 step 7, in its order). */
import * as Option from "effect/Option"
import type { Channel } from "../../schemas/Staging.ts"
import { type Failure, failure } from "../../schemas/StagingError.ts"
import type { Conversation } from "../Conversations.ts"
import { instantOf } from "./instant.ts"

/** Why a conversation takes no message: an answer, not a fault. */
export type Refusal = Failure<"PROJECT_INACTIVE" | "CHANNEL_NOT_ALLOWED" | "CONVERSATION_LOCKED">

const isBeingAnswered = (conversation: Conversation): boolean =>
  conversation["conversation_status"] === "processing_reply"

/** How long the consumer has been at it, in milliseconds: NaN where nothing says when it began. */
const workedFor = (conversation: Conversation, nowMillis: number): number =>
  nowMillis - instantOf(conversation["processing_started_at"])

/**
 * Whether the consumer is known to be at work on a conversation. It is not where it does not say since when, or has been at
 * it for longer than it can run: then it may have died, and nobody would come back to what lies there.
 */
export const isAtWork = (conversation: Conversation, nowMillis: number, staleMillis: number): boolean =>
  isBeingAnswered(conversation) && workedFor(conversation, nowMillis) <= staleMillis

/** The refusal of a message, where there is one. */
export const refusal = (
  conversation: Conversation,
  channel: Channel,
  nowMillis: number,
  staleMillis: number
): Option.Option<Refusal> => {
  if (conversation["project_status"] !== "active") {
    return Option.some(failure("PROJECT_INACTIVE", "project_status is not active"))
  }
  const { allowed_channels: allowed } = conversation
  if (!Array.isArray(allowed) || !allowed.includes(channel)) {
    return Option.some(failure("CHANNEL_NOT_ALLOWED", `allowed_channels does not contain ${channel}`))
  }
  // Without the time at which the consumer began nobody knows: then it counts as running. It has died when it has been at
  // it for longer than it can run, and would lock the customer out for ever.
  return isBeingAnswered(conversation) && !(workedFor(conversation, nowMillis) > staleMillis)
    ? Option.some(failure("CONVERSATION_LOCKED", "conversation_status is processing_reply"))
    : Option.none()
}
