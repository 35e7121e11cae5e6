/**
 * Twilio's signature: HMAC-SHA1 by the account's token over the URL and the sorted parameters. It is believed for every
 * spelling of the URL for which Twilio's own validator believes it, and for no other.
 */
import { createHmac, timingSafeEqual } from "node:crypto"
import { parse, stringify } from "node:querystring"

/** Decoded form parameters by their names as sent, every value of a name kept. */
export type FormParameters = ReadonlyMap<string, ReadonlyArray<string>>

/** What a request offers as proof that it comes from Twilio. */
export interface TwilioProof {
  /** The account's primary auth token. */
  readonly token: string
  /** The `X-Twilio-Signature` header. */
  readonly signature: string | undefined
  /** What may have been signed, the likeliest first. */
  readonly urls: ReadonlyArray<string>
  readonly params: FormParameters
}

/** Base64 of 20 bytes, in the one spelling that they have. */
const shape = /^[A-Za-z0-9+/]{26}[AEIMQUYcgkosw048]=$/

/** Whether a header can be a signature of Twilio's at all. */
export const isWellFormed = (signature: string | undefined): boolean => signature !== undefined && shape.test(signature)

const distinct = (name: string, values: ReadonlyArray<string>): string => {
  let text = ""
  for (const value of [...new Set(values)].toSorted()) text += name + value
  return text
}

/** What is signed behind the URL. */
const tailOf = (params: FormParameters): string => {
  let tail = ""
  for (const name of [...params.keys()].toSorted()) {
    const values = params.get(name) ?? []
    const [first = ""] = values
    tail += values.length === 1 ? name + first : distinct(name, values)
  }
  return tail
}

/** A URL up to its host, whose brackets and user info may hold colons of their own, and its port. */
const hostAndPort = /^([a-z][a-z0-9+.-]*:\/\/(?:[^/?#]*@)?(?:[^/?#]*\])?[^:/?#]*)(:[^/?#]*)?/i

/** A URL without the port that it has, or with the scheme's own when it has none: Twilio signs now this, now that. */
const withOtherPort = (url: string): string => {
  const match = hostAndPort.exec(url)
  if (match === null) return url
  const [found, host = "", port] = match
  const ownPort = host.slice(0, 8).toLowerCase() === "https://" ? ":443" : ":80"
  return host + (port === undefined ? ownPort : "") + url.slice(found.length)
}

/** A URL with its query written as old back ends of Twilio's sign it. */
const withLegacyQuery = (url: string): string => {
  const start = url.indexOf("?") + 1
  return start === 0 ? url : url.slice(0, start) + stringify(parse(url.slice(start)))
}

/** What one request is held against, one URL after the other. */
interface Attempt {
  readonly token: string
  readonly expected: Buffer
  readonly tail: string
  readonly tried: Array<string>
}

const isSigned = ({ expected, tail, token, tried }: Attempt, url: string): boolean => {
  if (tried.includes(url)) return false
  tried.push(url)
  const data = url + tail
  // As text: a digest in bytes takes memory of its own, which costs more than to write the text and read it.
  const actual = createHmac("sha1", token).update(data).digest("base64")
  return timingSafeEqual(Buffer.from(actual), expected)
}

const isSignedNormalized = (attempt: Attempt, url: string): boolean => {
  const normalized = URL.parse(url)?.href
  if (normalized === undefined) return false
  if (isSigned(attempt, normalized) || isSigned(attempt, withOtherPort(normalized))) return true
  const legacy = withLegacyQuery(normalized)
  return isSigned(attempt, legacy) || isSigned(attempt, withOtherPort(legacy))
}

/** Whether Twilio signed one of these URLs with these parameters. */
export const verify = ({ params, signature, token, urls }: TwilioProof): boolean => {
  if (signature === undefined || !isWellFormed(signature)) return false
  const attempt: Attempt = { token, expected: Buffer.from(signature), tail: tailOf(params), tried: [] }
  for (const url of urls) if (isSigned(attempt, url)) return true
  for (const url of urls) if (isSigned(attempt, withOtherPort(url))) return true
  for (const url of urls) if (isSignedNormalized(attempt, url)) return true
  return false
}
