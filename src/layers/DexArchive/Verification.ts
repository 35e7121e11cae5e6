/** {@link DexVerification}: every client of a day against the object that should be there (contract Decision 8). */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { ClientId, Gap, TriggerDate, VerifySummary } from "../../schemas/DexArchive.ts"
import { remainingMillis } from "../../services/Deadline.ts"
import { DexVerification, type DexVerificationShape, type VerifyError } from "../../services/DexArchive.ts"
import { archiveKey } from "../../services/DexArchive/ArchiveKey.ts"
import * as Ids from "../../services/DexArchive/ClientId.ts"
import { between } from "../../services/DexArchive/TriggerDates.ts"
import * as Metrics from "../../services/Metrics.ts"
import type { ArchiveStoreError, Inspection, TriggerArchiveShape } from "../../services/TriggerArchive.ts"
import { countFatal } from "./countFatal.ts"
import { DexGround } from "./Ground.ts"

/** Nothing is begun with less time left than this. */
const reserveMillis = 45_000

/** Whoever is still being looked at then is left for the next time, so that the summary gets out. */
const answerMillis = 5_000

/** After so many bytes of findings the rest is left for the next time: Lambda takes answers of 6 MB, and no larger ones. */
const answerBytes = 5_000_000

/** So many clients of a day are looked at between two looks at the time and at the size of the answer. */
const sliceClients = 1_000

interface Day {
  readonly date: TriggerDate
  readonly missing: Array<ClientId>
  readonly altered: Array<ClientId>
}

const gapOf = (id: ClientId, date: TriggerDate): Gap => ({
  client_id: id,
  trigger_date: date,
  key: archiveKey(id, date)
})

const gapsOf = (days: ReadonlyArray<Day>, kind: "missing" | "altered"): ReadonlyArray<Gap> =>
  days.flatMap((day) => day[kind].map((id) => gapOf(id, day.date)))

const eventOf = ({ altered, date, missing }: Day) => ({ triggerDate: date, clientIds: [...missing, ...altered] })

const bytesOf = (value: unknown): number => JSON.stringify(value).length + 1

/** What was found so far, and how long an answer that makes. */
class Findings {
  /** Clients times days. */
  checked = 0
  bytes = 0
  /** Those on which anything is not as it should be. */
  readonly days: Array<Day> = []

  note(id: ClientId, date: TriggerDate, found: Inspection): void {
    this.checked += 1
    if (found === "intact") return
    this.dayOf(date)[found].push(id)
    this.bytes += bytesOf(gapOf(id, date)) + bytesOf(id)
  }

  private dayOf(date: TriggerDate): Day {
    const last = this.days.at(-1)
    if (last?.date === date) return last
    const day: Day = { date, missing: [], altered: [] }
    this.days.push(day)
    this.bytes += bytesOf(eventOf(day))
    return day
  }
}

interface Inspected {
  readonly id: ClientId
  readonly inspection: Inspection
}

/** Looks at some clients: as far as it comes in so many milliseconds, from the first one on and without a gap. */
const inspect = (
  ids: ReadonlyArray<ClientId>,
  date: TriggerDate,
  { archive, concurrency, millis }: { archive: TriggerArchiveShape; concurrency: number; millis: number }
): Effect.Effect<ReadonlyArray<Inspected>, ArchiveStoreError> =>
  Effect.suspend(() => {
    const found: Array<Inspected | undefined> = ids.map(() => undefined)
    return Effect.forEach(
      ids,
      (id, index) =>
        Effect.map(archive.inspect(id, date), (inspection) => {
          found[index] = { id, inspection }
        }),
      { concurrency, discard: true }
    ).pipe(
      Effect.timeoutOption(millis),
      Effect.map(() => {
        const end = found.indexOf(undefined)
        return found.slice(0, end < 0 ? found.length : end).filter((one) => one !== undefined)
      })
    )
  })

