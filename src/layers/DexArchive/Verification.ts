/** {@link DexVerification}: every client of a day against the object that should be there (contract Decision 8). */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { BackfillEvent, ClientId, Gap, TriggerDate, VerifySummary } from "../../schemas/DexArchive.ts"
import { remainingMillis } from "../../services/Deadline.ts"
import { DexVerification, type DexVerificationShape, type VerifyError } from "../../services/DexArchive.ts"
import { archiveKey } from "../../services/DexArchive/ArchiveKey.ts"
import { between } from "../../services/DexArchive/TriggerDates.ts"
import * as Metrics from "../../services/Metrics.ts"
import type { Inspection, TriggerArchiveShape } from "../../services/TriggerArchive.ts"
import { DexGround } from "./Ground.ts"

/** No day is begun with less time left than this. */
const reserveMillis = 45_000

/** A day that is still being looked at then is left for the next time, so that the summary gets out. */
const answerMillis = 5_000

interface Day {
  readonly date: TriggerDate
  readonly missing: ReadonlyArray<ClientId>
  readonly altered: ReadonlyArray<ClientId>
}

const gapsOf = (days: ReadonlyArray<Day>, kind: "missing" | "altered"): ReadonlyArray<Gap> =>
  days.flatMap((day) =>
    day[kind].map((id) => ({ client_id: id, trigger_date: day.date, key: archiveKey(id, day.date) }))
  )

const backfillOf = (days: ReadonlyArray<Day>): ReadonlyArray<BackfillEvent> =>
  days.flatMap(({ altered, date, missing }) =>
    missing.length + altered.length === 0 ? [] : [{ triggerDate: date, clientIds: [...missing, ...altered] }]
  )

const verifyDay = (
  date: TriggerDate,
  ids: ReadonlyArray<ClientId>,
  archive: TriggerArchiveShape,
  concurrency: number
) =>
  Effect.map(
    Effect.forEach(ids, (id) => archive.inspect(id, date), { concurrency }),
    (found): Day => {
      const which = (kind: Inspection): ReadonlyArray<ClientId> => ids.filter((_, index) => found[index] === kind)
      return { date, missing: which("missing"), altered: which("altered") }
    }
  )

/** The verification over what a run stands on. */
export const make: Effect.Effect<DexVerificationShape, never, DexGround> = Effect.map(DexGround, ({ parts }) => ({
  run: (event): Effect.Effect<VerifySummary, VerifyError> =>
    Effect.gen(function* () {
      const { archive, clients, settings } = yield* parts
      const ids = (yield* clients.list).flatMap(({ id }) => Option.toArray(id))
      const dates = "triggerDate" in event ? [event.triggerDate] : between(event.from, event.to)
      const days: Array<Day> = []
      for (const date of dates) {
        const left = yield* remainingMillis
        if (left < reserveMillis) break
        const day = yield* Effect.timeoutOption(
          verifyDay(date, ids, archive, settings.concurrency),
          left - answerMillis
        )
        if (Option.isNone(day)) break
        days.push(day.value)
      }
      const missing = gapsOf(days, "missing")
      const altered = gapsOf(days, "altered")
      const [next] = dates.slice(days.length)
      const last = dates.at(-1)
      yield* Metrics.count("VerifiedMissing", {}, missing.length)
      yield* Metrics.count("VerifiedAltered", {}, altered.length)
      const figures = { checked: ids.length * days.length, missing: missing.length, altered: altered.length }
      const isWhole = missing.length + altered.length === 0
      yield* (isWhole ? Effect.logInfo("the archive is whole") : Effect.logError("the archive has gaps")).pipe(
        Effect.annotateLogs(figures)
      )
      return {
        checked: figures.checked,
        missing,
        altered,
        backfill: backfillOf(days),
        ...(next === undefined || last === undefined ? {} : { continuation: { from: next, to: last } })
      }
    })
}))

/** {@link DexVerification} over what a run stands on. */
export const layer: Layer.Layer<DexVerification, never, DexGround> = Layer.effect(DexVerification, make)
