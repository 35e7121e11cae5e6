/** What `POST /_sandbox/twilio/messages` takes. Fields that are not known are left alone. */
import { Check, isFields } from "../mparticle/check.ts"
import type { Fields } from "../mparticle/check.ts"
import { SandboxRefusal } from "../SandboxRefusal.ts"
import { channels } from "./conversations.ts"
import type { Channel } from "./conversations.ts"

/**
 * How a message is forged: its body changed after it was signed, signed with a foreign key, not signed at all, signed by
 * the tenant but from another account, or (e-mail) signed ten minutes ago.
 */
export const tampers = ["body", "signature", "unsigned", "account", "stale"] as const
/** One of the forgeries. */
export type Tamper = (typeof tampers)[number]

/** What is attached to a message. */
export interface Media {
  readonly url: string
  readonly contentType: string
}

/** One message, or several of the same kind. */
export interface Messages {
  readonly channel: Channel
  /** Without the channel's prefix. */
  readonly from: string
  readonly to: string
  readonly body: string
  readonly media: ReadonlyArray<Media>
  readonly count: number
  readonly concurrency: number
  /** All messages have this id, and so are one that is sent again. */
  readonly messageSid: string | undefined
  /** Parameters that are set before signing, or left out when they are null; for an e-mail, fields of its JSON. */
  readonly params: Fields
  readonly tamper: Tamper | undefined
}

const maxCount = 10_000
const maxConcurrency = 1_000

const textFrom = (check: Check, input: Fields, name: string): string => {
  const value = input[name]
  if (typeof value === "string" && value !== "") return value
  check.fail(name, "must be a text that is not empty")
  return ""
}

const numberFrom = (check: Check, input: Fields, name: string, most: number): number => {
  const value = input[name] ?? 1
  if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= most) return value
  check.fail(name, `must be a whole number from 1 to ${most}`)
  return 1
}

/** What is attached where nobody says what it is. */
const unknownType = "application/octet-stream"

/** A URL alone, or with its type under either of its names. */
const mediumOf = (value: unknown): Media | undefined => {
  if (typeof value === "string") return value === "" ? undefined : { url: value, contentType: unknownType }
  if (!isFields(value)) return undefined
  const { content_type, contentType = content_type, url } = value
  return typeof url === "string" && typeof contentType === "string" ? { url, contentType } : undefined
}

const mediaFrom = (check: Check, value: unknown): ReadonlyArray<Media> => {
  if (value === undefined || value === null) return []
  const media = Array.isArray(value) ? value.map(mediumOf) : [undefined]
  const good = media.filter((one) => one !== undefined)
  if (good.length === media.length) return good
  check.fail("media", "must be a list of URLs, or of objects with the texts url and contentType")
  return []
}

const isParameter = (value: unknown): boolean =>
  value === null || typeof value === "string" || (Array.isArray(value) && value.every((one) => typeof one === "string"))

const paramsFrom = (check: Check, value: unknown, channel: Channel | undefined): Fields => {
  const params = value ?? {}
  if (!check.object(params, "params")) return {}
  for (const [name, one] of channel === "email" ? [] : Object.entries(params)) {
    check.that(isParameter(one), `params.${name}`, "must be a text, a list of texts or null")
  }
  return params
}

const tamperFrom = (check: Check, value: unknown, channel: Channel | undefined): Tamper | undefined => {
  if (value === undefined || value === null) return undefined
  const useless = channel === "email" ? "account" : "stale"
  const possible = tampers.filter((one) => one !== useless)
  if (check.oneOf(value, possible, "tamper")) return possible.find((one) => one === value)
  return undefined
}

const bare = (channel: Channel | undefined, address: string): string =>
  channel === "whatsapp" ? address.replace(/^whatsapp:/, "") : address

/** Reads it; throws a refusal that names the first field that is wrong. */
export const readMessages = (input: unknown): Messages => {
  const check = new Check()
  const given = isFields(input) ? input : {}
  check.oneOf(given["channel"], channels, "channel")
  const channel = channels.find((one) => one === given["channel"])
  const { body, messageSid } = given
  check.that(typeof body === "string", "body", "must be a text")
  const media = mediaFrom(check, given["media"])
  check.that(channel !== "email" || media.length === 0, "media", "must be left out for an e-mail")
  const read = {
    from: bare(channel, textFrom(check, given, "from")),
    to: bare(channel, textFrom(check, given, "to")),
    count: numberFrom(check, given, "count", maxCount),
    concurrency: numberFrom(check, given, "concurrency", maxConcurrency),
    messageSid: messageSid === undefined ? undefined : textFrom(check, given, "messageSid"),
    params: paramsFrom(check, given["params"], channel),
    tamper: tamperFrom(check, given["tamper"], channel)
  }
  const [flaw] = check.flaws
  if (flaw !== undefined || channel === undefined || typeof body !== "string")
    throw new SandboxRefusal(400, flaw?.message ?? "the body must be an object")
  return { ...read, channel, body, media }
}
