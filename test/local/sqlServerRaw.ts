/** A client of TDS that does as it is told, for what no driver does. */
import { connect } from "node:net"
import { connect as connectTls, type TLSSocket } from "node:tls"
import { fixed, wide } from "../../local/src/sqlserver/wire/bytes.ts"
import { framed, type Message, MessageReader, messageType } from "../../local/src/sqlserver/wire/packets.ts"
import { TlsPipe } from "../../local/src/sqlserver/wire/TlsPipe.ts"

/** A first message that says this about encryption. */
export const prelogin = (encryption: number): Buffer =>
  Buffer.from([0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 0xff, 8, 0, 0, 0, 0, 0, encryption])

const covered = (text: string): Buffer =>
  Buffer.from(wide(text).map((byte) => (((byte << 4) & 0xf0) | (byte >> 4)) ^ 0xa5))

/** A login. */
export const login = (user: string, password: string, version = 0x74_00_00_04, packetSize = 4096): Buffer => {
  const head = Buffer.alloc(94)
  head.writeUInt32LE(version, 4)
  head.writeUInt32LE(packetSize, 8)
  const texts = [wide(user), covered(password)]
  let at = head.length
  for (const [index, text] of texts.entries()) {
    head.writeUInt16LE(at, 40 + 4 * index)
    head.writeUInt16LE(text.length / 2, 42 + 4 * index)
    at += text.length
  }
  return Buffer.concat([head, ...texts])
}

/** What comes before a batch or the call of a procedure. */
const headers = Buffer.concat([fixed(22, 4), fixed(18, 4), fixed(2, 2), Buffer.alloc(8), fixed(1, 4)])

/** A batch of statements. */
export const batch = (sql: string): Buffer => Buffer.concat([headers, wide(sql)])

/** The call of a procedure by its name, with texts as parameters. */
export const procedure = (name: string, ...texts: ReadonlyArray<string>): Buffer =>
  Buffer.concat([
    headers,
    fixed(name.length, 2),
    wide(name),
    fixed(0, 2),
    ...texts.flatMap((text) => [
      Buffer.of(0, 0, 0xe7),
      fixed(8_000, 2),
      Buffer.alloc(5),
      fixed(2 * text.length, 2),
      wide(text)
    ])
  ])

/** A connection to the server. */
export const rawClient = (address: { readonly host: string; readonly port: number }) => {
  const socket = connect(address)
  let reader = new MessageReader()
  const messages: Array<Message> = []
  let wake = (): void => {}
  let secure: TLSSocket | undefined
  let isWrapped = false
  let pipe: TlsPipe | undefined
  const take = (chunk: Buffer): void => {
    messages.push(...reader.push(chunk))
    wake()
  }
  socket.on("data", (chunk: Buffer) => {
    if (pipe === undefined) return take(chunk)
    if (!isWrapped) return void pipe.push(chunk)
    for (const { payload } of reader.push(chunk)) pipe.push(payload)
  })
  socket.on("error", () => {}).on("close", () => wake())
  return {
    socket,
    send: (type: number, payload: Buffer): void => void (secure ?? socket).write(framed(type, payload)),
    /** Sends bytes that need not be any message. */
    sendBytes: (bytes: Buffer): void => void socket.write(bytes),
    /** The next message; undefined when the connection has ended. */
    next: async (): Promise<Message | undefined> => {
      while (messages.length === 0 && !socket.closed) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      return messages.shift()
    },
    /** Goes over to TLS, and answers the version that was agreed on. */
    encrypt: async (ca: string, host = "127.0.0.1"): Promise<string | null> => {
      isWrapped = true
      pipe = new TlsPipe((bytes, done) => {
        socket.write(isWrapped ? framed(messageType.prelogin, bytes) : bytes, done)
      })
      const client = connectTls({ socket: pipe, ca, host })
      secure = client
      await new Promise((resolve, reject) => {
        client.once("secureConnect", resolve)
        client.once("error", reject)
        socket.once("close", () => reject(new Error("the connection has ended")))
      })
      isWrapped = false
      reader = new MessageReader()
      client.on("data", take)
      return client.getProtocol()
    },
    /** Leaves TLS again. */
    decrypt: (): void => {
      pipe = undefined
      secure = undefined
    },
    [Symbol.dispose]: () => socket.destroy()
  }
}
