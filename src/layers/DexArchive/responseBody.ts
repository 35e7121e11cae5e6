/** Whether what the API sent is JSON: it is only looked at, and kept as it came (contract B2.10). */

const charsetOf = (contentType: string): string => /charset="?([^";\s]+)/i.exec(contentType)?.[1] ?? "utf-8"

/** A byte order mark says more than a header. */
const markedCharset = ([first, second, third]: Uint8Array): string | undefined => {
  if (first === 0xef && second === 0xbb && third === 0xbf) return "utf-8"
  if (first === 0xff && second === 0xfe) return "utf-16le"
  return first === 0xfe && second === 0xff ? "utf-16be" : undefined
}

/** Whether bytes are JSON in the character set that they are said to be in. */
export const isJson = (bytes: Uint8Array, contentType: string): boolean => {
  try {
    JSON.parse(new TextDecoder(markedCharset(bytes) ?? charsetOf(contentType), { fatal: true }).decode(bytes))
    return true
  } catch {
    return false
  }
}
