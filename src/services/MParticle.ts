/** Data subject requests against mParticle: filed once, kept on record, followed to their end. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type {
  CorrelationId,
  Email,
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
  SubmissionFailed
} from "../schemas/MParticleError.ts"

/** One request to file. Its id follows from the correlation id, person and type, so a repetition is the same request. */
export interface Submission {
  readonly identityId: IdentityId
  readonly email: Email
  readonly type: RequestType
  readonly regulation: Regulation
  readonly correlationId: CorrelationId
}

/** Why a request was not filed. */
export type SubmitError = SubmissionFailed | IdempotencyConflict | DatabaseError | ConfigurationError

/** Why a request's record could not be had. */
export type FindError = RequestNotFound | DatabaseError | ConfigurationError

export interface MParticleShape {
  /** Files a request: on record first, then with mParticle. Answers the record as it stands afterwards. */
  readonly submit: (submission: Submission) => Effect.Effect<RequestRecord, SubmitError>
  /** The record of a request. */
  readonly find: (id: RequestId) => Effect.Effect<RequestRecord, FindError>
}

/** The MParticle service. */
export class MParticle extends Context.Tag("integration-services/services/MParticle")<MParticle, MParticleShape>() {}
