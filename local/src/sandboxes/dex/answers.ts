/** Answers of the DEX API. */
import type { Answer } from "../serveHttp.ts"

type Headers = Readonly<Record<string, string>>

/** An answer with this text as its JSON. */
export const textAnswer = (status: number, text: string, headers: Headers = {}): Answer => ({
  status,
  headers: { "content-type": "application/json", ...headers },
  body: Buffer.from(text)
})

/** A JSON answer. */
export const jsonAnswer = (status: number, body: object, headers: Headers = {}): Answer =>
  textAnswer(status, JSON.stringify(body), headers)

/** An error, with what is wrong for people. */
export const refusal = (status: number, error: string, description: string, headers: Headers = {}): Answer =>
  jsonAnswer(status, { error, error_description: description }, headers)

/** Nobody answers this method here. */
export const otherMethod = (allowed: string): Answer =>
  refusal(405, "method_not_allowed", `Only ${allowed} is allowed here`, { allow: allowed })
