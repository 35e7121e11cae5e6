/** {@link Baton} over MParticle. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { InitiatePayload, InitiateSuccess, StatusPayload, StatusSuccess } from "../schemas/Baton.ts"
import { CorrelationId, publicStatus } from "../schemas/DataSubjectRequest.ts"
import { IntegrationDisabled } from "../schemas/MParticleError.ts"
import { Baton, type BatonShape, type InitiateError, type StatusError } from "../services/Baton.ts"
import { Correlation } from "../services/Correlation.ts"
import { within } from "../services/Deadline.ts"
import * as Metrics from "../services/Metrics.ts"
import { MParticle } from "../services/MParticle.ts"
import { trace } from "../services/Trace.ts"
import { MParticleSettings } from "./MParticle/Settings.ts"

const timestamp = Effect.map(Clock.currentTimeMillis, (now) => new Date(now).toISOString())

/** The correlation id in force: the handler has taken it from the request or made one. */
const correlationId = Effect.map(Correlation, (id) => CorrelationId.make(id))

/** The service over MParticle. */
export const make: Effect.Effect<BatonShape, never, MParticle | MParticleSettings> = Effect.gen(function* () {
  const mparticle = yield* MParticle
  const settings = yield* MParticleSettings
  const enabled = settings.batonEnabled ? Effect.void : Effect.fail(new IntegrationDisabled())

  const initiate = Effect.fnUntraced(
    function* (payload: InitiatePayload): Effect.fn.Return<InitiateSuccess, InitiateError> {
      yield* Metrics.count("BatonRequestsReceived")
      yield* enabled
      const id = yield* correlationId
      const record = yield* mparticle.submit({
        identityId: payload.identityId,
        email: payload.email,
        type: payload.requestType,
        regulation: payload.regulation,
        correlationId: id
      })
      return {
        success: true,
        mparticleRequestId: record.id,
        status: publicStatus(record.status),
        correlationId: id,
        timestamp: yield* timestamp
      }
    },
    trace("batonInitiate"),
    within(settings.batonTimeoutMillis),
    Effect.tapError(() => Metrics.count("BatonRequestsFailed"))
  )

  const status = Effect.fnUntraced(function* (payload: StatusPayload): Effect.fn.Return<StatusSuccess, StatusError> {
    yield* enabled
    const record = yield* mparticle.find(payload.mparticleRequestId)
    return {
      success: true,
      mparticleRequestId: record.id,
      status: publicStatus(record.status),
      correlationId: payload.correlationId ?? record.correlationId,
      ...(record.status === "completed" && record.completedAt !== undefined ? { completedAt: record.completedAt } : {}),
      timestamp: yield* timestamp
    }
  }, trace("batonStatus"))

  return { initiate, status }
})

/** {@link Baton} over MParticle. */
export const layer: Layer.Layer<Baton, never, MParticle | MParticleSettings> = Layer.effect(Baton, make)
