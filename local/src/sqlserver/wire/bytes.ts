/** The basic values of TDS, read and written: numbers with the lowest byte first, texts in UTF-16. */

/** A number in a fixed count of bytes. */
export const fixed = (value: number, size: number): Buffer => {
  const bytes = Buffer.alloc(size)
  bytes.writeUIntLE(value, 0, size)
  return bytes
}

/** A whole number in eight bytes. */
export const eightBytes = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64LE(value)
  return bytes
}

/** A text as TDS writes it. */
export const wide = (text: string): Buffer => Buffer.from(text, "utf16le")

/** The longest text whose length fits one byte. */
const shortText = 255

/** A text of 255 characters at most, with their number in one byte in front. */
export const shortPrefixed = (text: string): Buffer => {
  const kept = text.slice(0, shortText)
  return Buffer.concat([fixed(kept.length, 1), wide(kept)])
}

/** A text with the number of its characters in two bytes in front. */
export const longPrefixed = (text: string): Buffer => Buffer.concat([fixed(text.length, 2), wide(text)])

/** Reads values from the front of a payload on; throws a RangeError when it is too short. */
export class ByteReader {
  private offset: number
  private readonly bytes: Buffer

  constructor(bytes: Buffer, offset = 0) {
    this.bytes = bytes
    this.offset = offset
  }

  get isAtEnd(): boolean {
    return this.offset >= this.bytes.length
  }

  take(size: number): Buffer {
    if (this.offset + size > this.bytes.length) throw new RangeError("the message is too short")
    this.offset += size
    return this.bytes.subarray(this.offset - size, this.offset)
  }

  fixed(size: number): number {
    return this.take(size).readUIntLE(0, size)
  }

  /** A text of so many characters. */
  text(characters: number): string {
    return this.take(2 * characters).toString("utf16le")
  }
}
