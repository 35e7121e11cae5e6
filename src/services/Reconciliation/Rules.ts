/** What has to be done for a request that has not come to its end, and when it counts as stuck. */
import { hasEnded, isUnsent, type RequestRecord } from "../../schemas/DataSubjectRequest.ts"

/** What a request can need: to be sent, to be compared with mParticle's own, or its results to be copied. */
export type Duty = "send" | "refresh" | "copy"

/** In what way a request can be stuck. */
export type Stuck = "unsent" | "unacknowledged" | "overdue" | "uncopied"

const dayMillis = 86_400_000
/** How long after its time a request is waited for. */
const graceMillis = dayMillis
/** mParticle's longest time for an erasure, for a request that it works on and has named no time for. */
const longestMillis = 21 * dayMillis

/** When a request was last looked after, as text that sorts like the time. */
export const lastTurn = (record: RequestRecord): string => record.lastSyncedAt ?? record.updatedAt

/** Whether the results of an export are still to be copied. */
export const isUncopied = (record: RequestRecord): boolean =>
  record.type === "export" &&
  record.status === "completed" &&
  record.resultLocations === undefined &&
  record.failureReason === undefined

/**
 * What a request needs at `now` (epoch milliseconds), if anything. A request that is not sent is left alone for a while
 * after it was filed: its caller, or the fallback queue, is still at it. So is one that was compared lately.
 */
export const dutyOf = (record: RequestRecord, now: number, refreshMillis: number): Duty | undefined => {
  if (isUncopied(record)) return "copy"
  if (isUnsent(record.status)) {
    return record.leaseUntil <= now && now - Date.parse(record.submittedAt) >= refreshMillis ? "send" : undefined
  }
  if (hasEnded(record.status)) return undefined
  return now - Date.parse(lastTurn(record)) >= refreshMillis ? "refresh" : undefined
}

const isLate = (since: string, now: number, millis = graceMillis): boolean => now > Date.parse(since) + millis

/**
 * In what way a request is stuck at `now` (epoch milliseconds), if it is. Being in progress for weeks is none: erasures
 * take up to 21 days, and exports are run twice a week. What counts is mParticle's own time for it, and a day more.
 */
export const stuckIn = (record: RequestRecord, now: number): Stuck | undefined => {
  const { expectedCompletionTime, status, submittedAt } = record
  if (isUncopied(record)) return isLate(record.completedAt ?? record.updatedAt, now) ? "uncopied" : undefined
  if (hasEnded(status)) return undefined
  if (isUnsent(status)) return isLate(submittedAt, now) ? "unsent" : undefined
  if (expectedCompletionTime !== undefined) return isLate(expectedCompletionTime, now) ? "overdue" : undefined
  if (status === "submitted") return isLate(submittedAt, now) ? "unacknowledged" : undefined
  return isLate(submittedAt, now, longestMillis + graceMillis) ? "overdue" : undefined
}
