/** What the orchestrator makes of the end of an invocation. */
import type { BatonEvent, Invoked } from "./Invoke.ts"

/** How far along a request is, by the status that the function answers. */
export const ranks = { queued: 0, submitted: 1, in_progress: 2, completed: 3, failed: 3 } as const

export type Status = keyof typeof ranks

/** A request's state, or a failure that the same call may (`again`) or may not (`never`) get over. */
export type Verdict =
  | { readonly kind: "success"; readonly requestId: string; readonly status: Status }
  | { readonly kind: "again"; readonly reason: string; readonly afterMs?: number }
  | { readonly kind: "never"; readonly reason: string }

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null

const isStatus = (value: unknown): value is Status => typeof value === "string" && Object.hasOwn(ranks, value)

const malformed = (reason: string): Verdict => ({ kind: "never", reason: `a malformed answer: ${reason}` })

const success = (event: BatonEvent, answer: Readonly<Record<string, unknown>>): Verdict => {
  const { correlationId, mparticleRequestId: requestId, status } = answer
  if (typeof requestId !== "string" || !isStatus(status)) return malformed("it has no id or no known status")
  const foreign =
    event.action === "initiate"
      ? correlationId !== event.payload.correlationId
      : requestId !== event.payload.mparticleRequestId
  return foreign ? malformed("it is about another request") : { kind: "success", requestId, status }
}

const failure = (error: unknown): Verdict => {
  if (!isRecord(error) || typeof error["code"] !== "string") return malformed("it has no error code")
  const details = isRecord(error["details"]) ? error["details"] : {}
  const reason = error["code"]
  if (details["retryable"] !== true) return { kind: "never", reason }
  const seconds = details["retryAfterSeconds"]
  return typeof seconds === "number" ? { kind: "again", reason, afterMs: seconds * 1000 } : { kind: "again", reason }
}

/** Judges what the function answered to an event. */
export const verdictOf = (event: BatonEvent, { functionError, payload }: Invoked): Verdict => {
  if (functionError !== undefined) {
    const type = isRecord(payload) ? payload["errorType"] : undefined
    return { kind: "again", reason: typeof type === "string" ? type : functionError }
  }
  if (!isRecord(payload)) return malformed("it is no object")
  if (payload["success"] === true) return success(event, payload)
  return payload["success"] === false ? failure(payload["error"]) : malformed("it does not say whether it succeeded")
}
