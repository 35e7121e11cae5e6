/** Records as the store has them, and the times around them. */
import * as Effect from "effect/Effect"
import {
  CorrelationId,
  IdentityId,
  RequestId,
  type RequestRecord,
  statusRank
} from "../../src/schemas/DataSubjectRequest.ts"
import { MemoryStore } from "./memoryStore.ts"

/** Noon of the day on which these tests happen, in epoch milliseconds. */
export const noon = Date.UTC(2024, 0, 15, 12)

const dayMillis = 86_400_000

/** This many days before noon, as text. */
export const daysAgo = (days: number): string => new Date(noon - days * dayMillis).toISOString()

/** This many minutes before noon, as text. */
export const minutesAgo = (minutes: number): string => daysAgo(minutes / 1_440)

let serial = 0

/** A record as the store has it, of a person of its own, filed two days before noon and with mParticle since. */
export const recordWith = (overrides: Partial<RequestRecord> = {}): RequestRecord => {
  serial += 1
  const submittedAt = overrides.submittedAt ?? daysAgo(2)
  const status = overrides.status ?? "submitted"
  const isWithMParticle = status !== "received" && status !== "queued"
  return {
    id: RequestId.make(`request-${String(serial).padStart(6, "0")}`),
    identityId: IdentityId.make(`guardian-user-${serial}`),
    email: "user@example.com",
    type: "delete",
    regulation: "GDPR",
    submittedAt,
    updatedAt: submittedAt,
    expiresAt: noon / 1000 + 80 * 86_400,
    version: 2,
    auditHash: "0".repeat(64),
    fingerprint: "f",
    correlationId: CorrelationId.make(`workflow-${serial}`),
    claimOwner: "owner-1",
    leaseUntil: 0,
    ...(isWithMParticle ? { expectedCompletionTime: daysAgo(-12) } : {}),
    ...overrides,
    status,
    statusRank: statusRank[status]
  }
}

/** Puts records into the store, and answers them. */
export const onRecord = (...records: ReadonlyArray<RequestRecord>) =>
  Effect.map(MemoryStore, (memory) => {
    for (const record of records) memory.records.set(record.id, record)
    return records
  })
