/** How a webhook is delivered: Twilio's attempts with the connection overrides `rc=3&rp=5xx,ct,rt`. */
import { request } from "node:http"
import { setTimeout as sleep } from "node:timers/promises"
import type { Sandbox } from "../Sandbox.ts"
import type { Webhook } from "./webhook.ts"

/** What became of a webhook. */
export interface Delivery {
  /** The HTTP status of each attempt; 0 for one that was not answered. */
  readonly attempts: ReadonlyArray<number>
  /** Whether it was taken in the end. */
  readonly ok: boolean
}

/** `rc`. */
const retries = 3

/**
 * `tt`, all attempts together, when it is not set. `rt`, how long one attempt waits for an answer, is then as long, so no
 * retry follows an attempt that ran out of time.
 */
const totalMs = 15_000

/** `rp`: no answer, for whatever reason, and an answer of 5xx. */
const isRetried = (status: number): boolean => status === 0 || status >= 500

const unanswered = 0

const post = ({ body, headers, url }: Webhook, signal: AbortSignal): Promise<number> =>
  new Promise((resolve) => {
    // A connection of its own: one that is kept could be closed just as it is used, which would be an attempt more.
    const sending = request(url, { method: "POST", agent: false, signal, headers }, (response) => {
      response.on("error", () => resolve(unanswered)).on("end", () => resolve(response.statusCode ?? unanswered))
      response.resume()
    })
    sending.on("error", () => resolve(unanswered))
    sending.end(body)
  })

/** One attempt as the sandbox's rules say, written down with what the receiver answered, if it was reached. */
const attempt = async (webhook: Webhook, sandbox: Sandbox, signal: AbortSignal): Promise<number> => {
  const headers = { ...webhook.headers, "Content-Length": String(Buffer.byteLength(webhook.body)) }
  const facts = { method: "POST", path: new URL(webhook.url).pathname }
  const lowerCase = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
  const entry = sandbox.record({ ...facts, headers: lowerCase, body: webhook.body })
  const noted = (status: number): number => {
    entry.status = status === unanswered ? null : status
    return status
  }
  const reach = async (): Promise<number> => noted(await post({ ...webhook, headers }, signal))
  const fault = sandbox.faults.take(facts)
  if (fault === undefined) return reach()
  if ("error" in fault) return noted(fault.status ?? unanswered)
  if ("status" in fault) return noted(fault.status)
  if ("delayMs" in fault) {
    await sleep(fault.delayMs, undefined, { signal, ref: false }).catch(() => {})
    return signal.aborted ? unanswered : reach()
  }
  // No function sends these calls, so there is nobody to kill: of such a rule only the cut connection is left.
  if ("kill" in fault && fault.afterMs !== undefined) return reach()
  if ("commitThenReset" in fault || "commitThenKill" in fault || "truncate" in fault) await reach()
  return unanswered
}

/** Delivers a webhook, with as many attempts as it takes or as there are. */
export const deliver = async (webhook: Webhook, sandbox: Sandbox): Promise<Delivery> => {
  const signal = AbortSignal.timeout(totalMs)
  const attempts: Array<number> = []
  for (;;) {
    const status = await attempt(webhook, sandbox, signal)
    attempts.push(status)
    if (!isRetried(status)) return { attempts, ok: status >= 200 && status < 300 }
    if (attempts.length > retries || signal.aborted) return { attempts, ok: false }
  }
}
