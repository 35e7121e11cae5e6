/** Events on their way to mParticle. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { CorrelationId } from "../schemas/DataSubjectRequest.ts"
import type { IncomingEvent } from "../schemas/Events.ts"
import type { EventsPartlyFailed, PayloadTooLarge, UpstreamError, ValidationError } from "../schemas/MParticleError.ts"

/** Why not all events are with mParticle. After the first two nothing was sent. */
export type EventsError = ValidationError | PayloadTooLarge | EventsPartlyFailed | UpstreamError

/** Hands events to mParticle. */
export interface EventsShape {
  /**
   * Hands all of them to mParticle and answers how many they are; fails when one of them was not accepted. The same
   * events under the same correlation id are the same call: however often it is made, mParticle counts each event once.
   */
  readonly process: (
    events: ReadonlyArray<IncomingEvent>,
    correlationId: CorrelationId
  ) => Effect.Effect<number, EventsError>
}

/** The service that takes events. */
export class Events extends Context.Tag("integration-services/services/Events")<Events, EventsShape>() {}
