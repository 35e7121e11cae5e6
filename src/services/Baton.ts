/** What the privacy orchestrator may ask of us, in either dialect: initiate a request, and where does it stand. */
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
import type { IntegrationDisabled, ValidationError } from "../schemas/MParticleError.ts"
import type { FindError, SubmitError } from "./MParticle.ts"

/** One request to initiate; both dialects come down to this. */
export interface Initiation {
  readonly identityId: IdentityId
  readonly email?: Email | undefined
  readonly requestType: RequestType
  readonly regulation: Regulation
  readonly correlationId: CorrelationId
}

/** Where a request stands, with links to the results of a completed export. */
export interface Standing {
  readonly record: RequestRecord
  readonly downloadUrls: ReadonlyArray<string>
}

/** Why an initiate was refused or failed. */
export type InitiateError = IntegrationDisabled | ValidationError | SubmitError

/** Why a status query was refused or failed. */
export type StatusError = IntegrationDisabled | FindError

/** Everything Baton may be told instead of a success. */
export type BatonError = InitiateError | StatusError

/** Answers the orchestrator. */
export interface BatonShape {
  /** Fails while the integration is switched off; asked before an event is even read. */
  readonly enabled: Effect.Effect<void, IntegrationDisabled>
  /** Files a request; the record as it stands afterwards. */
  readonly initiate: (initiation: Initiation) => Effect.Effect<RequestRecord, InitiateError>
  /** The record of a request; `asked` is the correlation id of the query, where it has one. */
  readonly status: (id: RequestId, asked?: CorrelationId) => Effect.Effect<Standing, StatusError>
}

/** The Baton service. */
export class Baton extends Context.Tag("integration-services/services/Baton")<Baton, BatonShape>() {}
