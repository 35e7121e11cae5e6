/** The far end of a TLS session whose bytes somebody else carries. */
import { Duplex } from "node:stream"

type Done = (error?: Error | null) => void

/** What TLS writes to and reads from, in the place of a socket. */
export class TlsPipe extends Duplex {
  private readonly send: (bytes: Buffer, done: Done) => void

  constructor(send: (bytes: Buffer, done: Done) => void) {
    super()
    this.send = send
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.send(chunk, done)
  }

  /** What is written at once belongs together: a client waits for one message in answer to each of its own. */
  override _writev(chunks: ReadonlyArray<{ readonly chunk: Buffer }>, done: Done): void {
    this.send(Buffer.concat(chunks.map(({ chunk }) => chunk)), done)
  }
}
