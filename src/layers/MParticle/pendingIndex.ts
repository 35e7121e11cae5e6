/** The keys of `PendingIndex`: an item has them while somebody has to look after its request. */
import type { RequestRecord } from "../../schemas/DataSubjectRequest.ts"

const shardCount = 4

/** The partitions of the index; a request is always in the same one. */
export const shards: ReadonlyArray<string> = Array.from({ length: shardCount }, (_, index) => String(index))

const shardOf = (id: string): string => {
  let sum = 0
  for (const character of id) sum += character.codePointAt(0) ?? 0
  return String(sum % shardCount)
}

/** The keys of a claimed request: what mParticle has given no time for is looked after first. */
export const pendingKeys = (record: Pick<RequestRecord, "id" | "submittedAt">) => ({
  pendingShard: shardOf(record.id),
  expectedCompletionTime: record.submittedAt
})

/** A record without the place-holder for a time that mParticle has not given. */
export const withoutPlaceholder = (record: RequestRecord): RequestRecord => {
  if (record.expectedCompletionTime !== record.submittedAt) return record
  const { expectedCompletionTime: _, ...rest } = record
  return rest
}

/** Whether nobody has to look after a request any more: it has ended, and an export's results are not missing. */
export const isSettled = (
  record: Pick<RequestRecord, "status" | "type" | "resultLocations" | "failureReason">
): boolean =>
  record.status === "failed" ||
  (record.status === "completed" &&
    (record.type === "delete" || record.resultLocations !== undefined || record.failureReason !== undefined))
