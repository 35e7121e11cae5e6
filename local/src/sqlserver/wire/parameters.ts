/** The values that come with the call of a procedure. */
import { SqlServerError } from "../SqlServerError.ts"
import type { ByteReader } from "./bytes.ts"
import type { Value } from "./rows.ts"

/** A parameter. */
export interface Parameter {
  /** Without its "@"; empty for one that is known by its place. */
  readonly name: string
  readonly value: Value
}

const collationBytes = 5
const unlimited = 0xffff
const plainNull = 0xffff

const integer = (bytes: Buffer): bigint => {
  if (bytes.length === 8) return bytes.readBigInt64LE()
  // One byte has no sign.
  return BigInt(bytes.length === 1 ? bytes.readUInt8() : bytes.readIntLE(0, bytes.length))
}

const floating = (bytes: Buffer): number => (bytes.length === 4 ? bytes.readFloatLE() : bytes.readDoubleLE())

/** The digits of a decimal come after its sign, as one number. */
const decimal = (bytes: Buffer, scale: number): number => {
  const digits = BigInt(`0x${Buffer.from(bytes.subarray(1).toReversed()).toString("hex")}`)
  return (bytes[0] === 0 ? -1 : 1) * (Number(digits) / 10 ** scale)
}

/** Chunks up to an empty one. */
const chunks = (reader: ByteReader): Buffer | null => {
  if (reader.take(8).readBigUInt64LE() === 0xffff_ffff_ffff_ffffn) return null
  const parts: Array<Buffer> = []
  for (let size = reader.fixed(4); size > 0; size = reader.fixed(4)) parts.push(reader.take(size))
  return Buffer.concat(parts)
}

const text = (reader: ByteReader, encoding: "utf16le" | "latin1"): Value => {
  const longest = reader.fixed(2)
  reader.take(collationBytes)
  if (longest === unlimited) return chunks(reader)?.toString(encoding) ?? null
  const length = reader.fixed(2)
  return length === plainNull ? null : reader.take(length).toString(encoding)
}

/** A value with its length in front; none of it is null. */
const sized = (reader: ByteReader, read: (bytes: Buffer) => Value): Value => {
  const length = reader.fixed(1)
  return length === 0 ? null : read(reader.take(length))
}

const sizedType =
  (read: (bytes: Buffer) => Value) =>
  (reader: ByteReader): Value => {
    reader.take(1)
    return sized(reader, read)
  }

const readDecimal = (reader: ByteReader): Value => {
  const [, , scale = 0] = reader.take(3)
  return sized(reader, (bytes) => decimal(bytes, scale))
}

const readers: Readonly<Record<number, (reader: ByteReader) => Value>> = {
  0x1f: () => null,
  0x30: (reader) => integer(reader.take(1)),
  0x32: (reader) => integer(reader.take(1)),
  0x34: (reader) => integer(reader.take(2)),
  0x38: (reader) => integer(reader.take(4)),
  0x7f: (reader) => integer(reader.take(8)),
  0x3b: (reader) => floating(reader.take(4)),
  0x3e: (reader) => floating(reader.take(8)),
  0x26: sizedType(integer),
  0x68: sizedType(integer),
  0x6d: sizedType(floating),
  0x6a: readDecimal,
  0x6c: readDecimal,
  0xa7: (reader) => text(reader, "latin1"),
  0xaf: (reader) => text(reader, "latin1"),
  0xe7: (reader) => text(reader, "utf16le"),
  0xef: (reader) => text(reader, "utf16le")
}

/** Reads the next parameter. Throws for one of a type that nobody here sends. */
export const readParameter = (reader: ByteReader): Parameter => {
  const name = reader.text(reader.fixed(1)).replace(/^@/, "")
  reader.take(1)
  const type = reader.fixed(1)
  const read = readers[type]
  if (read === undefined) {
    throw SqlServerError.unsupported(`A parameter of the type 0x${type.toString(16)}`)
  }
  return { name, value: read(reader) }
}
