/** AWS's trace header, `Root=1-…;Parent=…;Sampled=…`. */
import { randomBytes } from "node:crypto"

const root = /^1-[0-9a-f]{8}-[0-9a-f]{24}$/i
const parent = /^[0-9a-f]{16}$/i
const sampled = /^[01]$/

/** The id of a new trace, as AWS's front doors make it. */
export const newRoot = (): string => {
  const seconds = Math.floor(Date.now() / 1000)
  return `1-${seconds.toString(16).padStart(8, "0")}-${randomBytes(12).toString("hex")}`
}

const newSpan = (): string => randomBytes(8).toString("hex")

/**
 * The header that an invocation gets, which on Lambda is there in any case: the caller's, with what it leaves out
 * added, or else that of a new trace.
 */
export const traceHeader = (given = ""): string => {
  const fields = given.split(";").map((field) => field.trim())
  const field = (name: string, form: RegExp): string | undefined => {
    const value = fields.find((one) => one.startsWith(`${name}=`))?.slice(name.length + 1)
    return value !== undefined && form.test(value) ? value : undefined
  }
  const trace = field("Root", root)
  if (trace === undefined) return `Root=${newRoot()};Parent=${newSpan()};Sampled=1`
  return [
    `Root=${trace}`,
    `Parent=${field("Parent", parent) ?? newSpan()}`,
    `Sampled=${field("Sampled", sampled) ?? "1"}`,
    ...fields.filter((one) => one !== "" && !/^(?:Root|Parent|Sampled)=/.test(one))
  ].join(";")
}
