/** Answers with rows: the description of their columns, and the rows. */
import { eightBytes, fixed, shortPrefixed, wide } from "./bytes.ts"
import { collation } from "./tokens.ts"

/** A value in a row. */
export type Value = bigint | number | string | null

/** A column; texts over 4,000 characters have a type of their own. */
export interface Column {
  readonly name: string
  readonly type: "int" | "bigint" | "float" | "text" | "longText"
}

/** Every column may be null, and the server does not say whether it can be written. */
const flags = 0x01 | 0x08

const longestText = 8_000
const unlimited = 0xffff

const typeInfo: Readonly<Record<Column["type"], Buffer>> = {
  int: Buffer.of(0x26, 4),
  bigint: Buffer.of(0x26, 8),
  float: Buffer.of(0x6d, 8),
  text: Buffer.concat([Buffer.of(0xe7), fixed(longestText, 2), collation]),
  longText: Buffer.concat([Buffer.of(0xe7), fixed(unlimited, 2), collation])
}

/** The description of the columns. */
export const columnsToken = (columns: ReadonlyArray<Column>): Buffer =>
  Buffer.concat([
    Buffer.of(0x81),
    fixed(columns.length, 2),
    ...columns.flatMap(({ name, type }) => [fixed(0, 4), fixed(flags, 2), typeInfo[type], shortPrefixed(name)])
  ])

const oneByteNull = Buffer.of(0)
const nulls: Readonly<Record<Column["type"], Buffer>> = {
  int: oneByteNull,
  bigint: oneByteNull,
  float: oneByteNull,
  text: Buffer.alloc(2, 0xff),
  longText: Buffer.alloc(8, 0xff)
}

const float = (value: number): Buffer => {
  const bytes = Buffer.alloc(9)
  bytes.writeUInt8(8)
  bytes.writeDoubleLE(value, 1)
  return bytes
}

const int = (value: number): Buffer => {
  const bytes = Buffer.alloc(5)
  bytes.writeUInt8(4)
  bytes.writeInt32LE(value, 1)
  return bytes
}

const written = (value: Exclude<Value, null>, type: Column["type"]): Buffer => {
  switch (type) {
    case "int": {
      return int(Number(value))
    }
    case "bigint": {
      return Buffer.concat([Buffer.of(8), eightBytes(BigInt(value))])
    }
    case "float": {
      return float(Number(value))
    }
    case "text": {
      const bytes = wide(String(value))
      return Buffer.concat([fixed(bytes.length, 2), bytes])
    }
    case "longText": {
      const bytes = wide(String(value))
      const chunk = bytes.length === 0 ? [] : [fixed(bytes.length, 4), bytes]
      return Buffer.concat([eightBytes(BigInt(bytes.length)), ...chunk, fixed(0, 4)])
    }
  }
}

const rowMark = 0xd1
const nullMapRowMark = 0xd2

/** A row; with `nullMap`, one that has nulls says so in front instead of at each of them. */
export const rowToken = (row: ReadonlyArray<Value>, columns: ReadonlyArray<Column>, nullMap: boolean): Buffer => {
  const typeAt = (at: number): Column["type"] => columns[at]?.type ?? "text"
  if (!nullMap || !row.includes(null)) {
    const values = row.map((value, at) => (value === null ? nulls[typeAt(at)] : written(value, typeAt(at))))
    return Buffer.concat([Buffer.of(rowMark), ...values])
  }
  const map = Buffer.alloc((row.length + 7) >> 3)
  const values = row.flatMap((value, at) => {
    if (value !== null) return [written(value, typeAt(at))]
    map.writeUInt8(map.readUInt8(at >> 3) | (1 << (at & 7)), at >> 3)
    return []
  })
  return Buffer.concat([Buffer.of(nullMapRowMark), map, ...values])
}
