/** Where requests wait that mParticle could not take. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { FallbackMessage } from "../schemas/FallbackMessage.ts"
import type { ConfigurationError, QueueUnavailable } from "../schemas/MParticleError.ts"

/** Takes requests for later. */
export interface FallbackQueueShape {
  /** Puts a request into the queue; it is in there when this succeeds. */
  readonly send: (message: FallbackMessage) => Effect.Effect<void, QueueUnavailable | ConfigurationError>
}

/** The fallback queue. */
export class FallbackQueue extends Context.Tag("integration-services/services/FallbackQueue")<
  FallbackQueue,
  FallbackQueueShape
>() {}
