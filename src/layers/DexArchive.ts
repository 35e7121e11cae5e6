/**
 * {@link DexArchive}: a token, the clients, and then one client after the other, several at once. What fails for one
 * client is said in the summary and stops no other; work that there is no time for is left for the next run, by name.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type { ArchiveEvent, ArchiveFailure, ArchiveSummary, ClientId, TriggerDate } from "../schemas/DexArchive.ts"
import { DexPartialFailure } from "../schemas/DexArchiveError.ts"
import { remainingMillis } from "../services/Deadline.ts"
import { DexArchive, type DexArchiveShape } from "../services/DexArchive.ts"
import * as Ids from "../services/DexArchive/ClientId.ts"
import type { RawClientId } from "../services/DexArchive/ClientId.ts"
import { dateIn } from "../services/DexArchive/TriggerDates.ts"
import type { DexClient } from "../services/DexClients.ts"
import * as Metrics from "../services/Metrics.ts"
import * as Timer from "../services/Resilience/Timer.ts"
import type { TriggerSession } from "../services/TriggerApi.ts"
import type { Kept, TriggerArchiveShape } from "../services/TriggerArchive.ts"
import { countFatal } from "./DexArchive/countFatal.ts"
import { DexGround } from "./DexArchive/Ground.ts"
import { redactText } from "./Observability/redact.ts"

/** No client is begun with less time left than this: one call of the API, and the writing, end before it is gone. */
const reserveMillis = 45_000

/** Whatever is still under way then is given up, so that the summary gets out. */
const answerMillis = 5_000

/** How often the log says how far the run is. */
const progressMillis = 10_000

/** The texts of the summary, which readers know (contract B1.7 to B1.9). */
export const texts = {
  fetch: "Failed to fetch trigger data from API",
  upload: "Failed to upload to S3",
  empty: "Empty response",
  invalid: "Invalid client ID",
  time: "Not processed: time budget exhausted"
} as const

const fetchTexts = { failed: texts.fetch, empty: texts.empty, time: texts.time }

/** What became of one client. */
type Outcome = Either.Either<Kept, string>

const noTime: Outcome = Either.left(texts.time)

/** Of an id that is none, which takes no time to know: it is also the outcome of one that never had its turn. */
const invalid: Outcome = Either.left(texts.invalid)

/** Archives one client's day. */
const archiveOne = (
  id: ClientId,
  date: TriggerDate,
  session: TriggerSession,
  archive: TriggerArchiveShape
): Effect.Effect<Outcome> => {
  const work = Effect.gen(function* () {
    const response = yield* Effect.either(session.fetch(id, date))
    if (Either.isLeft(response)) {
      // Those that there was no time for may be thousands: they have a line together.
      if (response.left.kind !== "time") yield* Effect.logWarning(response.left.message)
      return Either.left(fetchTexts[response.left.kind])
    }
    const kept = yield* Effect.either(archive.keep(id, date, response.right))
    if (Either.isRight(kept)) return Either.right(kept.right)
    yield* Effect.logWarning(kept.left.message)
    return Either.left(texts.upload)
  })
  return work.pipe(
    // A defect in one client's work must not take the others along: it is logged as one, and told.
    Effect.catchAllDefect((defect) =>
      Effect.as(
        Effect.logError("a client met a defect", Cause.die(defect)),
        Either.left(defect instanceof Error ? redactText(defect.message) : "an unexpected defect")
      )
    ),
    Effect.annotateLogs("clientId", id)
  )
}

/** The client, if there is time to begin with it. */
const ifTime = (work: Effect.Effect<Outcome>): Effect.Effect<Outcome> =>
  Effect.flatMap(remainingMillis, (left) => (left < reserveMillis ? Effect.succeed(noTime) : work))

/** Ends work that is still under way when the summary must be written. One limit for all: a client each is costly. */
const untilAnswer = (work: Effect.Effect<void>): Effect.Effect<void> =>
  Effect.flatMap(remainingMillis, (left) =>
    left < reserveMillis
      ? work
      : Effect.ignore(Timer.limit({ millis: left - answerMillis, onTimeout: () => "late" as const })(work))
  )

const summaryOf = (
  clients: ReadonlyArray<DexClient>,
  outcomes: ReadonlyArray<Outcome | undefined>,
  date: TriggerDate
): ArchiveSummary => {
  const errors: Array<ArchiveFailure> = []
  const left: Array<string> = []
  for (const [index, { id, name, raw }] of clients.entries()) {
    const outcome = outcomes[index] ?? (Option.isSome(id) ? noTime : invalid)
    if (Either.isRight(outcome)) continue
    const shown = Option.match(id, { onNone: () => Ids.shownRaw(raw), onSome: Ids.shown })
    errors.push({ client_id: shown, client_name: name, error: outcome.left })
    if (outcome.left === texts.time && Option.isSome(id)) left.push(id.value)
  }
  return {
    total_clients: clients.length,
    successful_archives: clients.length - errors.length,
    failed_archives: errors.length,
    errors,
    ...(left.length === 0 ? {} : { continuation: { triggerDate: date, clientIds: left } })
  }
}

