/** mParticle's DSR API as a raw client: its words, its bodies, one error per kind of failure. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { UpstreamError } from "../schemas/MParticleError.ts"
import type { SubmitAccepted, SubmitRequest } from "../schemas/OpenDsr.ts"

export interface OpenDsrShape {
  /** `POST /requests`, once, within five seconds. */
  readonly submit: (request: SubmitRequest) => Effect.Effect<SubmitAccepted, UpstreamError>
}

/** mParticle's DSR API v3. */
export class OpenDsr extends Context.Tag("integration-services/services/OpenDsr")<OpenDsr, OpenDsrShape>() {}
