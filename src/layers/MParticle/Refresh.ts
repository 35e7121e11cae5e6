/** Comparing a record with mParticle's own, when nobody has for a while: a callback may have been lost. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { hasEnded, type RequestRecord } from "../../schemas/DataSubjectRequest.ts"
import * as Comparison from "./Comparison.ts"
import type { Guards } from "./Guards.ts"
import { MParticleSettings } from "./Settings.ts"

/** Makes the comparison; when it cannot be made, the record stays as it is. */
export const make = (guards: Guards) =>
  Effect.gen(function* () {
    const compare = yield* Comparison.make(guards)
    const settings = yield* MParticleSettings

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
