/** Texts that SQS takes: it refuses a message for a control character, as XML 1.0 has none. */

const escaped = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`

/**
 * A JSON text with what SQS refuses written as JSON's own escapes: it is read as the same value. So is what takes two
 * units of UTF-16, which not everything that speaks SQS lets through.
 */
export const messageBody = (json: string): string => json.replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd]/g, escaped)

/** A text with replacement characters for what SQS refuses. */
export const attributeValue = (text: string): string =>
  text.replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "\ufffd")
