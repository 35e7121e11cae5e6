/** The first message of client and server: the versions of both, and whether they will encrypt. */
import { ByteReader } from "./bytes.ts"

/** What a side says about encryption: not wanted but possible, wanted, impossible, demanded. */
export const encryption = { off: 0, on: 1, notSupported: 2, required: 3 } as const

const option = { version: 0, encryption: 1, instance: 2, thread: 3, mars: 4, end: 0xff } as const

/** SQL Server 2022. */
export const serverVersion = { major: 16, minor: 0, build: 4135 } as const

/** What a client says about encryption. */
export const wantedEncryption = (payload: Buffer): number => {
  const reader = new ByteReader(payload)
  for (let kind = reader.fixed(1); kind !== option.end; kind = reader.fixed(1)) {
    const at = reader.take(2).readUInt16BE()
    const length = reader.take(2).readUInt16BE()
    if (kind === option.encryption && length === 1) return payload.readUInt8(at)
  }
  return encryption.notSupported
}

/** What the server says to it: it does as the client likes. */
export const agreedEncryption = (wanted: number): number => (wanted === encryption.required ? encryption.on : wanted)

/** The server's answer. */
export const preloginAnswer = (agreed: number): Buffer => {
  const { build, major, minor } = serverVersion
  const options: ReadonlyArray<readonly [number, Buffer]> = [
    [option.version, Buffer.of(major, minor, build >> 8, build & 0xff, 0, 0)],
    [option.encryption, Buffer.of(agreed)],
    [option.instance, Buffer.of(0)],
    [option.thread, Buffer.alloc(0)],
    [option.mars, Buffer.of(0)]
  ]
  let at = 5 * options.length + 1
  const table = options.map(([kind, data]) => {
    const entry = Buffer.of(kind, at >> 8, at & 0xff, data.length >> 8, data.length & 0xff)
    at += data.length
    return entry
  })
  return Buffer.concat([...table, Buffer.of(option.end), ...options.map(([, data]) => data)])
}
