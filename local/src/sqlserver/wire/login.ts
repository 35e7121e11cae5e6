/** The message with which a client logs in. */

/** What a client logs in with. */
export interface Login {
  readonly version: number
  readonly packetSize: number
  readonly user: string
  readonly password: string
  /** Empty for the one that the server chooses. */
  readonly database: string
}

/** The oldest version that is spoken here, 7.2: those before it write tokens in another way. */
export const oldestVersion = 0x72_09_00_02
/** From this version on, 7.3B, rows may come with a map of what is null. */
export const nullMapVersion = 0x73_0b_00_03
/** The version that is spoken with everybody who speaks it too. */
export const newestVersion = 0x74_00_00_04

/** Where the places of the texts stand. */
const place = { user: 40, password: 44, database: 68 } as const

/** Passwords are sent with their half bytes swapped and every other bit turned over. */
const uncovered = (bytes: Buffer): Buffer =>
  Buffer.from(bytes.map((byte) => (((byte ^ 0xa5) << 4) & 0xf0) | ((byte ^ 0xa5) >> 4)))

/** Reads a login. Throws a RangeError when it is none. */
export const readLogin = (payload: Buffer): Login => {
  const bytesAt = (at: number): Buffer => {
    const start = payload.readUInt16LE(at)
    const end = start + 2 * payload.readUInt16LE(at + 2)
    if (end > payload.length) throw new RangeError("the login is too short")
    return payload.subarray(start, end)
  }
  return {
    version: payload.readUInt32LE(4),
    packetSize: payload.readUInt32LE(8),
    user: bytesAt(place.user).toString("utf16le"),
    password: uncovered(bytesAt(place.password)).toString("utf16le"),
    database: bytesAt(place.database).toString("utf16le")
  }
}
