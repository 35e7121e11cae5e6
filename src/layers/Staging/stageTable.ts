/** What everything that is in the stage table has in common: rows of messages, and the tombstones beside them. */
import { marshall } from "@aws-sdk/util-dynamodb"
import * as Schema from "effect/Schema"
import { bareId, HandoffReason, type InboundMessage, isChannel, isTwilioChannel } from "../../schemas/Staging.ts"
import type { Progress } from "../../services/StageStore.ts"
import { sendingTo } from "../Aws.ts"
import type { Item } from "../Aws/transactions.ts"

/** Sends one call to DynamoDB, by the deadline of the work at hand. */
export const run = sendingTo({ service: "dynamodb", timeoutMillis: 1_500, byDeadline: true })

/** Epoch seconds, begun ones left out. */
export const seconds = (millis: number): number => Math.floor(millis / 1000)

/** What a message's tombstone is kept under: no conversation has this name. */
export const tombstonePrefix = "dedupe#"

/** The key of a message's tombstone. Twilio's ids are of one message in all the world, an e-mail's only of one at its company. */
export const tombstoneKey = ({ channel_type: channel, message_sid: sid, to }: InboundMessage): Item =>
  marshall({
    conversation_id: `${tombstonePrefix}${isTwilioChannel(channel) ? "" : `${bareId(to)}#`}${sid}`,
    message_sid: sid
  })

const isReason = Schema.is(HandoffReason)

/** What a tombstone says of its message; `otherwise`, where there is none that can be read. */
export const progressOf = (tombstone: Item | undefined, otherwise: Progress): Progress => {
  if (tombstone === undefined) return otherwise
  const { channel_type, hand_off_reason, staged_conversation_id, state } = tombstone
  if (state?.S === "QUEUED") return { state: "done" }
  const conversationId = staged_conversation_id?.S
  const reason = hand_off_reason?.S
  const channel = channel_type?.S
  if (conversationId === undefined || !isChannel(channel)) return otherwise
  return { state: "known", conversationId, way: isReason(reason) ? { to: "handoff", reason } : { to: channel } }
}