/** The figures of a run, for the alarms. */
const measure = (
  summary: ArchiveSummary,
  outcomes: ReadonlyArray<Outcome | undefined>,
  began: number
): Effect.Effect<void> =>
  Effect.gen(function* () {
    const kept = (kind: Kept): number =>
      outcomes.filter((outcome) => outcome !== undefined && Either.isRight(outcome) && outcome.right === kind).length
    yield* Metrics.count("TotalClients", {}, summary.total_clients)
    yield* Metrics.count("Archived", {}, summary.successful_archives)
    yield* Metrics.count("Failed", {}, summary.failed_archives)
    yield* Metrics.count("Overwritten", {}, kept("overwritten"))
    yield* Metrics.count("Unchanged", {}, kept("unchanged"))
    yield* Metrics.duration("DurationMs", (yield* Clock.currentTimeMillis) - began)
  })

/** What a row has instead of an id, as far as it may be shown: a text can be anything, somebody's address too. */
const kindOf = (raw: RawClientId): string => {
  const shown = Ids.shownRaw(raw)
  return typeof shown === "string" ? `a text of ${shown.length} characters` : String(shown)
}

/** Lines for clients that have none yet: one for each whose id is none, and one for all that there was no time for. */
const reportOthers = (clients: ReadonlyArray<DexClient>, unfinished: number): Effect.Effect<void> =>
  Effect.gen(function* () {
    for (const { id, raw } of clients) {
      if (Option.isNone(id)) yield* Effect.logWarning(`${texts.invalid}: ${kindOf(raw)}`)
    }
    if (unfinished > 0) yield* Effect.annotateLogs(Effect.logWarning(texts.time), { unfinished })
  })

const report = (summary: ArchiveSummary): Effect.Effect<void> => {
  const { continuation, errors: _, ...figures } = summary
  const line =
    summary.failed_archives === 0
      ? Effect.logInfo("the run is over")
      : summary.successful_archives === 0
        ? Effect.logError("no client was archived")
        : Effect.logWarning("some clients were not archived")
  return line.pipe(Effect.annotateLogs({ ...figures, unfinished: continuation?.clientIds.length ?? 0 }))
}

/** Only those that the event names, where it names any; what it names and the database does not have is no client. */
const chosen = (clients: ReadonlyArray<DexClient>, { clientIds }: ArchiveEvent): ReadonlyArray<DexClient> => {
  if (clientIds === undefined || clientIds === null) return clients
  const wanted = new Set<string>(clientIds)
  return clients.filter(({ id }) => Option.isSome(id) && wanted.has(id.value))
}

/** The archive over what a run stands on. */
export const make: Effect.Effect<DexArchiveShape, never, DexGround> = Effect.gen(function* () {
  const { parts } = yield* DexGround

  const run: DexArchiveShape["run"] = (event) =>
    Effect.gen(function* () {
      const began = yield* Clock.currentTimeMillis
      const { api, archive, clients, settings } = yield* parts
      const date = event.triggerDate ?? dateIn(began, settings.timeZone, settings.offsetDays)
      const session = yield* api.open
      const all = chosen(yield* clients.list, event)
      if (all.length === 0) yield* Effect.logWarning("there are no clients")

      let done = 0
      const progress = Effect.suspend(() =>
        Effect.annotateLogs(Effect.logInfo("clients are being archived"), { done, total_clients: all.length })
      )
      // By index; what the time limit ends is not in it.
      const outcomes: Array<Outcome | undefined> = []
      yield* Effect.forEach(
        all,
        ({ id }, index) =>
          Effect.map(
            Option.match(id, {
              onNone: () => Effect.succeed(invalid),
              onSome: (known) => ifTime(archiveOne(known, date, session, archive))
            }),
            (outcome) => {
              outcomes[index] = outcome
              done += 1
            }
          ),
        { concurrency: settings.concurrency, discard: true }
      ).pipe(
        untilAnswer,
        (work) =>
          Effect.raceFirst(
            work,
            Effect.zipRight(Effect.repeat(Effect.delay(progress, progressMillis), Schedule.forever), Effect.never)
          ),
        Effect.annotateLogs("triggerDate", date)
      )
      const summary = summaryOf(all, outcomes, date)
      yield* measure(summary, outcomes, began)
      yield* Effect.annotateLogs(reportOthers(all, summary.continuation?.clientIds.length ?? 0), "triggerDate", date)
      yield* report(summary)
      if (settings.failOnPartial && summary.failed_archives > 0) {
        return yield* new DexPartialFailure({ total: summary.total_clients, failed: summary.failed_archives })
      }
      return summary
    }).pipe(countFatal)

  return { run }
})

/** {@link DexArchive} over what a run stands on. */
export const layer: Layer.Layer<DexArchive, never, DexGround> = Layer.effect(DexArchive, make)
