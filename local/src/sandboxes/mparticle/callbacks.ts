/** The callbacks with which mParticle tells that a request has moved: their body, their signature, and sending them. */
import { request } from "node:http"
import { setTimeout as sleep } from "node:timers/promises"
import type { CallbackOptions } from "./advance.ts"
import { processorDomain } from "./answers.ts"
import { domainHeader, forged, signatureHeader } from "./forgeries.ts"
import type { SignedCall } from "./forgeries.ts"
import { isLoopback } from "./subjectRequest.ts"
import { statusBody } from "./SubjectRequests.ts"
import type { Status, StoredRequest, View } from "./SubjectRequests.ts"

/** A request's move to a status, about to be told. */
export interface Notice {
  readonly stored: StoredRequest
  readonly status: Status
  readonly view: View
}

/** The signature of exactly these bytes. */
export type Sign = (bytes: Uint8Array) => Buffer

/** The HTTP status of each callback in the order of sending; null for one that was not answered. */
export type Statuses = ReadonlyArray<number | null>

/** Whom mParticle has told of the request, as its callbacks show them: nested, and mostly without a message. */
const distribution = (status: Status): object => {
  const sent = status === "pending" ? "pending" : status === "cancelled" ? "skipped" : "sent"
  return {
    "opendsr.mparticle.com": {
      distribution_status: [
        { domain: "braze.com", name: "Braze", status: sent, status_message: null },
        { domain: "kochava.com", name: "Kochava", status: "skipped", status_message: "Not configured for this request" }
      ]
    }
  }
}

/** In callbacks, times have microseconds and no zone. */
const callbackTime = (time: string | null): string | null => time && time.replace("Z", "000")

/** The body of a callback. */
export const callbackBody = (notice: Notice, callbackUrl: string): object => {
  const { expected_completion_time, extensions: _, ...body } = statusBody(notice.stored, notice.view, notice.status)
  return {
    ...body,
    expected_completion_time: callbackTime(expected_completion_time),
    status_callback_url: callbackUrl,
    ...(body.results_url === null ? {} : { results_count: notice.stored.results.archive === undefined ? 0 : 1 }),
    extensions: distribution(notice.status)
  }
}

const signedCall = (notice: Notice, url: string, options: CallbackOptions, sign: Sign): SignedCall => {
  const text = options.body ?? JSON.stringify({ ...callbackBody(notice, url), ...options.fields })
  const body = Buffer.from(text)
  const signed = {
    url,
    headers: {
      "Content-Type": "application/json",
      [domainHeader]: processorDomain,
      [signatureHeader]: sign(body).toString("base64")
    },
    body
  }
  const call = options.tamper === undefined ? signed : forged(signed, options.tamper)
  return { ...call, headers: changedHeaders(call.headers, options.headers) }
}

const changedHeaders = (headers: SignedCall["headers"], changes: CallbackOptions["headers"]): SignedCall["headers"] => {
  const changed = new Set(Object.keys(changes).map((name) => name.toLowerCase()))
  const kept = Object.entries(headers).filter(([name]) => !changed.has(name.toLowerCase()))
  return Object.fromEntries([
    ...kept,
    ...Object.entries(changes).flatMap(([name, value]) => (value === null ? [] : [[name, value] as const]))
  ])
}

const send = ({ body, headers, url }: SignedCall, signal: AbortSignal): Promise<number | null> =>
  new Promise((resolve) => {
    // A connection of its own: one that is kept could be closed just as it is used, and nothing is sent twice here.
    const sending = request(
      url,
      {
        method: "POST",
        agent: false,
        signal,
        headers: { ...(headers as Record<string, string | Array<string>>), "Content-Length": body.length }
      },
      (response) => {
        response.on("error", () => resolve(null)).on("end", () => resolve(response.statusCode ?? null))
        response.resume()
      }
    )
    sending.on("error", () => resolve(null))
    sending.end(body)
  })

/** What sending needs beside what is sent. */
export interface Sending {
  /** Asked for only when there is somebody to call. */
  readonly signer: () => Promise<Sign>
  /** All callbacks of a move together take no longer. */
  readonly limitMs: number
}

/** Sends the callbacks of a move, and those that go with it, to every URL that is on this machine. */
export const sendCallbacks = async (
  notice: Notice,
  options: CallbackOptions,
  { limitMs, signer }: Sending
): Promise<Statuses> => {
  const urls = options.to === undefined ? (notice.stored.request.status_callback_urls ?? []) : [options.to]
  const called = urls.filter(isLoopback)
  if (called.length === 0) return []
  const sign = await signer()
  const calls = called.flatMap((url) => [
    ...Array<SignedCall>(options.times).fill(signedCall(notice, url, options, sign)),
    ...options.also.map((status) => signedCall({ ...notice, status }, url, options, sign))
  ])
  const signal = AbortSignal.timeout(limitMs)
  await sleep(options.delayMs)
  const answers = Array<number | null>(calls.length).fill(null)
  const waiting = calls.entries()
  const worker = async (): Promise<void> => {
    for (const [at, call] of waiting) answers[at] = await send(call, signal)
  }
  await Promise.all(Array.from({ length: Math.min(options.concurrency, calls.length) }, worker))
  return answers
}
