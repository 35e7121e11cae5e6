/** MySQL's packets: three bytes of length, one of sequence, and what they carry. */
import type { Socket } from "node:net"

export interface Packet {
  readonly sequence: number
  readonly payload: Buffer
  /** The packet as it came in, header included. */
  readonly raw: Buffer
}

const headerBytes = 4

/** A packet of this length goes on in the next one. */
export const largestPayload = 0xff_ff_ff

/** The packets that carry these payloads, one after the other; `sequence` is the first one's. */
export const framed = (sequence: number, payloads: ReadonlyArray<Buffer>): Buffer =>
  Buffer.concat(
    payloads.flatMap((payload, index) => {
      const header = Buffer.alloc(headerBytes)
      header.writeUIntLE(payload.length, 0, 3)
      header.writeUInt8((sequence + index) % 256, 3)
      return [header, payload]
    })
  )

/** Cuts a stream of bytes into packets. */
export class PacketReader {
  private chunks: Array<Buffer> = []
  private held = 0
  private needed = headerBytes

  push(chunk: Buffer): ReadonlyArray<Packet> {
    this.chunks.push(chunk)
    this.held += chunk.length
    const packets: Array<Packet> = []
    if (this.held < this.needed) return packets
    let bytes = Buffer.concat(this.chunks)
    while (bytes.length >= headerBytes) {
      this.needed = headerBytes + bytes.readUIntLE(0, 3)
      if (bytes.length < this.needed) break
      const raw = bytes.subarray(0, this.needed)
      packets.push({ sequence: raw.readUInt8(3), payload: raw.subarray(headerBytes), raw })
      bytes = bytes.subarray(this.needed)
      this.needed = headerBytes
    }
    this.chunks = [bytes]
    this.held = bytes.length
    return packets
  }
}

/** A client that sends more than this without waiting for answers is not read from for a while. */
const waitingLimit = 100

/**
 * Handles the packets that a socket sends one at a time. It goes on reading meanwhile, so that the socket's end is seen
 * at once. What the handler throws ends the socket.
 */
export const eachPacket = (socket: Socket, handle: (packet: Packet) => Promise<void>): void => {
  const reader = new PacketReader()
  const waiting: Array<Packet> = []
  let busy = false
  const work = async (): Promise<void> => {
    busy = true
    for (let packet = waiting.shift(); packet !== undefined && !socket.destroyed; packet = waiting.shift()) {
      await handle(packet)
      if (waiting.length < waitingLimit) socket.resume()
    }
    busy = false
  }
  socket.on("data", (chunk: Buffer) => {
    for (const packet of reader.push(chunk)) waiting.push(packet)
    if (waiting.length >= waitingLimit) socket.pause()
    if (!busy) work().catch(() => socket.destroy())
  })
}
