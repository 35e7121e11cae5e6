/**
 * {@link Reconciliation}: sends what was not sent, compares what is with mParticle with mParticle's own, copies results
 * that were not copied, and tells what is stuck. Whatever it does can be done at the same time by somebody else.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { RequestRecord } from "../../schemas/DataSubjectRequest.ts"
import type { UpstreamError } from "../../schemas/MParticleError.ts"
import { Alerts } from "../../services/Alerts.ts"
import { withCorrelation } from "../../services/Correlation.ts"
import { remainingMillis } from "../../services/Deadline.ts"
import { MParticle, type ResubmitError } from "../../services/MParticle.ts"
import { Reconciliation, type ReconciliationShape } from "../../services/Reconciliation.ts"
import { type Duty, isUncopied } from "../../services/Reconciliation/Rules.ts"
import { RequestStore, type StoreError } from "../../services/RequestStore.ts"
import { callTimeout } from "../../services/Resilience/callTimeout.ts"
import { type CollectError, Results } from "../../services/Results.ts"
import { trace } from "../../services/Trace.ts"
import * as RateLimiter from "../Resilience/RateLimiter.ts"
import * as Comparison from "./Comparison.ts"
import * as Guards from "./Guards.ts"
import * as Backlog from "./Reconciliation/Backlog.ts"
import * as Watch from "./Reconciliation/Watch.ts"
import { MParticleSettings } from "./Settings.ts"

/** Nothing is begun with less time left: the calls and writes for one request, at their slowest. */
const leastMillis = 30_000
/** Kept back for telling what is stuck and answering when the last piece of work takes too long. */
const reserveMillis = 5_000
/** The longest piece of work: a copy. */
const longestMillis = 290_000

/** At most 300 calls in any minute of the 1,000 that mParticle allows: the callers who wait have the others. */
const pacing: RateLimiter.RateLimiterOptions = { upstream: "mparticle", perMinute: 290, burst: 10 }

type WorkError = ResubmitError | UpstreamError | StoreError | CollectError

/** How one kind of work is done. */
interface Job {
  /** How many calls to mParticle it takes. */
  readonly calls: number
  readonly concurrency: number
  /** Answers the record as it stands then; nothing when the request is no trouble any more. */
  readonly work: (record: RequestRecord) => Effect.Effect<RequestRecord | undefined, WorkError>
}

const duties = ["send", "refresh", "copy"] as const satisfies ReadonlyArray<Duty>

/** Nothing was asked, and no other request would fare better: the rest of this kind of work waits for the next run. */
const isTurnedAway = (error: WorkError): boolean =>
  error._tag === "CircuitOpen" || error._tag === "RateLimited" || error._tag === "ConfigurationError"

/** mParticle's answer goes for whatever is asked: refused credentials, or a quota that is used up. */
const isForAll = (error: WorkError): boolean =>
  error._tag === "MParticleApiError" && [401, 403, 429].includes(error.status ?? 0)

