/** What a logged-in client asks for: a batch of statements, or a procedure. */
import { SqlServerError } from "../SqlServerError.ts"
import { ByteReader } from "./bytes.ts"
import { type Parameter, readParameter } from "./parameters.ts"

/** All headers together begin with their length. */
const afterHeaders = (payload: Buffer): number => payload.readUInt32LE(0)

/** The text of a batch. */
export const readBatch = (payload: Buffer): string => payload.toString("utf16le", afterHeaders(payload))

/** The call of a procedure. */
export interface ProcedureCall {
  readonly name: string
  readonly parameters: ReadonlyArray<Parameter>
}

const byNumber = 0xffff

/** Procedures that may be called by a number. */
const names: Readonly<Record<number, string>> = {
  10: "sp_executesql",
  11: "sp_prepare",
  12: "sp_execute",
  13: "sp_prepexec",
  15: "sp_unprepare"
}

/** Reads the call of a procedure. */
export const readProcedureCall = (payload: Buffer): ProcedureCall => {
  const reader = new ByteReader(payload, afterHeaders(payload))
  const length = reader.fixed(2)
  const number = length === byNumber ? reader.fixed(2) : undefined
  const name = number === undefined ? reader.text(length) : (names[number] ?? `procedure ${number}`)
  reader.take(2)
  const parameters: Array<Parameter> = []
  while (!reader.isAtEnd) parameters.push(readParameter(reader))
  return { name: name.toLowerCase().replace(/^(?:sys\.|\[sys\]\.|dbo\.)/, ""), parameters }
}

/** The text that a parameter carries. */
export const textOf = (parameter: Parameter | undefined): string => {
  if (typeof parameter?.value === "string") return parameter.value
  throw new SqlServerError({
    number: 214,
    state: 3,
    class: 16,
    message: "Procedure expects parameter '@statement' of type 'ntext/nchar/nvarchar'."
  })
}
