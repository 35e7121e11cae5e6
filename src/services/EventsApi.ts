/** mParticle's Events API as a raw client. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { ExclusionBatch } from "../schemas/EventsApi.ts"
import type { UpstreamError } from "../schemas/MParticleError.ts"

export interface EventsApiShape {
  /** `POST /events` with one user's batch, one attempt. */
  readonly upload: (batch: ExclusionBatch) => Effect.Effect<void, UpstreamError>
}

/** mParticle's Events API v2. */
export class EventsApi extends Context.Tag("integration-services/services/EventsApi")<EventsApi, EventsApiShape>() {}
