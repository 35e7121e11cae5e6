/** Who reads a message: the channel's consumer, or a human (contract A1.7). */
import * as Either from "effect/Either"
import type { Channel, HandoffReason } from "../../schemas/Staging.ts"
import { type Failure, failure } from "../../schemas/StagingError.ts"
import type { Conversation } from "../Conversations.ts"
import type { Way } from "../StageStore.ts"

const toHuman = (reason: HandoffReason): Either.Either<Way> => Either.right({ to: "handoff", reason })

/** Where a message of this conversation goes. A list of senders that is none leaves it open whether a human waits for it. */
export const route = (
  conversation: Conversation,
  channel: Channel,
  honourHandoffFlag: boolean
): Either.Either<Way, Failure<"ROUTING_ERROR">> => {
  if (honourHandoffFlag && conversation["hand_off_to_human"] === true) return toHuman("user_requested")
  if (conversation["auto_queue_reply_message"] === true) return toHuman("auto_queued")
  const [list, sender] =
    channel === "email"
      ? (["auto_queue_reply_message_from_email", "recipient_email"] as const)
      : (["auto_queue_reply_message_from_number", "recipient_tel"] as const)
  const senders = conversation[list] ?? []
  if (!Array.isArray(senders)) return Either.left(failure("ROUTING_ERROR", `${list} is not a list`))
  return senders.includes(conversation[sender] ?? undefined)
    ? toHuman("auto_queued_sender")
    : Either.right({ to: channel })
}
