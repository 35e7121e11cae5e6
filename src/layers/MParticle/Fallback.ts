/** What becomes of a request that mParticle, or the store after it, cannot take now: it waits in the fallback queue. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { RequestRecord } from "../../schemas/DataSubjectRequest.ts"
import type { FallbackMessage } from "../../schemas/FallbackMessage.ts"
import { type DatabaseError, SubmissionFailed, type UpstreamError } from "../../schemas/MParticleError.ts"
import { Alerts } from "../../services/Alerts.ts"
import { Correlation } from "../../services/Correlation.ts"
import { FallbackQueue } from "../../services/FallbackQueue.ts"
import * as Metrics from "../../services/Metrics.ts"
import { RequestStore, type StoreError } from "../../services/RequestStore.ts"

/** The two ways into the queue. */
export const make = Effect.gen(function* () {
  const store = yield* RequestStore
  const queue = yield* FallbackQueue
  const alerts = yield* Alerts

  const message = (record: RequestRecord, error: UpstreamError | DatabaseError): Effect.Effect<FallbackMessage> =>
    Effect.gen(function* () {
      return {
        type: "DSR_RETRY",
        schemaVersion: 1,
        payload: { requestId: record.id },
        originalError: {
          code: error.code,
          ...(error._tag === "MParticleApiError" && error.status !== undefined ? { status: error.status } : {})
        },
        correlationId: yield* Correlation,
        firstFailedAt: new Date(yield* Clock.currentTimeMillis).toISOString(),
        attempt: 1
      }
    })

  /**
   * mParticle has the request and the store cannot be told. The queue's consumer will find it at mParticle and write it
   * down; without the queue the caller has to come again, which finds it just the same.
   */
  const noteLater = (record: RequestRecord, error: StoreError) =>
    Effect.flatMap(message(record, error), queue.send).pipe(
      Effect.mapError(() => error),
      Effect.as(Option.some({ record: { ...record, status: "submitted" as const }, changed: false }))
    )

  /** mParticle is out: the request waits in the queue. Nothing that fails after it is in there concerns the caller. */
  const fallBack = (
    record: RequestRecord,
    owner: string,
    error: UpstreamError
  ): Effect.Effect<RequestRecord, SubmissionFailed> =>
    Effect.gen(function* () {
      const failed = new SubmissionFailed({ requestId: record.id, upstream: error })
      yield* Effect.flatMap(message(record, error), queue.send).pipe(
        Effect.tapError((cause) => Effect.logError("the fallback queue did not take a request", Cause.fail(cause))),
        Effect.tapError(() => Effect.ignoreLogged(store.release(record.id, owner))),
        Effect.mapError(() => failed)
      )
      yield* Metrics.count("FallbackQueued")
      const noted = yield* store.transition(record, "queued").pipe(
        Effect.tap(() => store.release(record.id, owner)),
        Effect.catchAll((cause) =>
          Effect.as(Effect.logWarning("a queued request is not marked so", Cause.fail(cause)), Option.none())
        )
      )
      yield* alerts
        .raise({
          severity: "HIGH",
          subject: "mparticle-degraded",
          message: "mParticle service degraded, using fallback queue",
          context: { dsrRequestId: record.id, code: error.code }
        })
        .pipe(Effect.catchAllCause((cause) => Effect.logWarning("an alert was not raised", cause)))
      return Option.match(noted, {
        onNone: (): RequestRecord => ({ ...record, status: "queued" }),
        onSome: (current) => current.record
      })
    })

  return { fallBack, noteLater }
})
