/** The basic values of MySQL's protocol, read and written. */

/** A number of as many bytes as it needs. */
export const lengthEncoded = (value: number): Buffer => {
  if (value < 0xfb) return Buffer.of(value)
  const [prefix, size] = value < 0x1_00_00 ? [0xfc, 2] : value < 0x1_00_00_00 ? [0xfd, 3] : [0xfe, 6]
  const bytes = Buffer.alloc(prefix === 0xfe ? 9 : 1 + size)
  bytes.writeUInt8(prefix, 0)
  bytes.writeUIntLE(value, 1, size)
  return bytes
}

/** A text or bytes with their length in front. */
export const lengthPrefixed = (value: string | Buffer): Buffer => {
  const bytes = typeof value === "string" ? Buffer.from(value) : value
  return Buffer.concat([lengthEncoded(bytes.length), bytes])
}

/** A number in a fixed count of bytes, the lowest first. */
export const fixed = (value: number, size: number): Buffer => {
  const bytes = Buffer.alloc(size)
  bytes.writeUIntLE(value, 0, size)
  return bytes
}

/** Reads values from the front of a payload on; throws a RangeError when it is too short. */
export class ByteReader {
  offset = 0
  private readonly bytes: Buffer

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  fixed(size: number): number {
    const value = this.bytes.readUIntLE(this.offset, size)
    this.offset += size
    return value
  }

  take(size: number): Buffer {
    if (this.offset + size > this.bytes.length) throw new RangeError("the packet is too short")
    this.offset += size
    return this.bytes.subarray(this.offset - size, this.offset)
  }

  lengthEncoded(): number {
    const first = this.fixed(1)
    if (first < 0xfb) return first
    if (first === 0xfe) {
      const value = this.fixed(6)
      this.offset += 2
      return value
    }
    return this.fixed(first === 0xfc ? 2 : 3)
  }

  lengthPrefixed(): Buffer {
    return this.take(this.lengthEncoded())
  }

  /** A text that ends with a zero. */
  text(): string {
    const end = this.bytes.indexOf(0, this.offset)
    const text = this.take((end === -1 ? this.bytes.length : end) - this.offset).toString("utf8")
    if (end !== -1) this.offset += 1
    return text
  }

  rest(): Buffer {
    return this.take(this.bytes.length - this.offset)
  }
}
