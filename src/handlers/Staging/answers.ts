/** What the sender of a webhook is told: one table of codes, two languages (contract A1.9). */
import { type Channel, isTwilioChannel } from "../../schemas/Staging.ts"
import { type CodeMeaning, meaningOf, stagingCodes } from "../../schemas/StagingCode.ts"
import type { AnyFailure } from "../../schemas/StagingError.ts"
import type { HttpAnswer } from "../Lambda/Http.ts"

/** The headers of every answer: a browser may send what Twilio sends. */
export const commonHeaders: Readonly<Record<string, string>> = {
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Allow-Headers": "Content-Type,X-Twilio-Signature,Accept,User-Agent",
  "Access-Control-Allow-Methods": "OPTIONS,POST"
}

const escapes: Readonly<Record<string, string>> = {
  "<": "&lt;",
  ">": "&gt;",
  "&": "&amp;",
  '"': "&quot;",
  "'": "&apos;"
}

const escaped = (text: string): string => text.replace(/[<>&"']/g, (found) => escapes[found] ?? "")

const declaration = "<?xml version='1.0' encoding='UTF-8'?>"

/** TwiML: the customer is told something, or nothing. */
export const twiml = (message?: string): string =>
  `${declaration}<Response>${message === undefined ? "" : `<Message>${escaped(message)}</Message>`}</Response>`

const xml = (status: number, message?: string): HttpAnswer => ({
  status,
  headers: { ...commonHeaders, "Content-Type": "text/xml" },
  body: twiml(message)
})

const json = (status: number, body: object): HttpAnswer => ({
  status,
  headers: { ...commonHeaders, "Content-Type": "application/json" },
  body: JSON.stringify(body)
})

/** A failure in JSON. The status is the code's own, unless one is given; 500 for a code that is none of the documented. */
export const jsonFailure = (code: string, message: string, status?: number): HttpAnswer => {
  const known: CodeMeaning | undefined = Object.hasOwn(stagingCodes, code)
    ? stagingCodes[code as keyof typeof stagingCodes]
    : undefined
  return json(status ?? known?.status ?? 500, { status: "error", error_code: code, message })
}

/** What is said of each code in JSON: nothing that tells an unknown caller more than the code does. */
const messageOf = (error: AnyFailure): string =>
  error.code === "INVALID_SIGNATURE" ? "INVALID_SIGNATURE" : error.reason

/** Settings that an answer depends on. */
export interface AnswerOptions {
  readonly invalidSignatureStatus: 200 | 403
}

/**
 * A failure as the channel's provider understands it. Twilio tries again after a 503 and after nothing else, and reads
 * TwiML only; a path that is no channel's is not Twilio's either.
 */
export const toStagingResponse = (
  channel: Channel | undefined,
  error: AnyFailure,
  { invalidSignatureStatus }: AnswerOptions
): HttpAnswer => {
  if (channel === undefined || !isTwilioChannel(channel)) return jsonFailure(error.code, messageOf(error))
  const { reply, transient } = meaningOf(error.code)
  if (transient) return xml(503)
  return error.code === "INVALID_SIGNATURE" ? xml(invalidSignatureStatus) : xml(200, reply)
}

const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

/** What the provider of a taken message is told. */
export const toSuccess = (channel: Channel): HttpAnswer =>
  isTwilioChannel(channel) ? xml(200) : json(200, { status: "success", message: `${capitalised(channel)} received` })

/** What a browser is told that asks whether it may. */
export const preflight: HttpAnswer = { status: 200, headers: commonHeaders, body: "" }
