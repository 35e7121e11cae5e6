/** The way to one client: messages come in, bytes go out, both plain or through TLS. */
import type { Socket } from "node:net"
import { type SecureContext, TLSSocket } from "node:tls"
import { framed, type Message, MessageReader, messageType } from "./packets.ts"
import { TlsPipe } from "./TlsPipe.ts"

/** One socket, and TLS over it. */
export class Channel {
  private readonly socket: Socket
  private readonly receive: (message: Message) => void
  private reader = new MessageReader()
  private pipe: TlsPipe | undefined
  private secure: TLSSocket | undefined
  /** Whether the handshake is still going on, whose bytes travel in packets of their own. */
  private isWrapped = false
  private isEnding = false

  constructor(socket: Socket, receive: (message: Message) => void) {
    this.socket = socket
    this.receive = receive
    socket.on("data", (chunk: Buffer) => this.guarded(() => this.fromSocket(chunk)))
  }

  /** Whether nothing more can be sent. */
  get isClosed(): boolean {
    return this.isEnding || this.socket.destroyed || this.socket.writableEnded
  }

  /** Has everything go through TLS from now on. */
  startTls(secureContext: SecureContext): void {
    const { socket } = this
    this.isWrapped = true
    this.reader = new MessageReader()
    this.pipe = new TlsPipe((bytes, done) => {
      if (socket.destroyed || socket.writableEnded) return done()
      socket.write(this.isWrapped ? framed(messageType.prelogin, bytes) : bytes, done)
    })
    const plain = new MessageReader()
    this.secure = new TLSSocket(this.pipe, { isServer: true, secureContext })
    this.secure.on("data", (chunk: Buffer) => this.guarded(() => this.deliver(plain.push(chunk))))
    // A client that does not trust the certificate goes without a word, or with one that only TLS understands.
    this.secure.on("error", () => socket.destroy())
  }

  /** Has everything that follows travel as it is. */
  leaveTls(): void {
    this.pipe = undefined
    this.secure = undefined
    this.reader = new MessageReader()
  }

  /** Sends bytes; undefined when more may follow at once, else a promise of that moment or of the end. */
  write(bytes: Buffer): Promise<void> | undefined {
    const { socket } = this
    const out = this.secure ?? socket
    if (this.isClosed || out.write(bytes)) return undefined
    return new Promise((resolve) => {
      const go = (): void => {
        out.off("drain", go)
        socket.off("close", go)
        resolve()
      }
      out.on("drain", go)
      socket.on("close", go)
    })
  }

  /** Ends the connection after these bytes, without a reset that would take them along. */
  endWith(bytes: Buffer, how: "orderly" | "cut"): void {
    const { socket } = this
    if (this.isClosed) return
    this.isEnding = true
    const out = this.secure ?? socket
    out.write(bytes, () => (how === "orderly" ? socket.end() : socket.destroy()))
  }

  /** Cuts the connection at once. */
  cut(): void {
    this.socket.resetAndDestroy()
  }

  private guarded(work: () => void): void {
    try {
      work()
    } catch {
      this.cut()
    }
  }

  private deliver(messages: ReadonlyArray<Message>): void {
    for (const message of messages) this.receive(message)
  }

  private fromSocket(chunk: Buffer): void {
    if (this.pipe === undefined) return this.deliver(this.reader.push(chunk))
    // The handshake is over when the client leaves its packets off: a record of TLS begins in another way.
    if (this.isWrapped && this.reader.isAtBoundary && chunk[0] !== messageType.prelogin) this.isWrapped = false
    if (!this.isWrapped) return void this.pipe.push(chunk)
    for (const { payload } of this.reader.push(chunk)) this.pipe.push(payload)
  }
}
