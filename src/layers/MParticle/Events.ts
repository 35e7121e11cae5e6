/** {@link Events}: the batches of a call, a few at a time, each behind the breaker of mParticle's Events API. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import type { EventBatch } from "../../schemas/EventsApi.ts"
import { EventsPartlyFailed, retryAfterSecondsOf, type UpstreamError } from "../../schemas/MParticleError.ts"
import { CallTimeout } from "../../schemas/ResilienceError.ts"
import { remainingMillis, within } from "../../services/Deadline.ts"
import { Events, type EventsShape } from "../../services/Events.ts"
import { EventsApi } from "../../services/EventsApi.ts"
import * as Metrics from "../../services/Metrics.ts"
import * as EventBatches from "../../services/MParticle/EventBatches.ts"
import { CircuitBreakers } from "../../services/Resilience/CircuitBreaker.ts"
import * as Retry from "../../services/Resilience/Retry.ts"
import * as Schedules from "../../services/Resilience/Schedules.ts"
import { trace } from "../../services/Trace.ts"
import { upstream } from "./EventsApi.ts"
import { isOutage, isTransient } from "./Guards.ts"
import { uuidOf } from "./hashing.ts"
import { MParticleSettings } from "./Settings.ts"

/** Key of the breaker around the Events API. */
export const breakerKey = "mparticle-events"

const maxConcurrentBatches = 4
/** Kept back from the caller's time for saying what was accepted. */
const answerReserveMillis = 500
/** In less time a batch is not begun: its end would say nothing about mParticle. */
const leastMillis = 500

const retryAfterMillis = (error: UpstreamError): number | undefined => {
  const seconds = retryAfterSecondsOf(error)
  return seconds === undefined ? undefined : seconds * 1000
}

/** Whether mParticle would say the same to every other batch. */
const concernsAll = (error: UpstreamError): boolean =>
  error._tag === "ConfigurationError" ||
  (error._tag === "MParticleApiError" && (error.status === 401 || error.status === 403))

/** The more a caller should know of an error, the more it weighs: that nothing will help, else how long to wait. */
const weightOf = (error: UpstreamError): number =>
  error.retryable ? (retryAfterSecondsOf(error) ?? 0) : Number.POSITIVE_INFINITY

const eventsIn = (batches: ReadonlyArray<EventBatch>): number =>
  batches.reduce((count, { events }) => count + events.length, 0)

const count = (value: number, Success: "true" | "false"): Effect.Effect<void> =>
  value === 0 ? Effect.void : Metrics.count("EventsProcessed", { Success }, value)

/** The service over mParticle's Events API. */
export const make: Effect.Effect<EventsShape, never, EventsApi | CircuitBreakers | MParticleSettings> = Effect.gen(
  function* () {
    const api = yield* EventsApi
    const { stage } = yield* MParticleSettings
    const breaker = yield* Effect.flatMap(CircuitBreakers, (breakers) => breakers.get(breakerKey))
    const budget = yield* Retry.makeBudget()

    /** One batch with its retries, as long as there is time. */
    const upload = (batch: EventBatch, givenMillis: number): Effect.Effect<void, UpstreamError> =>
      Effect.flatMap(remainingMillis, (left) =>
        left < leastMillis
          ? Effect.fail(new CallTimeout({ upstream, milliseconds: givenMillis }))
          : breaker.protect(api.upload(batch), { isFailure: isOutage, retryAfterMillis })
      ).pipe(Retry.retry({ schedule: Schedules.mparticle, while: isTransient, retryAfterMillis, budget }))

    const sendAll = (batches: ReadonlyArray<EventBatch>) =>
      Effect.gen(function* () {
        const givenMillis = yield* remainingMillis
        const stopped = yield* Ref.make(Option.none<UpstreamError>())
        const send = (batch: EventBatch) =>
          Effect.flatMap(
            Ref.get(stopped),
            Option.match({
              onNone: () => upload(batch, givenMillis),
              onSome: (error) => Effect.fail(error)
            })
          ).pipe(
            Effect.tapError((error) => (concernsAll(error) ? Ref.set(stopped, Option.some(error)) : Effect.void)),
            Effect.as(batch)
          )
        const [errors, done] = yield* Effect.partition(batches, send, { concurrency: maxConcurrentBatches })
        const accepted = eventsIn(done)
        const failed = eventsIn(batches) - accepted
        yield* count(accepted, "true")
        yield* count(failed, "false")
        const [first, ...others] = errors
        if (first === undefined) return accepted
        const cause = others.reduce((worst, error) => (weightOf(error) > weightOf(worst) ? error : worst), first)
        return yield* Effect.fail(
          accepted === 0 ? cause : new EventsPartlyFailed({ accepted, failed, upstream: cause })
        )
      })

    return {
      process: Effect.fnUntraced(function* (events, correlationId) {
        const batches = yield* EventBatches.make(events, {
          correlationId,
          environment: stage === "PROD" ? "production" : "development",
          uuidOf
        })
        const left = yield* remainingMillis
        const sent = trace("eventsProcess")(sendAll(batches))
        return yield* Number.isFinite(left) ? within(left - answerReserveMillis)(sent) : sent
      })
    }
  }
)

/** {@link Events} over mParticle's Events API. */
export const layer: Layer.Layer<Events, never, EventsApi | CircuitBreakers | MParticleSettings> = Layer.effect(
  Events,
  make
)
