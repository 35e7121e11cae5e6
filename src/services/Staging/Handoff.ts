/** What a human gets with a message: all that is known of the conversation, but for what no human needs (contract A2, 15 and 17). */
import { type HandoffContext, type HandoffReason, InboundMessage, primaryChannel } from "../../schemas/Staging.ts"
import type { Conversation } from "../Conversations.ts"

/** Large, or about our own workings: names of secrets among them. */
const omitted = new Set(["messages", "ai_config", "channel_config"])

/** The whole context of a message that is handed over. What the message says wins over what is on record of earlier ones. */
export const handoffContext = (
  conversationId: string,
  conversation: Conversation,
  message: InboundMessage,
  reason: HandoffReason
): HandoffContext & Conversation => ({
  ...Object.fromEntries(
    Object.entries(conversation).filter(([name]) => !omitted.has(name) && !Object.hasOwn(InboundMessage.fields, name))
  ),
  ...message,
  conversation_id: conversationId,
  primary_channel: primaryChannel(message),
  hand_off_reason: reason,
  messages_omitted: Object.hasOwn(conversation, "messages")
})
