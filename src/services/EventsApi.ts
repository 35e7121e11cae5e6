/** mParticle's Events API as a raw client. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { Batch } from "../schemas/EventsApi.ts"
import type { UpstreamError } from "../schemas/MParticleError.ts"

/** The one call that we make of it. */
export interface EventsApiShape {
  /** `POST /events` with one batch, one attempt. */
  readonly upload: (batch: Batch) => Effect.Effect<void, UpstreamError>
}

/** mParticle's Events API v2. */
export class EventsApi extends Context.Tag("integration-services/services/EventsApi")<EventsApi, EventsApiShape>() {}
