/** Comparing a record with mParticle's own, and writing down what has changed. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { isUnsent, type RequestRecord } from "../../schemas/DataSubjectRequest.ts"
import type { UpstreamError } from "../../schemas/MParticleError.ts"
import { OpenDsr } from "../../services/OpenDsr.ts"
import { RequestStore, type StoreError } from "../../services/RequestStore.ts"
import type { Guards } from "./Guards.ts"
import * as Observation from "./Observation.ts"
import { personalIn } from "./Submission.ts"

/** Makes comparisons, one call to mParticle each; what cannot be made is the caller's to deal with. */
export const make = (guards: Guards) =>
  Effect.gen(function* () {
    const store = yield* RequestStore
    const openDsr = yield* OpenDsr
    const { moveTo, note } = yield* Observation.make

    return (record: RequestRecord): Effect.Effect<RequestRecord, UpstreamError | StoreError> =>
      Effect.gen(function* () {
        const state = yield* guards.call(openDsr.get(record.id, personalIn(record)), { retries: false })
        const at = new Date(yield* Clock.currentTimeMillis).toISOString()
        // An id that was never handed over is not known there: that is no news.
        if (Option.isNone(state) && isUnsent(record.status)) {
          yield* store.markSynced(record.id, at)
          return record
        }
        const moved = Option.isSome(state)
          ? yield* note(record, state.value)
          : yield* moveTo(record, "failed", { failureReason: "UNKNOWN_AT_PROCESSOR", lastSyncedAt: at })
        if (Option.isNone(moved)) return record
        if (!moved.value.changed) yield* store.markSynced(record.id, at)
        return moved.value.record
      })
  })
