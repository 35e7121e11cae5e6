/** One state change of a request in its audit trail: an append-only chain in which each entry vouches for the one before. */
import * as Schema from "effect/Schema"
import { RecordStatus, RequestId, Timestamp } from "./DataSubjectRequest.ts"

/** A state change. `hash` covers `previousHash` and every other field; there is no personal data in it. */
export const AuditEntry = Schema.Struct({
  requestId: RequestId,
  /** 1 for the claim, then one more for each change; the record's `version`. */
  sequence: Schema.Number,
  at: Timestamp,
  from: Schema.optionalWith(RecordStatus, { exact: true }),
  to: RecordStatus,
  reason: Schema.optionalWith(Schema.String, { exact: true }),
  previousHash: Schema.String,
  hash: Schema.String
})
export type AuditEntry = typeof AuditEntry.Type
