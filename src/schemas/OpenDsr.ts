/** mParticle's DSR API v3 (OpenDSR) on the wire, and the mappings between its words and ours. */
import * as Schema from "effect/Schema"
import { RequestId, type Regulation, type RequestType, Timestamp } from "./DataSubjectRequest.ts"

/** `subject_request_type`. */
export const SubjectRequestType = Schema.Literal("erasure", "access")
export type SubjectRequestType = typeof SubjectRequestType.Type

/** OpenDSR's word for a request type. */
export const subjectRequestType: Readonly<Record<RequestType, SubjectRequestType>> = {
  delete: "erasure",
  export: "access"
}

/** OpenDSR's word for a regulation. */
export const regulationName: Readonly<Record<Regulation, "gdpr" | "ccpa">> = { GDPR: "gdpr", CCPA: "ccpa" }

const SubjectIdentity = Schema.Struct({ value: Schema.String, encoding: Schema.Literal("raw") })

/** Body of `POST /requests`. */
export const SubmitRequest = Schema.Struct({
  regulation: Schema.Literal("gdpr", "ccpa"),
  subject_request_id: Schema.String,
  subject_request_type: SubjectRequestType,
  submitted_time: Schema.String,
  subject_identities: Schema.Union(
    Schema.Struct({ controller_customer_id: SubjectIdentity }),
    Schema.Struct({ email: SubjectIdentity })
  ),
  api_version: Schema.Literal("3.0"),
  status_callback_urls: Schema.Array(Schema.String),
  group_id: Schema.String,
  extensions: Schema.Struct({
    "opendsr.mparticle.com": Schema.Struct({ skip_waiting_period: Schema.Boolean })
  })
})
export type SubmitRequest = typeof SubmitRequest.Type

/** What nothing depends on: a text is used, and anything else counts as left out. */
const Aside = Schema.transform(Schema.Unknown, Schema.UndefinedOr(Schema.String), {
  strict: true,
  decode: (value) => (typeof value === "string" ? value : undefined),
  encode: (text) => text
}).annotations({ jsonSchema: { description: "a text; anything else counts as left out" } })

/** mParticle's answer to an accepted request. `encoded_request` is left out on purpose: it must not be kept. */
export const SubmitAccepted = Schema.Struct({
  subject_request_id: Schema.String,
  expected_completion_time: Schema.optional(Aside),
  received_time: Schema.optional(Aside),
  controller_id: Schema.optional(Aside)
})
export type SubmitAccepted = typeof SubmitAccepted.Type

/** `request_status`. */
export const UpstreamStatus = Schema.Literal("pending", "in_progress", "completed", "cancelled")
export type UpstreamStatus = typeof UpstreamStatus.Type

/**
 * mParticle's answer to `GET /requests/{id}`, as far as we read it. It does not say what type the request is. A status may
 * be one that mParticle has not documented: the request is known there all the same.
 */
export const RequestState = Schema.Struct({
  subject_request_id: Schema.String,
  request_status: Schema.String,
  expected_completion_time: Schema.optional(Aside),
  controller_id: Schema.optional(Aside),
  results_url: Schema.optional(Schema.NullOr(Schema.String))
})
export type RequestState = typeof RequestState.Type

/** Whether a text is one of mParticle's statuses. */
export const isUpstreamStatus = Schema.is(UpstreamStatus)

/** The workspace that a callback is of, as it came: what is no id is nobody's, and must not count as left out. */
const Workspace = Schema.Unknown.annotations({
  jsonSchema: {
    description: "the workspace's id, a text or a number; null counts as left out, anything else as not ours"
  }
})

/**
 * Body of a callback. Only what decides is read strictly: samples differ in everything else, and a callback that is
 * not taken is lost. A status may be one that mParticle has not documented.
 */
export const Callback = Schema.Struct({
  subject_request_id: RequestId,
  request_status: Schema.String,
  expected_completion_time: Schema.optional(Aside),
  controller_id: Schema.optional(Workspace),
  results_url: Schema.optional(Schema.NullOr(Schema.String)),
  status_callback_url: Schema.optional(Aside)
})
export type Callback = typeof Callback.Type

/** What mParticle's status means for our record. A cancelled erasure has not happened, so it has failed. */
export const recordStatus: Readonly<Record<UpstreamStatus, "submitted" | "in_progress" | "completed" | "failed">> = {
  pending: "submitted",
  in_progress: "in_progress",
  completed: "completed",
  cancelled: "failed"
}

/** The error body of the DSR API; everything in it is optional because gateways in between answer as well. */
export const ErrorBody = Schema.Struct({
  message: Schema.optional(Schema.NullOr(Schema.String)),
  errors: Schema.optional(
    Schema.NullOr(Schema.Array(Schema.Struct({ message: Schema.optional(Schema.NullOr(Schema.String)) })))
  )
})
export type ErrorBody = typeof ErrorBody.Type

const isTimestamp = Schema.is(Timestamp)

/**
 * An instant of mParticle's as ISO 8601 UTC with milliseconds, undefined when it is not one. Samples come with
 * microseconds and without a zone: those are UTC, whatever zone the process runs in.
 */
export const timestampFrom = (text: string | null | undefined): string | undefined => {
  const match = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:?\d{2})?$/.exec(text ?? "")
  if (match === null) return undefined
  const millis = Date.parse(`${match[1]}.${(match[2] ?? "").slice(0, 3).padEnd(3, "0")}${match[3] ?? "Z"}`)
  const iso = Number.isNaN(millis) ? "" : new Date(millis).toISOString()
  // In another zone the last hours of 9999 are in a year of five digits: a record with that could not be read again.
  return isTimestamp(iso) ? iso : undefined
}
