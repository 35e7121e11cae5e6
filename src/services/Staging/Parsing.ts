/** Reading a webhook: the channel by its path, a message by its body (contract A1.2, A1.3 step 1). */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as Issue from "../../schemas/Issue.ts"
import {
  bareId,
  type Channel,
  type InboundMessage,
  isChannel,
  isTwilioChannel,
  type Media
} from "../../schemas/Staging.ts"
import { type Failure, failure } from "../../schemas/StagingError.ts"

/** Every value of a form's fields by their names, in the order sent. Blank ones count: Twilio signs them too. */
export type Parameters = ReadonlyMap<string, ReadonlyArray<string>>

/** What a webhook's body says. */
export interface Parsed {
  readonly message: Omit<InboundMessage, "received_at">
  /** What Twilio signs beside the URL; none for an e-mail, whose bytes are signed. */
  readonly params: Parameters
  /** Whether a customer wrote. Twilio reports what became of our own messages with the same kind of call. */
  readonly isInbound: boolean
}

type ParsingError = Failure<"PARSING_ERROR">

/**
 * Bytes of an address or a message's id. Each is a sort key, of 1,024 bytes: of a row, or of a channel's index; an e-mail's
 * tombstone has two of them in a partition key, of 2,048.
 */
const maxIdBytes = 1_000
const maxMedia = 100

const encoder = new TextEncoder()
const fitsKey = (text: string): boolean => encoder.encode(text).length <= maxIdBytes

const unreadable = (reason: string): Either.Either<never, ParsingError> => Either.left(failure("PARSING_ERROR", reason))

/** The channel that a path leads to: its last part, whatever stage or base path stands before it. */
export const channelOf = (path: string): Channel | undefined => {
  const last = path.slice(path.lastIndexOf("/") + 1)
  return isChannel(last) ? last : undefined
}

const formOf = (body: string): Parameters => {
  const params = new Map<string, Array<string>>()
  for (const [name, value] of new URLSearchParams(body)) {
    const values = params.get(name)
    if (values === undefined) params.set(name, [value])
    else values.push(value)
  }
  return params
}

const mediaIn = (params: Parameters): ReadonlyArray<Media> => {
  const media: Array<Media> = []
  for (let index = 0; index < maxMedia; index += 1) {
    const url = params.get(`MediaUrl${index}`)?.[0]
    if (url === undefined) break
    media.push({ url, content_type: params.get(`MediaContentType${index}`)?.[0] ?? "" })
  }
  return media
}

/** Fields that are kept under a name of ours where they are there and not blank. */
const extras = {
  account_sid: "AccountSid",
  profile_name: "ProfileName",
  message_type: "MessageType",
  button_text: "ButtonText",
  button_payload: "ButtonPayload",
  latitude: "Latitude",
  longitude: "Longitude",
  address: "Address",
  label: "Label"
} as const satisfies Partial<Record<keyof InboundMessage, string>>

const extrasIn = (params: Parameters): Partial<Record<keyof typeof extras, string>> =>
  Object.fromEntries(
    Object.entries(extras).flatMap(([ours, theirs]) => {
      const value = params.get(theirs)?.[0]
      return value === undefined || value === "" ? [] : [[ours, value]]
    })
  )

/** The one value of a field that there has to be. */
const required = (params: Parameters, name: string): Either.Either<string, ParsingError> => {
  const values = new Set(params.get(name))
  const [value = ""] = values
  if (value === "") return unreadable(`${name} is missing`)
  if (values.size > 1) return unreadable(`${name} has more than one value`)
  if (bareId(value) === "") return unreadable(`${name} names nobody`)
  return fitsKey(value) ? Either.right(value) : unreadable(`${name} is too long`)
}

/** Whether a customer has written: reports on our own messages have another status. */
const isReceived = (params: Parameters): boolean =>
  ["MessageStatus", "SmsStatus"].every((name) =>
    ["received", "receiving", "", undefined].includes(params.get(name)?.[0])
  )

const twilioMessage = (channel: Channel, body: string): Either.Either<Parsed, ParsingError> =>
  Either.gen(function* () {
    const params = formOf(body)
    const from = yield* required(params, "From")
    const to = yield* required(params, "To")
    const messageSid = yield* required(params, "MessageSid")
    const media = mediaIn(params)
    return {
      message: {
        channel_type: channel,
        message_sid: messageSid,
        from,
        to,
        body: params.get("Body")?.[0] ?? "",
        num_media: media.length,
        media,
        ...extrasIn(params)
      },
      params,
      isInbound: isReceived(params)
    }
  })

/** Lone surrogates have no UTF-8: no table takes them. */
const id = Schema.String.pipe(
  Schema.minLength(1),
  Schema.filter(fitsKey, { description: `at most ${maxIdBytes} bytes` }),
  Schema.filter((text) => text.isWellFormed(), { description: "well-formed Unicode" })
)

/** The body of an e-mail's webhook. */
const EmailBody = Schema.parseJson(
  Schema.Struct({ from_address: id, to_address: id, email_id: id, body: Schema.String })
)

const decodeEmail = Schema.decodeUnknownEither(EmailBody, { errors: "all" })

const emailMessage = (body: string): Either.Either<Parsed, ParsingError> => {
  const decoded = decodeEmail(body)
  if (Either.isLeft(decoded)) return unreadable(Issue.render(Issue.fromParseError(decoded.left)))
  const { body: content, email_id: emailId, from_address: from, to_address: to } = decoded.right
  return Either.right({
    message: {
      channel_type: "email",
      message_sid: emailId,
      from,
      to,
      body: content.toWellFormed(),
      num_media: 0,
      media: []
    },
    params: new Map(),
    isInbound: true
  })
}

/** The message in a webhook's body. */
export const parse = (channel: Channel, body: Uint8Array): Either.Either<Parsed, ParsingError> => {
  const text = new TextDecoder().decode(body)
  return isTwilioChannel(channel) ? twilioMessage(channel, text) : emailMessage(text)
}
