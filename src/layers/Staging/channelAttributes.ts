/** Where another service's table of conversations says which channel a conversation is on (contract A1.4). */
import type { Channel } from "../../schemas/Staging.ts"
import type { Conversation } from "../../services/Conversations.ts"

/** How a channel's conversations are found, and where the name of their secret stands. */
export interface ChannelAttributes {
  readonly index: string
  readonly company: string
  readonly customer: string
  /** A field of `channel_config`. */
  readonly secret: string
}

/** The attributes by channel. */
export const channelAttributes: Readonly<Record<Channel, ChannelAttributes>> = {
  whatsapp: {
    index: "company-whatsapp-number-recipient-tel-index",
    company: "gsi_company_whatsapp_number",
    customer: "gsi_recipient_tel",
    secret: "whatsapp_credentials_id"
  },
  sms: {
    index: "company-sms-number-recipient-tel-index",
    company: "gsi_company_sms_number",
    customer: "gsi_recipient_tel",
    secret: "sms_credentials_id"
  },
  email: {
    index: "company-email-recipient-email-index",
    company: "gsi_company_email",
    customer: "gsi_recipient_email",
    secret: "email_credentials_id"
  }
}

const isName = (value: unknown): value is string => typeof value === "string" && value !== ""

/** The name of a channel's secret; undefined where `channel_config` has none. */
export const secretNameIn = ({ channel_config: config }: Conversation, channel: Channel): string | undefined => {
  if (typeof config !== "object" || config === null) return undefined
  const name = (config as Readonly<Record<string, unknown>>)[channelAttributes[channel].secret]
  return isName(name) ? name : undefined
}

const channels = Object.keys(channelAttributes) as ReadonlyArray<Channel>

/** The one that all but it are not; undefined where there is none, or several. */
const only = (is: (channel: Channel) => boolean): Channel | undefined => {
  const [first, ...others] = channels.filter(is)
  return others.length === 0 ? first : undefined
}

/**
 * The channel that a conversation is on: the one whose secret its `channel_config` names, else the one in whose index it
 * stands; undefined where neither says one alone.
 */
export const channelOf = (conversation: Conversation): Channel | undefined =>
  only((channel) => secretNameIn(conversation, channel) !== undefined) ??
  only((channel) => isName(conversation[channelAttributes[channel].company]))
