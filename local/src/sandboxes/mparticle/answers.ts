/** Answers in mParticle's own form. */
import type { Answer } from "../serveHttp.ts"

/** The domain in whose name mParticle answers and signs. */
export const processorDomain = "opendsr.mparticle.com"

/** A JSON answer. */
export const jsonAnswer = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Answer => ({
  status,
  headers: { "content-type": "application/json", ...headers },
  body: Buffer.from(JSON.stringify(body))
})

/** An answer without a body. */
export const emptyAnswer = (status: number): Answer => ({ status, headers: {}, body: Buffer.alloc(0) })

/** One thing that is wrong with a request. */
export interface Flaw {
  readonly reason: string
  readonly message: string
}

/** An error answer; the first flaw is also its message. */
export const errorAnswer = (
  status: number,
  flaws: readonly [Flaw, ...ReadonlyArray<Flaw>],
  headers: Readonly<Record<string, string>> = {}
): Answer =>
  jsonAnswer(
    status,
    { code: status, message: flaws[0].message, errors: flaws.map((flaw) => ({ domain: processorDomain, ...flaw })) },
    headers
  )

/** An error answer with one flaw. */
export const refusal = (
  status: number,
  reason: string,
  message: string,
  headers: Readonly<Record<string, string>> = {}
): Answer => errorAnswer(status, [{ reason, message }], headers)
