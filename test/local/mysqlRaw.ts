/** A client of MySQL's protocol that does as it is told, for what no driver does. */
import { connect } from "node:net"
import type { TcpAddress } from "../../local/src/mysql/tcp.ts"
import { fixed, lengthPrefixed } from "../../local/src/mysql/wire/bytes.ts"
import { capabilities } from "../../local/src/mysql/wire/capabilities.ts"
import { framed, type Packet, PacketReader } from "../../local/src/mysql/wire/packets.ts"
import { scrambleBytes } from "../../local/src/mysql/wire/password.ts"

export const rawClient = (address: TcpAddress) => {
  const socket = connect(address)
  const reader = new PacketReader()
  const packets: Array<Packet> = []
  let wake = (): void => {}
  socket.on("data", (chunk) => {
    packets.push(...reader.push(chunk))
    wake()
  })
  socket.on("error", () => {}).on("close", () => wake())
  return {
    socket,
    send: (sequence: number, payload: Buffer): void => void socket.write(framed(sequence, [payload])),
    /** The next packet; undefined when the connection has ended. */
    next: async (): Promise<Packet | undefined> => {
      while (packets.length === 0 && !socket.closed) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      return packets.shift()
    },
    [Symbol.dispose]: (): void => void socket.destroy()
  }
}

/** A login. */
export const rawLogin = (user: string, plugin: string, proof: Buffer): Buffer =>
  Buffer.concat([
    fixed(capabilities("protocol41", "secureConnection", "pluginAuth", "lengthEncodedAuth"), 4),
    Buffer.alloc(28),
    Buffer.from(`${user}\0`),
    lengthPrefixed(proof),
    Buffer.from(`${plugin}\0`)
  ])

/** The scramble at the end of the server's request to change the way of proving the password. */
export const askedScramble = (payload: Buffer): Buffer => payload.subarray(-scrambleBytes - 1, -1)

/** The scramble in a greeting: eight bytes after the version and the thread id, the rest behind the capabilities. */
export const greetedScramble = (payload: Buffer): Buffer => {
  const first = payload.indexOf(0) + 1 + 4
  const rest = first + 8 + 1 + 2 + 1 + 2 + 2 + 1 + 10
  return Buffer.concat([payload.subarray(first, first + 8), payload.subarray(rest, rest + scrambleBytes - 8)])
}
