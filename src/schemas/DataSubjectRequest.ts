/**
 * The one internal model of a data subject request, and the total mappings between it and the words of
 * Baton (delete/export, GDPR/CCPA) and OpenDSR (erasure/access, gdpr/ccpa).
 */
import * as Schema from "effect/Schema"

/** Id of a request: mParticle's `subject_request_id`. Ids that we create are lower-case UUIDs of version 4. */
export const RequestId = Schema.String.pipe(
  Schema.pattern(/^[A-Za-z0-9_-]{1,128}$/, {
    description: "1 to 128 letters, digits, hyphens or underscores"
  }),
  Schema.brand("RequestId")
)
export type RequestId = typeof RequestId.Type

/** A text that names something: not blank, not endless, and well-formed Unicode, so that it can be hashed and sent. */
const isName = (text: string): boolean => text.trim().length > 0 && text.length <= 256 && text.isWellFormed()

/** JSON Schema counts code points and knows no ill-formed text: there it takes a little more. */
const name = {
  description: "a non-blank text of at most 256 characters",
  jsonSchema: { maxLength: 256, pattern: "\\S" }
}

/** Guardian's id of a person; mParticle's `controller_customer_id`. */
export const IdentityId = Schema.String.pipe(Schema.filter(isName, name), Schema.brand("IdentityId"))
export type IdentityId = typeof IdentityId.Type

/** Ties the steps of one workflow together; chosen by the caller, generated where the caller gives none. */
export const CorrelationId = Schema.String.pipe(Schema.filter(isName, name), Schema.brand("CorrelationId"))
export type CorrelationId = typeof CorrelationId.Type

const addressPattern =
  /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)+$/

/** An e-mail address as the HTML standard defines a valid one, with a dotted domain and at most 254 characters. */
export const Email = Schema.String.pipe(
  Schema.filter((text) => text.length <= 254 && addressPattern.test(text), {
    description: "an e-mail address of at most 254 characters",
    jsonSchema: { maxLength: 254, pattern: addressPattern.source }
  }),
  Schema.brand("Email")
)
export type Email = typeof Email.Type

/** What the person asked for. */
export const RequestType = Schema.Literal("delete", "export")
export type RequestType = typeof RequestType.Type

/** What the person asked for in the words of the HTTP API: an erasure may name its law. */
export const HttpRequestType = Schema.Literal("delete", "ccpa_delete", "gdpr_delete", "export")
export type HttpRequestType = typeof HttpRequestType.Type

/** The law under which the person asked. */
export const Regulation = Schema.Literal("GDPR", "CCPA")
export type Regulation = typeof Regulation.Type

/**
 * Where a request stands, in the only direction it can move:
 * `received` (claimed, not yet sent), `queued` (waits in the fallback queue), `submitted` (with mParticle),
 * `in_progress`, and the two ends `completed` and `failed`.
 */
export const RecordStatus = Schema.Literal("received", "queued", "submitted", "in_progress", "completed", "failed")
export type RecordStatus = typeof RecordStatus.Type

/** The order of the statuses: a request only ever moves to a higher rank. Both ends share the last. */
export const statusRank: Readonly<Record<RecordStatus, number>> = {
  received: 0,
  queued: 1,
  submitted: 2,
  in_progress: 3,
  completed: 4,
  failed: 4
}

/**
 * Where a request stands, as a caller sees it: `queued` (on record, not yet with mParticle), `submitted` (with mParticle),
 * `in_progress`, and the two ends `completed` and `failed`.
 */
export const PublicStatus = Schema.Literal("queued", "submitted", "in_progress", "completed", "failed")
export type PublicStatus = typeof PublicStatus.Type

/** The status as a caller sees it: `received` shows as `queued`, since it has not been forwarded either. */
export const publicStatus = (status: RecordStatus): PublicStatus => (status === "received" ? "queued" : status)

/** An instant as ISO 8601 text in UTC with milliseconds. */
export const Timestamp = Schema.String.pipe(
  Schema.pattern(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/, { description: "an ISO 8601 instant in UTC" })
)

/**
 * A request as the table holds it. `expiresAt` is in epoch seconds (the table's TTL attribute). `fingerprint` tells two
 * different requests under one correlation id apart. `claimOwner` may send the request until `leaseUntil` (epoch
 * milliseconds). `version` counts the state changes, `auditHash` is the head of their chain.
 */
export const RequestRecord = Schema.Struct({
  id: RequestId,
  identityId: IdentityId,
  email: Schema.optionalWith(Schema.String, { exact: true }),
  type: RequestType,
  regulation: Regulation,
  status: RecordStatus,
  statusRank: Schema.Number,
  submittedAt: Timestamp,
  updatedAt: Timestamp,
  expiresAt: Schema.Number,
  version: Schema.Number,
  auditHash: Schema.String,
  fingerprint: Schema.String,
  correlationId: CorrelationId,
  claimOwner: Schema.String,
  leaseUntil: Schema.Number,
  completedAt: Schema.optionalWith(Timestamp, { exact: true }),
  expectedCompletionTime: Schema.optionalWith(Timestamp, { exact: true }),
  controllerId: Schema.optionalWith(Schema.String, { exact: true }),
  failureReason: Schema.optionalWith(Schema.String, { exact: true }),
  failureStatus: Schema.optionalWith(Schema.Number, { exact: true }),
  failureMessage: Schema.optionalWith(Schema.String, { exact: true }),
  lastSyncedAt: Schema.optionalWith(Timestamp, { exact: true }),
  /** The type in the words of the HTTP API; only for requests that came that way, which name a person by e-mail. */
  submittedAs: Schema.optionalWith(HttpRequestType, { exact: true }),
  /** `s3://` locations of a completed export; empty when mParticle had nothing on the person. */
  resultLocations: Schema.optionalWith(Schema.Array(Schema.String), { exact: true })
})
export type RequestRecord = typeof RequestRecord.Type

/** Whether a request has come to its end; an end never changes. */
export const hasEnded = (status: RecordStatus): boolean => status === "completed" || status === "failed"

/** Whether a request is on record but not with mParticle yet. */
export const isUnsent = (status: RecordStatus): boolean => status === "received" || status === "queued"
