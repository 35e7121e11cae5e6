/** Sends an answer packet by packet, as fast as the client reads it, and stops where it is told to. */
import { setImmediate as yieldTurn, setTimeout as sleep } from "node:timers/promises"
import { type Answer, cancelledToken } from "./Answer.ts"
import type { Channel } from "./wire/Channel.ts"
import { headerBytes, messageType, packet } from "./wire/packets.ts"

/** How much of an answer is sent before the connection is cut; all of it without this. */
export type Stop = { readonly rows: number } | { readonly bytes: number }

/** How long an answer stands still, and after how many of its rows. */
export interface Stall {
  readonly rows: number
  readonly millis: number
}

/** How an answer is sent. */
export interface Delivery {
  readonly channel: Channel
  readonly packetSize: number
  /** Ends the answer early, in good order. */
  readonly cancelled: AbortSignal
  readonly stop?: Stop | undefined
  readonly stall?: Stall | undefined
}

/** Waits so many milliseconds, or until the client does not wait for the answer any more. */
export const pause = async (millis: number, cancelled: AbortSignal): Promise<void> => {
  try {
    await sleep(millis, undefined, { ref: false, signal: cancelled })
  } catch (error) {
    if (!cancelled.aborted) throw error
  }
}

/** After so many packets others have a turn. */
const turnPackets = 16

/** Gathers tokens into packets. */
class Packets {
  private readonly delivery: Delivery
  private held: Array<Buffer> = []
  private heldBytes = 0
  private sequence = 0
  private left: number

  constructor(delivery: Delivery) {
    this.delivery = delivery
    const { stop } = delivery
    this.left = stop !== undefined && "bytes" in stop ? stop.bytes : Number.POSITIVE_INFINITY
  }

  /** Adds a token. A promise when the client has to read something first. */
  add(token: Buffer): Promise<void> | undefined {
    this.held.push(token)
    this.heldBytes += token.length
    const room = this.delivery.packetSize - headerBytes
    if (this.heldBytes <= room) return undefined
    const bytes = Buffer.concat(this.held)
    const full: Array<Buffer> = []
    let at = 0
    // The last packet says that it is, so something has to be left for it.
    for (; bytes.length - at > room; at += room) full.push(this.next(bytes.subarray(at, at + room), false))
    this.held = [bytes.subarray(at)]
    this.heldBytes = bytes.length - at
    return this.send(Buffer.concat(full))
  }

  /** Sends all that was added so far, however little it is. */
  flush(): Promise<void> | undefined {
    const bytes = this.next(Buffer.concat(this.held), false)
    this.held = []
    this.heldBytes = 0
    return this.send(bytes)
  }

  /** Ends the message. */
  end(): Promise<void> | undefined {
    return this.send(this.next(Buffer.concat(this.held), true))
  }

  /** The end of the connection, after all that was added; the message stays without its end. */
  cut(): false {
    this.delivery.channel.endWith(this.next(Buffer.concat(this.held), false), "cut")
    return false
  }

  private next(payload: Buffer, isLast: boolean): Buffer {
    this.sequence += 1
    return packet(messageType.answer, this.sequence - 1, payload, isLast)
  }

  private send(bytes: Buffer): Promise<void> | undefined {
    const { channel } = this.delivery
    if (bytes.length < this.left) {
      this.left -= bytes.length
      // A client that reads as fast as this writes would leave no turn to anybody else.
      return channel.write(bytes) ?? (this.sequence % turnPackets === 0 ? yieldTurn() : undefined)
    }
    channel.endWith(bytes.subarray(0, this.left), "cut")
    return undefined
  }
}

/** Sends an answer. Says whether the connection can be used afterwards. */
export const deliver = async (answer: Answer, delivery: Delivery): Promise<boolean> => {
  const { cancelled, channel, stall, stop } = delivery
  if (stop !== undefined && ("bytes" in stop ? stop.bytes === 0 : answer.rows === 0)) {
    channel.cut()
    return false
  }
  const packets = new Packets(delivery)
  let rows = 0
  for (const { bytes, isRow } of answer.pieces()) {
    if (isRow && rows === stall?.rows) {
      await packets.flush()
      await pause(stall.millis, cancelled)
    }
    if (channel.isClosed) return false
    if (cancelled.aborted) {
      await packets.add(cancelledToken())
      break
    }
    if (isRow) {
      if (stop !== undefined && "rows" in stop && rows === stop.rows) return packets.cut()
      rows += 1
    }
    const wait = packets.add(bytes)
    if (wait !== undefined) await wait
  }
  if (channel.isClosed) return false
  await packets.end()
  // A rule that cuts later than the answer ends cuts behind it.
  if (stop === undefined && !answer.isLast) return !channel.isClosed
  channel.endWith(Buffer.alloc(0), stop === undefined ? "orderly" : "cut")
  return false
}
