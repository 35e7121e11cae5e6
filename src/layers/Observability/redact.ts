/**
 * Keeps personal data and secrets out of log lines. The code is written so that none gets here;
 * this is the second lock on the door.
 */

/** What stands in place of a value that must not be shown. */
export const redacted = "[redacted]"

const secretKeys = new Set(
  [
    "email",
    "subjectEmail",
    "identityId",
    "subjectId",
    "userId",
    "customerId",
    "controller_customer_id",
    "authorization",
    "password",
    "secret",
    "token",
    "apiKey",
    "apiSecret",
    "signature",
    "encoded_request",
    "results_url",
    "downloadUrls",
    "body",
    "payload"
  ].map((key) => key.toLowerCase())
)

const patterns: ReadonlyArray<RegExp> = [
  /[\p{L}\p{N}.!#$%&'*+/=?^_`{|}~-]{1,128}(?:@|%40)[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+/giu,
  /\b(?:Basic|Bearer)\s+[A-Za-z0-9+/=._~-]{8,}/g,
  /(?<![\w+])(?:whatsapp:)?\+\d{8,15}(?!\d)/g
]

/** What every text has that one of the patterns is in; most have none of it, and need no search. */
const hint = /[@%+]|Basic|Bearer/

/** A text without e-mail addresses, telephone numbers and authorization headers. */
export const redactText = (text: string): string =>
  hint.test(text) ? patterns.reduce((clean, pattern) => clean.replace(pattern, redacted), text) : text

const maxDepth = 6

/** A value fit for a log line: sensitive keys and patterns replaced, depth bounded. */
export const redact = (value: unknown, depth = 0): unknown => {
  if (typeof value === "string") return redactText(value)
  if (typeof value === "bigint") return String(value)
  if (typeof value === "function" || typeof value === "symbol") return `[${typeof value}]`
  if (typeof value !== "object" || value === null) return value
  if (depth >= maxDepth) return "[nested]"
  if (Array.isArray(value)) return value.map((item) => redact(item, depth + 1))
  if (value instanceof Error) return redactText(value.name)
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      secretKeys.has(key.toLowerCase()) ? redacted : redact(inner, depth + 1)
    ])
  )
}
