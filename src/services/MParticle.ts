/** Data subject requests against mParticle: filed once, kept on record, followed to their end. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type {
  CorrelationId,
  Email,
  HttpRequestType,
  IdentityId,
  Regulation,
  RequestId,
  RequestRecord,
  RequestType
} from "../schemas/DataSubjectRequest.ts"
import type {
  ConfigurationError,
  DatabaseError,
  IdempotencyConflict,
  RequestNotFound,
  SubmissionFailed,
  UpstreamError,
  ValidationError
} from "../schemas/MParticleError.ts"
import type { Callback } from "../schemas/OpenDsr.ts"

/** One request to file. Its id follows from the correlation id, person and type, so a repetition is the same request. */
export interface Submission {
  readonly identityId: IdentityId
  readonly email?: Email
  readonly type: RequestType
  readonly regulation: Regulation
  readonly correlationId: CorrelationId
}

/** One request of a person who is known by the e-mail address alone. */
export interface EmailSubmission {
  readonly email: Email
  readonly submittedAs: HttpRequestType
  readonly type: RequestType
  readonly regulation: Regulation
  /** A repetition under the same key, for the same person and type, is the same request. */
  readonly idempotencyKey: string
}

/** What came of a callback: the record, and whether the results that it announced were copied. */
export interface Observed {
  readonly record: RequestRecord
  readonly results: "none" | "copied" | "failed"
}

/** Why a callback could not be written down. */
export type ObserveError = ValidationError | FindError

/** Why a request was not filed. */
export type SubmitError = SubmissionFailed | IdempotencyConflict | DatabaseError | ConfigurationError

/** Why a request's record could not be had. */
export type FindError = RequestNotFound | DatabaseError | ConfigurationError

/** Another process is sending the request right now. */
export class BeingSent extends Schema.TaggedError<BeingSent>()("BeingSent", { requestId: Schema.String }) {
  override get message(): string {
    return "Another process is sending this request"
  }
}

/** Why a request from the fallback queue has to come again. */
export type ResubmitError = UpstreamError | BeingSent | DatabaseError | ConfigurationError

/** Files requests with mParticle and follows them. */
export interface MParticleShape {
  /** Files a request: on record first, then with mParticle. Answers the record as it stands afterwards. */
  readonly submit: (submission: Submission) => Effect.Effect<RequestRecord, SubmitError>
  /** Files a request by e-mail address: on record it is kept under the address's keyed hash. */
  readonly submitForEmail: (submission: EmailSubmission) => Effect.Effect<RequestRecord, SubmitError>
  /**
   * Sends a request that waits in the fallback queue, once. Succeeds when there is nothing left to do for the message:
   * the request is sent, has come to an end, or is not on record.
   */
  readonly resubmit: (id: RequestId) => Effect.Effect<void, ResubmitError>
  /** The record of a request; one that is not at its end and was not compared with mParticle's lately is, first. */
  readonly find: (id: RequestId) => Effect.Effect<RequestRecord, FindError>
  /** Links to the results of a completed export; none where there are none, or none can be made now. */
  readonly downloadUrls: (record: RequestRecord) => Effect.Effect<ReadonlyArray<string>>
  /**
   * Writes down what an authenticated callback says: forward only, and the same however often it comes. Copies the
   * results that it announces while there is time for it.
   */
  readonly observe: (callback: Callback) => Effect.Effect<Observed, ObserveError>
}

/** The MParticle service. */
export class MParticle extends Context.Tag("integration-services/services/MParticle")<MParticle, MParticleShape>() {}
