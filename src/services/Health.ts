/** Whether what the service stands on answers. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"

/** The parts by their names in the answer; true where one answers. */
export interface HealthChecks {
  readonly mparticle: boolean
  readonly dynamodb: boolean
  readonly parameterStore: boolean
}

/** Looks at the parts. */
export interface HealthShape {
  /** All parts at once; a part that does not answer in time does not answer. What was seen is kept for a second. */
  readonly check: Effect.Effect<HealthChecks>
}

/** The service's health. */
export class Health extends Context.Tag("integration-services/services/Health")<Health, HealthShape>() {}
