/** Staging's messages: as they come in, as they are kept, and as they are handed on (contract A1.2, A1.4, A1.8). */
import * as Schema from "effect/Schema"
import { stagingCodes, type StagingCode } from "./StagingCode.ts"

/** How a customer writes to us; the last part of the path that the webhook calls. */
export const Channel = Schema.Literal("whatsapp", "sms", "email")
export type Channel = typeof Channel.Type

/** Whether a text is a channel's name. */
export const isChannel = Schema.is(Channel)

/** Whether Twilio brings a channel's messages; e-mail comes by SendGrid. */
export const isTwilioChannel = (channel: Channel): boolean => channel !== "email"

const text = Schema.String
const optionalText = Schema.optionalWith(Schema.String, { exact: true })

/** A picture, voice message or file that came with a message. */
export const Media = Schema.Struct({ url: text, content_type: text })
export type Media = typeof Media.Type

/** One message of a customer's. */
export const InboundMessage = Schema.Struct({
  channel_type: Channel,
  /** Twilio's id of the message, the same over its retries; of an e-mail its `email_id`. */
  message_sid: text,
  account_sid: optionalText,
  /** Addresses as they were sent: `whatsapp:+447700900001`. */
  from: text,
  to: text,
  /** May be empty: of a picture there is only {@link Media}. */
  body: text,
  num_media: Schema.NonNegativeInt,
  media: Schema.Array(Media),
  profile_name: optionalText,
  message_type: optionalText,
  button_text: optionalText,
  button_payload: optionalText,
  latitude: optionalText,
  longitude: optionalText,
  address: optionalText,
  label: optionalText,
  /** When it reached us first: ISO 8601, UTC, with milliseconds. */
  received_at: text
})
export type InboundMessage = typeof InboundMessage.Type

/** What a channel's queue gets: that there is something to read in a conversation. */
export const Trigger = Schema.Struct({
  conversation_id: text,
  /** The customer's number or address, bare: `+447700900001`. */
  primary_channel: text
})
export type Trigger = typeof Trigger.Type

/** A message that waits for the consumer, as it lies in the stage table. */
export const StagedMessage = Schema.Struct({
  ...InboundMessage.fields,
  conversation_id: text,
  primary_channel: text,
  /** Epoch seconds after which it is gone, read or not. */
  expires_at: Schema.Int
})
export type StagedMessage = typeof StagedMessage.Type

/** Why a message goes to a human: the customer asked for one, or the conversation or its sender always has one. */
export const HandoffReason = Schema.Literal("user_requested", "auto_queued", "auto_queued_sender")
export type HandoffReason = typeof HandoffReason.Type

/** A message for a human. Whatever is on record of the conversation stands beside these fields. */
export const HandoffContext = Schema.Struct({
  ...InboundMessage.fields,
  conversation_id: text,
  primary_channel: text,
  hand_off_reason: HandoffReason,
  /** Whether the conversation has a history that is left out here. */
  messages_omitted: Schema.Boolean
})
export type HandoffContext = typeof HandoffContext.Type

/**
 * The same for a context that is too large for a queue: what a human needs first, and where the whole {@link HandoffContext}
 * lies in JSON.
 */
export const HandoffPointer = Schema.Struct({
  conversation_id: text,
  primary_channel: text,
  channel_type: Channel,
  message_sid: text,
  from: text,
  to: text,
  /** Left out where it is what is too large. */
  body: optionalText,
  received_at: text,
  hand_off_reason: HandoffReason,
  /** `s3://bucket/key`. */
  context_location: text
})
export type HandoffPointer = typeof HandoffPointer.Type

/** What the queue of the humans gets. */
export const HandoffMessage = Schema.Union(HandoffContext, HandoffPointer)
export type HandoffMessage = typeof HandoffMessage.Type

/** A message that could not be staged, with the code of what was in its way. */
export const ParkedMessage = Schema.Struct({
  type: Schema.Literal("STAGING_PARKED"),
  schema_version: Schema.Literal(1),
  cause: Schema.Literal(...(Object.keys(stagingCodes) as [StagingCode, ...Array<StagingCode>])),
  /** When it was parked: ISO 8601, UTC. */
  parked_at: text,
  conversation_id: text,
  message: InboundMessage
})
export type ParkedMessage = typeof ParkedMessage.Type

const prefix = "whatsapp:"

/** The number or address that an id stands for: only WhatsApp's own prefix is taken off, and the plus stays. */
export const bareId = (id: string): string => (id.startsWith(prefix) ? id.slice(prefix.length) : id)

/** The customer's number or address: what the consumer knows a conversation by. */
export const primaryChannel = ({ from }: InboundMessage): string => bareId(from)

/** A conversation's name until the table says its true one; the same whoever of the two writes. For logs only. */
export const provisionalId = (from: string, to: string): string =>
  `conv_${[bareId(from), bareId(to)].toSorted().join("_")}`

/** What a log may show of a number or address: of a number its last two digits. */
export const maskedId = (id: string): string => (/^\+?\d+$/.test(bareId(id)) ? `…${id.slice(-2)}` : "…")
