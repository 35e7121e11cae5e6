/**
 * The flat dialect of Baton's family of functions, without an envelope: RER is an erasure, SAR an access request.
 * The answer to a flat request is flat; an error is the same in both dialects.
 */
import * as Schema from "effect/Schema"
import { BatonFailure } from "./Baton.ts"
import { versioned } from "./ContractVersion.ts"
import { Email, IdentityId, RequestId } from "./DataSubjectRequest.ts"

const rer = { requestType: Schema.Literal("RER"), dataProvider: Schema.Literal("mparticlerer") }
const sar = { requestType: Schema.Literal("SAR"), dataProvider: Schema.Literal("mparticlesar") }

const initiate = {
  action: Schema.Literal("initiate"),
  subjectId: IdentityId,
  subjectEmail: Schema.optionalWith(Email, { nullable: true })
}
const status = { action: Schema.Literal("status"), initiationReference: RequestId }

/** Files an erasure (`RER`) or an access request (`SAR`) for one person. */
export const FlatInitiate = Schema.Union(Schema.Struct({ ...rer, ...initiate }), Schema.Struct({ ...sar, ...initiate }))
export type FlatInitiate = typeof FlatInitiate.Type

/**
 * Asks where a request stands, by the reference that its initiation answered. An erasure's query does not know the
 * reference of an access request (`REQUEST_NOT_FOUND`), nor the other way round.
 */
export const FlatStatus = Schema.Union(Schema.Struct({ ...rer, ...status }), Schema.Struct({ ...sar, ...status }))
export type FlatStatus = typeof FlatStatus.Type

/** Anything the flat dialect may send. Unknown keys are ignored. */
export const FlatRequest = Schema.Union(FlatInitiate, FlatStatus)
export type FlatRequest = typeof FlatRequest.Type

/** The three states that the flat dialect knows. */
export const FlatState = Schema.Literal("pending", "completed", "failed")
export type FlatState = typeof FlatState.Type

/** The answer to an initiation. */
export const FlatInitiated = Schema.Struct({
  ...versioned,
  requestType: Schema.Literal("RER", "SAR"),
  action: Schema.Literal("initiate"),
  dataProvider: Schema.Literal("mparticlerer", "mparticlesar"),
  status: FlatState,
  initiationReference: RequestId,
  message: Schema.String
})
export type FlatInitiated = typeof FlatInitiated.Type

/** The answer to a status query. */
export const FlatStanding = Schema.Struct({
  ...versioned,
  requestType: Schema.Literal("RER", "SAR"),
  action: Schema.Literal("status"),
  dataProvider: Schema.Literal("mparticlerer", "mparticlesar"),
  status: FlatState,
  message: Schema.String,
  /** Only for a completed access request. */
  resultLocations: Schema.optionalWith(Schema.Array(Schema.String), { exact: true })
})
export type FlatStanding = typeof FlatStanding.Type

/** Anything the flat dialect may be answered. */
export const FlatResponse = Schema.Union(FlatInitiated, FlatStanding, BatonFailure)
export type FlatResponse = typeof FlatResponse.Type
