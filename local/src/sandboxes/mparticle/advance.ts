/** What `POST /_sandbox/mparticle/advance` takes. Fields that are not known are left alone. */
import { SandboxRefusal } from "../SandboxRefusal.ts"
import { Check, isFields } from "./check.ts"
import type { Fields } from "./check.ts"
import { tampers } from "./forgeries.ts"
import type { Tamper } from "./forgeries.ts"
import { statuses } from "./SubjectRequests.ts"
import type { Results, Status } from "./SubjectRequests.ts"

/** How callbacks are sent; everything is optional. */
export interface CallbackOptions {
  /** How often the same callback is sent: 1. */
  readonly times: number
  /** How many are under way together: 1, so that each is answered before the next is sent. */
  readonly concurrency: number
  /** How long nothing is sent at first: 0. */
  readonly delayMs: number
  /** Statuses whose callbacks follow, each signed in its own right; the request does not move. */
  readonly also: ReadonlyArray<Status>
  /** How every callback is forged. */
  readonly tamper: Tamper | undefined
  /** Sent here, instead of to the request's own callback URLs. */
  readonly to: string | undefined
  /** Fields of the body that are set, and signed, before it is sent. */
  readonly fields: Fields
  /** This text is signed and sent instead of a body. */
  readonly body: string | undefined
  /** Headers that are set, or left out when they are null, after the body was signed. */
  readonly headers: Readonly<Record<string, string | ReadonlyArray<string> | null>>
}

/** A move of a request, and what its callbacks are like. */
export interface Advance {
  readonly id: string
  readonly status: Status
  /** Whether the request moves at all, or its callback only says so. */
  readonly move: boolean
  readonly results: Partial<Results>
  /** Absent when no callback is sent. */
  readonly callback: CallbackOptions | undefined
}

const maxTimes = 1_000
const maxDelayMs = 30_000

const isBase64 = (text: string): boolean => Buffer.from(text, "base64").toString("base64") === text

const isHeader = (value: unknown): value is string | ReadonlyArray<string> | null =>
  value === null || typeof value === "string" || (Array.isArray(value) && value.every((one) => typeof one === "string"))

const areHeaders = (value: unknown): value is CallbackOptions["headers"] =>
  isFields(value) && Object.values(value).every(isHeader)

const numberFrom = (check: Check, input: Fields, name: string, least: number, most: number): number => {
  const value = input[name] ?? least
  if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return value
  check.fail(`callback.${name}`, `must be a whole number from ${least} to ${most}`)
  return least
}

const textFrom = (check: Check, input: Fields, name: string): string | undefined => {
  const value = input[name]
  if (value === undefined || typeof value === "string") return value
  check.fail(`callback.${name}`, "must be a text")
  return undefined
}

const statusFrom = (check: Check, value: unknown, field: string): Status | undefined => {
  const status = statuses.find((one) => one === value)
  if (status === undefined) check.fail(field, `must be one of ${statuses.join(", ")}`)
  return status
}

const alsoFrom = (check: Check, value: unknown): ReadonlyArray<Status> => {
  if (value === undefined) return []
  if (check.that(Array.isArray(value), "callback.also", "must be a list of statuses") && Array.isArray(value))
    return value.flatMap((one: unknown) => statusFrom(check, one, "callback.also") ?? [])
  return []
}

const callbackFrom = (check: Check, input: unknown): CallbackOptions | undefined => {
  if (input === false) return undefined
  const given = input === undefined || input === true ? {} : input
  if (!check.object(given, "callback")) return undefined
  const { also, fields = {}, headers = {}, tamper } = given
  if (tamper !== undefined) check.oneOf(tamper, tampers, "callback.tamper")
  check.that(areHeaders(headers), "callback.headers", "must have texts, lists of texts or null")
  return {
    times: numberFrom(check, given, "times", 1, maxTimes),
    concurrency: numberFrom(check, given, "concurrency", 1, maxTimes),
    delayMs: numberFrom(check, given, "delayMs", 0, maxDelayMs),
    also: alsoFrom(check, also),
    tamper: tampers.find((one) => one === tamper),
    to: textFrom(check, given, "to"),
    fields: check.object(fields, "callback.fields") ? fields : {},
    body: textFrom(check, given, "body"),
    headers: areHeaders(headers) ? headers : {}
  }
}

const flag = (check: Check, input: Fields, name: string): boolean | undefined => {
  const value = input[name]
  if (value === undefined || typeof value === "boolean") return value
  check.fail(name, "must be true or false")
  return undefined
}

/** Reads it; throws a refusal that names the first field that is wrong. */
export const readAdvance = (body: unknown): Advance => {
  const check = new Check()
  const input = isFields(body) ? body : {}
  const { id, results } = input
  check.that(typeof id === "string", "id", "must be the id of a subject request")
  const status = statusFrom(check, input["status"], "status")
  const archive = typeof results === "string" && isBase64(results) ? Buffer.from(results, "base64") : undefined
  check.that(results === undefined || archive !== undefined, "results", "must be base64")
  const gone = flag(check, input, "resultsGone") ?? false
  const chunked = flag(check, input, "chunked") ?? false
  const move = flag(check, input, "move") ?? true
  const callback = callbackFrom(check, input["callback"])
  const [flaw] = check.flaws
  if (flaw !== undefined || typeof id !== "string" || status === undefined)
    throw new SandboxRefusal(400, flaw?.message ?? "the body must be an object")
  return { id, status, move, callback, results: { ...(archive === undefined ? {} : { archive }), gone, chunked } }
}
