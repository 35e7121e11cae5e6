/**
 * Stands in for `iconv-lite`: Node.js itself knows the only encoding that our connections have, UTF-8. `cesu8` is what the
 * driver calls the UTF-8 of old servers' greetings, which is the same for all that they say.
 */
const refuse = (encoding: string): never => {
  throw new Error(`the bundles are built without the encoding ${encoding}`)
}

const isUtf8 = (encoding: string): boolean => encoding === "cesu8"

export const getDecoder = (encoding: string) =>
  isUtf8(encoding) ? { write: (bytes: Buffer) => bytes.toString("utf8"), end: () => undefined } : refuse(encoding)

export const getEncoder = (encoding: string) =>
  isUtf8(encoding) ? { write: (text: string) => Buffer.from(text, "utf8"), end: () => undefined } : refuse(encoding)