/** The service over the request store, mParticle and the results. */
export const make = Effect.gen(function* () {
  const alerts = yield* Alerts
  const mparticle = yield* MParticle
  const results = yield* Results
  const settings = yield* MParticleSettings
  const store = yield* RequestStore
  const guards = yield* Guards.make
  const compare = yield* Comparison.make(guards)
  const pace = yield* RateLimiter.make(pacing)

  const jobs: Readonly<Record<Duty, Job>> = {
    send: { calls: 2, concurrency: 3, work: (record) => Effect.as(mparticle.resubmit(record.id), undefined) },
    refresh: { calls: 1, concurrency: 5, work: compare },
    copy: { calls: 1, concurrency: 2, work: (record) => Effect.zipRight(guards.admitted, results.collect(record)) }
  }

  const run: ReconciliationShape["run"] = Effect.gen(function* () {
    const watch = Watch.make()
    const { checked, complete, due } = yield* Backlog.read(store, {
      refreshMillis: settings.statusRefreshMillis,
      leastMillis,
      see: watch.see
    })
    const done = { resubmitted: 0, refreshed: 0, copied: 0, failed: 0 }
    const stopped = new Set<Duty>()
    const newlyCompleted: Array<RequestRecord> = []

    const stop = (duty: Duty, ...why: ReadonlyArray<unknown>): Effect.Effect<void> => {
      if (stopped.has(duty)) return Effect.void
      stopped.add(duty)
      return Effect.logWarning(`the rest is left to the next run: ${duty}`, ...why)
    }

    const note = (duty: Duty, record: RequestRecord, current: RequestRecord | undefined): Effect.Effect<void> =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        if (current === undefined) watch.release(record.id)
        else watch.see(current, now)
        if (duty === "send") done.resubmitted += 1
        if (duty === "refresh") {
          done.refreshed += 1
          if (current !== undefined && isUncopied(current)) newlyCompleted.push(current)
        }
        if (duty === "copy" && (current?.resultLocations ?? []).length > 0) done.copied += 1
      })

    /** Notes the attempt as its turn: a request for which it never works out must not be the first of every run. */
    const fail = (record: RequestRecord, cause: Cause.Cause<unknown>): Effect.Effect<void> =>
      Effect.gen(function* () {
        done.failed += 1
        const log = Cause.isDie(cause) ? Effect.logError : Effect.logWarning
        yield* log("a request could not be looked after", cause)
        const at = new Date(yield* Clock.currentTimeMillis).toISOString()
        yield* Effect.ignoreLogged(store.markSynced(record.id, at))
      })

    const work = (duty: Duty, record: RequestRecord): Effect.Effect<void> =>
      Effect.gen(function* () {
        const left = yield* remainingMillis
        if (left < leastMillis) return yield* stop(duty)
        yield* Effect.replicateEffect(pace.take, jobs[duty].calls, { discard: true })
        if (stopped.has(duty)) return
        const milliseconds = Math.min((yield* remainingMillis) - reserveMillis, longestMillis)
        const limit = callTimeout({ upstream: "everything for one request", milliseconds })
        yield* note(duty, record, yield* limit(jobs[duty].work(record)))
      }).pipe(
        Effect.catchTag("BeingSent", () => Effect.void),
        Effect.catchIf(isTurnedAway, (error) => stop(duty, Cause.fail(error))),
        Effect.tapError((error) => (isForAll(error) ? stop(duty) : Effect.void)),
        // A defect in one must not keep the others from their turn either.
        Effect.catchAllCause((cause) => fail(record, cause)),
        Effect.annotateLogs("dsrRequestId", record.id),
        withCorrelation(record.correlationId)
      )

    const pool = (duty: Duty, records: ReadonlyArray<RequestRecord>): Effect.Effect<void> =>
      Effect.forEach(records, (record) => (stopped.has(duty) ? Effect.void : work(duty, record)), {
        concurrency: jobs[duty].concurrency,
        discard: true
      })

    // One alone: after an outage it is the breaker's probe, while which any other would be turned away.
    const first = duties.find((duty) => due[duty].length > 0)
    if (first !== undefined) yield* pool(first, due[first].slice(0, 1))
    yield* Effect.forEach(duties, (duty) => pool(duty, due[duty].slice(duty === first ? 1 : 0)), {
      concurrency: "unbounded",
      discard: true
    })
    yield* pool("copy", newlyCompleted)
    const stuck = yield* watch.tell(alerts)
    return { checked, ...done, stuck, finished: complete && stopped.size === 0 }
  }).pipe(trace("reconcile"))

  return { run } satisfies ReconciliationShape
})

/** What {@link Reconciliation} stands on. */
export type Requirements = Effect.Effect.Context<typeof make>

/** {@link Reconciliation} over the request store, mParticle and the results. */
export const layer: Layer.Layer<Reconciliation, never, Requirements> = Layer.effect(Reconciliation, make)
