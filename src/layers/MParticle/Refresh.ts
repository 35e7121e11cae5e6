/** Comparing a record with mParticle's own, when nobody has for a while: a callback may have been lost. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { hasEnded, isUnsent, type RequestRecord } from "../../schemas/DataSubjectRequest.ts"
import type { UpstreamError } from "../../schemas/MParticleError.ts"
import { OpenDsr } from "../../services/OpenDsr.ts"
import { RequestStore, type StoreError } from "../../services/RequestStore.ts"
import type { Guards } from "./Guards.ts"
import { moveTo, note } from "./Observation.ts"
import { MParticleSettings } from "./Settings.ts"
import { personalIn } from "./Submission.ts"

/** Makes the comparison; when it cannot be made, the record stays as it is. */
export const make = (guards: Guards) =>
  Effect.gen(function* () {
    const store = yield* RequestStore
    const openDsr = yield* OpenDsr
    const settings = yield* MParticleSettings

    const compare = (record: RequestRecord): Effect.Effect<RequestRecord, UpstreamError | StoreError> =>
      Effect.gen(function* () {
        const state = yield* guards.call(openDsr.get(record.id, personalIn(record)), { retries: false })
        const at = new Date(yield* Clock.currentTimeMillis).toISOString()
        // An id that was never handed over is not known there: that is no news.
        if (Option.isNone(state) && isUnsent(record.status)) {
          yield* store.markSynced(record.id, at)
          return record
        }
        const moved = Option.isSome(state)
          ? yield* note(store, record, state.value)
          : yield* moveTo(store, record, "failed", { failureReason: "UNKNOWN_AT_PROCESSOR", lastSyncedAt: at })
        if (Option.isNone(moved)) return record
        if (!moved.value.changed) yield* store.markSynced(record.id, at)
        return moved.value.record
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
