/** The audit trail of a request: making its entries, and checking that none was changed, lost or added. */
import { createHash } from "node:crypto"
import type { AuditEntry } from "../../schemas/AuditEntry.ts"

type Unhashed = Omit<AuditEntry, "hash">

/** What the first entry names as the one before it. */
export const genesis = "0".repeat(64)

const hashOf = (entry: Unhashed): string =>
  createHash("sha256")
    .update(
      JSON.stringify([
        entry.previousHash,
        entry.requestId,
        entry.sequence,
        entry.at,
        entry.from ?? null,
        entry.to,
        entry.reason ?? null
      ])
    )
    .digest("hex")

/** The entry with its hash. */
export const sealed = (entry: Unhashed): AuditEntry => ({ ...entry, hash: hashOf(entry) })

/**
 * Whether these are all entries of one request, in order and unchanged, up to the given head (the record's `auditHash`).
 * Answers the sequence of the first entry that is not right, or undefined when the chain is whole.
 */
export const firstBroken = (entries: ReadonlyArray<AuditEntry>, head: string): number | undefined => {
  let previous = genesis
  for (const [index, entry] of entries.entries()) {
    const right =
      entry.sequence === index + 1 &&
      entry.requestId === entries[0]?.requestId &&
      entry.previousHash === previous &&
      entry.hash === hashOf(entry)
    if (!right) return index + 1
    previous = entry.hash
  }
  return previous === head ? undefined : entries.length + 1
}
