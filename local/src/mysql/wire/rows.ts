/** Answers with rows, as plain text and in the form of prepared statements. */
import { endPayload } from "./answers.ts"
import { fixed, lengthEncoded, lengthPrefixed } from "./bytes.ts"

/** A column of an answer. */
export interface Column {
  readonly name: string
  readonly type: "text" | "int" | "bigint"
}

export type Row = ReadonlyArray<string | number | null>

const types = { int: 0x03, bigint: 0x08, text: 0xfd } as const
const utf8mb4 = 45
const binary = 63

/** The description of a column, or of a parameter of a prepared statement. */
export const columnPayload = ({ name, type }: Column): Buffer => {
  const isText = type === "text"
  return Buffer.concat([
    lengthPrefixed("def"),
    ...["", "", "", name, ""].map(lengthPrefixed),
    Buffer.of(0x0c),
    fixed(isText ? utf8mb4 : binary, 2),
    fixed(isText ? 255 * 4 : 20, 4),
    Buffer.of(types[type]),
    fixed(0, 2),
    Buffer.of(0),
    fixed(0, 2)
  ])
}

const textRow = (row: Row): Buffer =>
  Buffer.concat(row.map((value) => (value === null ? Buffer.of(0xfb) : lengthPrefixed(String(value)))))

const binaryValue = (value: string | number, type: Column["type"]): Buffer => {
  if (type === "text") return lengthPrefixed(String(value))
  if (type === "int") return fixed(Number(value), 4)
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64LE(BigInt(value))
  return bytes
}

/** The bitmap of what is null begins with two bits that nobody uses. */
const nullOffset = 2

const binaryRow = (row: Row, columns: ReadonlyArray<Column>): Buffer => {
  const nulls = Buffer.alloc((row.length + 7 + nullOffset) >> 3)
  const values = row.map((value, index) => {
    if (value !== null) return binaryValue(value, columns[index]?.type ?? "text")
    const bit = index + nullOffset
    nulls.writeUInt8(nulls.readUInt8(bit >> 3) | (1 << (bit & 7)), bit >> 3)
    return Buffer.alloc(0)
  })
  return Buffer.concat([Buffer.of(0), nulls, ...values])
}

/** The packets of an answer with rows. */
export const rowPayloads = (
  columns: ReadonlyArray<Column>,
  rows: ReadonlyArray<Row>,
  form: "text" | "binary",
  status: number
): ReadonlyArray<Buffer> => [
  lengthEncoded(columns.length),
  ...columns.map(columnPayload),
  endPayload(status),
  ...rows.map((row) => (form === "text" ? textRow(row) : binaryRow(row, columns))),
  endPayload(status)
]
