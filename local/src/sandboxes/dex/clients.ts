/** The body of `PUT /_sandbox/dex/clients`. */
import { isRecord } from "../../isRecord.ts"
import { SandboxRefusal } from "../SandboxRefusal.ts"

/** A client, in the database and in the API. */
export interface DexClient {
  readonly clientId: number | string | null
  readonly name: string | null
  /** The exact text that the API answers; one of its own when left out. */
  readonly response?: string
}

/** SQL Server's largest numbers have 64 bits. */
const bound = 2 ** 63

const refuse = (field: string, problem: string): never => {
  throw new SandboxRefusal(400, `${field} ${problem}`)
}

const isText = (value: unknown): value is string => typeof value === "string"

const readId = (value: unknown, field: string): DexClient["clientId"] => {
  if (value === null || isText(value)) return value
  if (typeof value === "number" && Math.abs(value) < bound) return value
  return refuse(field, "must be a number of 64 bits, a text or null")
}

const readName = (value: unknown, field: string): DexClient["name"] =>
  value === undefined || value === null ? null : isText(value) ? value : refuse(field, "must be a text or null")

const readResponse = (value: unknown, field: string): Pick<DexClient, "response"> => {
  if (value === undefined) return {}
  return isText(value) ? { response: value } : refuse(field, "must be a text")
}

/** Reads the clients. Throws a SandboxRefusal that names the first field that is wrong. */
export const readClients = (input: unknown): ReadonlyArray<DexClient> => {
  if (!Array.isArray(input)) return refuse("the body", "must be a list of clients")
  return input.map((client: unknown, at) => {
    if (!isRecord(client)) return refuse(`[${at}]`, "must be an object")
    const { clientId, name, response, ...others } = client
    for (const other of Object.keys(others)) refuse(`[${at}].${other}`, "is not a field of a client")
    return {
      clientId: readId(clientId, `[${at}].clientId`),
      name: readName(name, `[${at}].name`),
      ...readResponse(response, `[${at}].response`)
    }
  })
}
