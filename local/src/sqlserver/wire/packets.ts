/** The packets of TDS: eight bytes of header and what they carry. A message is one or more of them. */

/** What a message is, by the first byte of its packets. */
export const messageType = {
  batch: 0x01,
  rpc: 0x03,
  answer: 0x04,
  attention: 0x06,
  bulkLoad: 0x07,
  transaction: 0x0e,
  login: 0x10,
  prelogin: 0x12
} as const

/** A message that has come in. */
export interface Message {
  readonly type: number
  readonly payload: Buffer
  /** Its sender has thought better of it while sending. */
  readonly isIgnored: boolean
  /** The session is to be as new before it is carried out. */
  readonly resets: boolean
}

/** The length of a packet's header. */
export const headerBytes = 8

/** The size of packets until a login has agreed on another one. */
export const defaultPacketSize = 4096

const endOfMessage = 0x01
const ignore = 0x02
const reset = 0x08 | 0x10

/** A packet; `sequence` counts those of a message from zero. */
export const packet = (type: number, sequence: number, payload: Buffer, isLast: boolean): Buffer => {
  const header = Buffer.alloc(headerBytes)
  header.writeUInt8(type, 0)
  header.writeUInt8(isLast ? endOfMessage : 0, 1)
  header.writeUInt16BE(headerBytes + payload.length, 2)
  header.writeUInt8((sequence + 1) % 256, 6)
  return Buffer.concat([header, payload])
}

/** A whole message, in as many packets as it needs. */
export const framed = (type: number, payload: Buffer, packetSize = defaultPacketSize): Buffer => {
  const room = packetSize - headerBytes
  const count = Math.max(1, Math.ceil(payload.length / room))
  return Buffer.concat(
    Array.from({ length: count }, (_, at) =>
      packet(type, at, payload.subarray(at * room, (at + 1) * room), at === count - 1)
    )
  )
}

const types = new Set<number>(Object.values(messageType))

/** No driver of the platform's functions sends that much at once. */
const longestMessage = 16 * 1024 * 1024

/** Cuts a stream of bytes into messages. Throws when they cannot be any. */
export class MessageReader {
  private bytes = Buffer.alloc(0)
  private parts: Array<Buffer> = []
  private partBytes = 0

  /** Whether nothing of a next packet has come in yet. */
  get isAtBoundary(): boolean {
    return this.bytes.length === 0
  }

  push(chunk: Buffer): ReadonlyArray<Message> {
    this.bytes = Buffer.concat([this.bytes, chunk])
    const messages: Array<Message> = []
    while (this.bytes.length >= headerBytes) {
      const length = this.bytes.readUInt16BE(2)
      if (length < headerBytes || !types.has(this.bytes.readUInt8(0))) throw new RangeError("these are no packets")
      if (this.bytes.length < length) break
      const whole = this.bytes.subarray(0, length)
      this.bytes = this.bytes.subarray(length)
      const message = this.add(whole)
      if (message !== undefined) messages.push(message)
    }
    return messages
  }

  private add(whole: Buffer): Message | undefined {
    this.parts.push(whole.subarray(headerBytes))
    this.partBytes += whole.length
    if (this.partBytes > longestMessage) throw new RangeError("a message is too long")
    const status = whole.readUInt8(1)
    if ((status & endOfMessage) === 0) return undefined
    const payload = Buffer.concat(this.parts)
    this.parts = []
    this.partBytes = 0
    return {
      type: whole.readUInt8(0),
      payload,
      isIgnored: (status & ignore) !== 0,
      resets: (status & reset) !== 0
    }
  }
}