/** What a verification has to tell besides its answer; only one that has looked at everything may call the archive whole. */
interface Report {
  readonly summary: VerifySummary
  /** Rows of the database whose id is none, so that they can never be archived. */
  readonly rowsWithoutId: number
  readonly isEmpty: boolean
  /** It went on in the middle of a day, as another one had left it: what that one found is not known here. */
  readonly isRest: boolean
}

const report = ({ isEmpty, isRest, rowsWithoutId, summary }: Report): Effect.Effect<void> =>
  Effect.gen(function* () {
    const { altered, checked, continuation, missing } = summary
    const figures = { checked, missing: missing.length, altered: altered.length }
    if (isEmpty) yield* Effect.logWarning("there are no clients")
    if (rowsWithoutId > 0) {
      yield* Effect.annotateLogs(Effect.logWarning("some clients have no valid id, and can never be archived"), {
        invalid: rowsWithoutId
      })
    }
    if (continuation !== undefined) {
      yield* Effect.annotateLogs(Effect.logWarning("not everything was looked at: go on with the continuation"), {
        ...figures,
        triggerDate: continuation.from
      })
    }
    if (missing.length + altered.length > 0) {
      yield* Effect.annotateLogs(Effect.logError("the archive has gaps"), figures)
    } else if (!isEmpty && rowsWithoutId === 0 && continuation === undefined) {
      yield* Effect.annotateLogs(Effect.logInfo(isRest ? "the rest is whole" : "the archive is whole"), figures)
    }
  })

/** The verification over what a run stands on. */
export const make: Effect.Effect<DexVerificationShape, never, DexGround> = Effect.map(DexGround, ({ parts }) => ({
  run: (event): Effect.Effect<VerifySummary, VerifyError> =>
    Effect.gen(function* () {
      const { archive, clients, settings } = yield* parts
      const rows = yield* clients.list
      const ids = rows.flatMap(({ id }) => Option.toArray(id))
      const { after, from, to } = "triggerDate" in event ? { from: event.triggerDate, to: event.triggerDate } : event
      const findings = new Findings()

      /** Looks at one day from a client on; answers how far it came. */
      const verifyDay = (date: TriggerDate, first: number) =>
        Effect.gen(function* () {
          let at = first
          while (at < ids.length) {
            const left = yield* remainingMillis
            if (left < reserveMillis || findings.bytes >= answerBytes) return at
            const slice = ids.slice(at, at + sliceClients)
            const found = yield* inspect(slice, date, {
              archive,
              concurrency: settings.concurrency,
              millis: left - answerMillis
            })
            for (const { id, inspection } of found) findings.note(id, date, inspection)
            at += found.length
            if (found.length < slice.length) return at
          }
          return at
        })

      /** Looks at all days; answers what is left of them. */
      const verifyDays = Effect.gen(function* () {
        // Without clients there may be days for ever.
        if (ids.length === 0) return undefined
        let first = after === undefined ? 0 : ids.filter((id) => Ids.compare(id, after) <= 0).length
        for (const date of between(from, to)) {
          const at = yield* verifyDay(date, first)
          const last = ids[at - 1]
          if (at < ids.length) return { from: date, to, ...(last === undefined ? {} : { after: last }) }
          first = 0
        }
        return undefined
      })

      const continuation = yield* verifyDays
      const summary: VerifySummary = {
        checked: findings.checked,
        missing: gapsOf(findings.days, "missing"),
        altered: gapsOf(findings.days, "altered"),
        backfill: findings.days.map(eventOf),
        ...(continuation === undefined ? {} : { continuation })
      }
      yield* Metrics.count("VerifiedMissing", {}, summary.missing.length)
      yield* Metrics.count("VerifiedAltered", {}, summary.altered.length)
      yield* report({
        summary,
        rowsWithoutId: rows.length - ids.length,
        isEmpty: rows.length === 0,
        isRest: after !== undefined
      })
      return summary
    }).pipe(countFatal)
}))

/** {@link DexVerification} over what a run stands on. */
export const layer: Layer.Layer<DexVerification, never, DexGround> = Layer.effect(DexVerification, make)
