/** mParticle's DSR API as a raw client: its words, its bodies, one error per kind of failure, one attempt per call. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type { UpstreamError } from "../schemas/MParticleError.ts"
import type { RequestState, SubmitAccepted, SubmitRequest } from "../schemas/OpenDsr.ts"

/** The calls of the DSR API that we make, one attempt each. */
export interface OpenDsrShape {
  /** `POST /requests`. */
  readonly submit: (request: SubmitRequest) => Effect.Effect<SubmitAccepted, UpstreamError>
  /**
   * `GET /requests/{id}`; none when mParticle does not know the id. `personal` are the values of the person that must
   * not show in an error, since mParticle knows them too.
   */
  readonly get: (
    id: string,
    personal: ReadonlyArray<string>
  ) => Effect.Effect<Option.Option<RequestState>, UpstreamError>
}

/** mParticle's DSR API v3. */
export class OpenDsr extends Context.Tag("integration-services/services/OpenDsr")<OpenDsr, OpenDsrShape>() {}
