/** What the privacy orchestrator may ask of us: initiate a request, and where does it stand. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { InitiatePayload, InitiateSuccess, StatusPayload, StatusSuccess } from "../schemas/Baton.ts"
import type { IntegrationDisabled, ValidationError } from "../schemas/MParticleError.ts"
import type { FindError, SubmitError } from "./MParticle.ts"

/** Why an initiate was refused or failed. */
export type InitiateError = IntegrationDisabled | SubmitError

/** Why a status query was refused or failed. */
export type StatusError = IntegrationDisabled | FindError

/** Everything Baton may be told instead of a success. */
export type BatonError = InitiateError | StatusError | ValidationError

export interface BatonShape {
  readonly initiate: (payload: InitiatePayload) => Effect.Effect<InitiateSuccess, InitiateError>
  readonly status: (payload: StatusPayload) => Effect.Effect<StatusSuccess, StatusError>
}

/** The Baton service. */
export class Baton extends Context.Tag("integration-services/services/Baton")<Baton, BatonShape>() {}
