/** The two packets with which client and server meet: the greeting and the login. */
import { ByteReader, fixed } from "./bytes.ts"
import { nativePassword, scrambleBytes } from "./password.ts"
import { capability, capabilities } from "./capabilities.ts"
import { errorMark } from "./answers.ts"
import { framed, type Packet } from "./packets.ts"

/** What would hide commands from who listens in between: encryption, compression, and attributes in front of the SQL. */
const hiding = capabilities("tls", "compress", "zstd", "queryAttributes")

const without = (flags: number, removed: number): number => (flags & ~removed) >>> 0

/** The greeting of a server, without the capabilities that would hide commands. */
export const openGreeting = ({ raw, payload }: Packet): Buffer => {
  if (payload[0] === errorMark) return raw
  // Protocol version, server version, thread id, eight bytes of scramble and a zero.
  const low = payload.indexOf(0) + 1 + 4 + 8 + 1
  // Half the capabilities come before the character set and the status, and half after them.
  const high = low + 2 + 1 + 2
  const changed = Buffer.from(payload)
  changed.writeUInt16LE(without(payload.readUInt16LE(low), hiding & 0xffff), low)
  changed.writeUInt16LE(without(payload.readUInt16LE(high), hiding >>> 16), high)
  return framed(raw.readUInt8(3), [changed])
}

const userAt = 32

/** What a client logs in with. */
export interface Login {
  readonly capabilities: number
  readonly user: string
}

/** Reads a login; undefined when it is of a form that no client of this century sends, or asks for encryption. */
export const readLogin = (payload: Buffer): Login | undefined => {
  if (payload.length <= userAt) return undefined
  const flags = payload.readUInt32LE(0)
  if ((flags & capability.protocol41) === 0) return undefined
  const reader = new ByteReader(payload)
  reader.offset = userAt
  return { capabilities: flags, user: reader.text() }
}

/** The login as another user. What proves the password does not depend on the name. */
export const loginAs = ({ sequence, payload }: Packet, user: string): Buffer =>
  framed(sequence, [
    Buffer.concat([
      fixed(without(payload.readUInt32LE(0), hiding), 4),
      payload.subarray(4, userAt),
      Buffer.from(user),
      payload.subarray(payload.indexOf(0, userAt))
    ])
  ])

/** What our own server can do. */
export const offered = capabilities(
  "longPassword",
  "foundRows",
  "longFlag",
  "connectWithDb",
  "protocol41",
  "transactions",
  "secureConnection",
  "multiResults",
  "preparedMultiResults",
  "pluginAuth",
  "connectAttributes",
  "lengthEncodedAuth"
)

const protocolVersion = 10
const utf8mb4 = 45
/** The scramble's first part stands before the capabilities, the second one after them. */
const firstPart = 8

/** The greeting of our own server. */
export const greetingPayload = (connectionId: number, scramble: Buffer, status: number): Buffer =>
  Buffer.concat([
    Buffer.of(protocolVersion),
    Buffer.from("8.0.0-embedded\0"),
    fixed(connectionId, 4),
    scramble.subarray(0, firstPart),
    Buffer.of(0),
    fixed(offered & 0xffff, 2),
    Buffer.of(utf8mb4),
    fixed(status, 2),
    fixed(offered >>> 16, 2),
    Buffer.of(scrambleBytes + 1),
    Buffer.alloc(10),
    scramble.subarray(firstPart),
    Buffer.of(0),
    Buffer.from(`${nativePassword}\0`)
  ])

/** The proof of the password in a login to our own server, and the database that the client chooses, if any. */
export const readCredentials = (
  payload: Buffer,
  login: Login
): { readonly proof: Buffer; readonly database: string } => {
  const agreed = login.capabilities & offered
  const reader = new ByteReader(payload)
  reader.offset = payload.indexOf(0, userAt) + 1
  const proof = (agreed & capability.lengthEncodedAuth) === 0 ? reader.take(reader.fixed(1)) : reader.lengthPrefixed()
  return { proof, database: (agreed & capability.connectWithDb) === 0 ? "" : reader.text() }
}
