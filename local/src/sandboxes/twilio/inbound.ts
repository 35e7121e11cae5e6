/** The parameters of an inbound message as Twilio posts them, in the order in which it does. */
import type { Media } from "./messages.ts"

/** A message, with addresses that have no prefix. */
export interface Inbound {
  readonly messageSid: string
  readonly accountSid: string
  readonly from: string
  readonly to: string
  readonly body: string
  readonly media: ReadonlyArray<Media>
}

/** In the order in which they are posted. */
export type Parameters = ReadonlyArray<readonly [name: string, value: string]>

const mediaParameters = (media: ReadonlyArray<Media>, name: string, value: (one: Media) => string): Parameters =>
  media.map((one, at) => [`${name}${at}`, value(one)])

/** What WhatsApp calls a message with this first attachment. */
const messageType = ([first]: ReadonlyArray<Media>): string => {
  if (first === undefined) return "text"
  return /^(image|audio|video)\//.exec(first.contentType)?.[1] ?? "document"
}

/** Of a number in the two countries that the fixtures are from. */
const countryOf = (number: string): string => (number.startsWith("+44") ? "GB" : number.startsWith("+1") ? "US" : "")

/** One SMS takes 160 characters of its own alphabet or 70 of any, several take a few less each. */
const segments = (body: string): number => {
  const [single, several] = /^[\x20-\x7e\n\r]*$/.test(body) ? [160, 153] : [70, 67]
  return body.length <= single ? 1 : Math.ceil(body.length / several)
}

/** A WhatsApp message: addresses carry the channel's prefix. */
export const whatsappParameters = (message: Inbound): Parameters => {
  const { accountSid, body, from, media, messageSid, to } = message
  return [
    ...mediaParameters(media, "MediaContentType", ({ contentType }) => contentType),
    ["SmsMessageSid", messageSid],
    ["NumMedia", String(media.length)],
    ["ProfileName", "Test User"],
    ["MessageType", messageType(media)],
    ["SmsSid", messageSid],
    ["WaId", from.replace(/^\+/, "")],
    ["SmsStatus", "received"],
    ["Body", body],
    ["To", `whatsapp:${to}`],
    ["NumSegments", "1"],
    ["ReferralNumMedia", "0"],
    ["MessageSid", messageSid],
    ["AccountSid", accountSid],
    ["From", `whatsapp:${from}`],
    ...mediaParameters(media, "MediaUrl", ({ url }) => url),
    ["ApiVersion", "2010-04-01"]
  ]
}

/** An SMS: bare addresses, and the geography that Twilio does not know is there but empty. */
export const smsParameters = (message: Inbound): Parameters => {
  const { accountSid, body, from, media, messageSid, to } = message
  return [
    ["ToCountry", countryOf(to)],
    ...mediaParameters(media, "MediaContentType", ({ contentType }) => contentType),
    ["ToState", ""],
    ["SmsMessageSid", messageSid],
    ["NumMedia", String(media.length)],
    ["ToCity", ""],
    ["FromZip", ""],
    ["SmsSid", messageSid],
    ["FromState", ""],
    ["SmsStatus", "received"],
    ["FromCity", ""],
    ["Body", body],
    ["FromCountry", countryOf(from)],
    ["To", to],
    ["ToZip", ""],
    ["NumSegments", String(segments(body))],
    ["MessageSid", messageSid],
    ["AccountSid", accountSid],
    ["From", from],
    ...mediaParameters(media, "MediaUrl", ({ url }) => url),
    ["ApiVersion", "2010-04-01"]
  ]
}
