/** Comparing a record with mParticle's own, when nobody has for a while: a callback may have been lost. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { hasEnded, isUnsent, type RequestRecord } from "../../schemas/DataSubjectRequest.ts"
import type { UpstreamError } from "../../schemas/MParticleError.ts"
import { recordStatus, type RequestState } from "../../schemas/OpenDsr.ts"
import { OpenDsr } from "../../services/OpenDsr.ts"
import { RequestStore, type StoreError, type TransitionFacts } from "../../services/RequestStore.ts"
import * as Metrics from "../../services/Metrics.ts"
import type { Guards } from "./Guards.ts"
import { MParticleSettings } from "./Settings.ts"
import { factsFrom } from "./Submission.ts"

/** Makes the comparison; when it cannot be made, the record stays as it is. */
export const make = (guards: Guards) =>
  Effect.gen(function* () {
    const store = yield* RequestStore
    const openDsr = yield* OpenDsr
    const settings = yield* MParticleSettings

    const move = (
      record: RequestRecord,
      to: "submitted" | "in_progress" | "completed" | "failed",
      facts: TransitionFacts
    ) =>
      Effect.gen(function* () {
        const moved = yield* store.transition(record, to, facts)
        if (Option.isNone(moved)) return record
        if (moved.value.changed && to === "completed") yield* Metrics.count("BatonRequestsCompleted")
        if (moved.value.changed && to === "failed") yield* Metrics.count("BatonRequestsFailed")
        return moved.value.record
      })

    const apply = (record: RequestRecord, state: RequestState, at: string) => {
      const to = recordStatus[state.request_status]
      return move(record, to, {
        ...factsFrom(state),
        lastSyncedAt: at,
        ...(to === "completed" ? { completedAt: at } : {}),
        ...(to === "failed" ? { failureReason: "CANCELLED" } : {})
      })
    }

    const compare = (record: RequestRecord): Effect.Effect<RequestRecord, UpstreamError | StoreError> =>
      Effect.gen(function* () {
        const state = yield* guards.call(openDsr.get(record.id), { retries: false })
        const at = new Date(yield* Clock.currentTimeMillis).toISOString()
        if (Option.isSome(state)) {
          const current = yield* apply(record, state.value, at)
          if (current.version === record.version) yield* store.markSynced(record.id, at)
          return current
        }
        // An id that was never handed over is not known there: that is no news.
        return isUnsent(record.status)
          ? record
          : yield* move(record, "failed", { failureReason: "UNKNOWN_AT_PROCESSOR", lastSyncedAt: at })
      })

    return (record: RequestRecord): Effect.Effect<RequestRecord> =>
      Effect.gen(function* () {
        if (hasEnded(record.status)) return record
        const syncedAt = Date.parse(record.lastSyncedAt ?? record.updatedAt)
        if ((yield* Clock.currentTimeMillis) - syncedAt < settings.statusRefreshMillis) return record
        return yield* compare(record).pipe(
          Effect.catchAll((error) =>
            Effect.as(Effect.logWarning(`the status was not refreshed: ${error.message}`), record)
          )
        )
      })
  })
