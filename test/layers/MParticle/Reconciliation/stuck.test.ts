/** What a run tells of the requests that are stuck. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import * as AlertsLayer from "../../../../src/layers/Observability/Alerts.ts"
import type { RequestRecord } from "../../../../src/schemas/DataSubjectRequest.ts"
import { Alerts } from "../../../../src/services/Alerts.ts"
import { measured } from "../../../support/baton.ts"
import { written } from "../../../support/logs.ts"
import { failing, known } from "../../../support/mparticle.ts"
import { reconcile, reconciling, world } from "../../../support/reconcile.ts"
import { daysAgo, minutesAgo, noon, onRecord, recordWith } from "../../../support/records.ts"

/** Just looked after, so that nothing is done for it in the run. */
const justNow = { lastSyncedAt: minutesAgo(1) }

const unacknowledged = (): RequestRecord => {
  const { expectedCompletionTime: _, ...record } = recordWith({ ...justNow, submittedAt: daysAgo(3) })
  return record
}

/** One that is stuck in each way. */
const oneOfEach = () => ({
  unsent: recordWith({ status: "queued", submittedAt: daysAgo(4), leaseUntil: noon + 60_000 }),
  unacknowledged: unacknowledged(),
  overdue: recordWith({ ...justNow, status: "in_progress", expectedCompletionTime: daysAgo(2) }),
  uncopied: recordWith({ type: "export", status: "completed", completedAt: daysAgo(2) })
})

/** The values of the metric, by kind, of an effect. */
const stuckIn = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(measured(effect), ({ seen, value }) => ({
    value,
    gauges: seen
      .filter(({ name }) => name === "StuckRequests")
      .map(({ dimensions, unit, value: count }) => [dimensions["Kind"], unit, count])
  }))

describe("stuck requests", () => {
  it.effect("O-08 T-67 an erasure with its completion on day 14: no alert on day 5, one on day 16", () =>
    Effect.gen(function* () {
      const { fake } = yield* world
      fake.lookup = known("in_progress")
      const [record] = yield* onRecord(
        recordWith({ status: "in_progress", submittedAt: daysAgo(0), expectedCompletionTime: daysAgo(-14) })
      )
      yield* TestClock.adjust("5 days")
      assert.deepInclude(yield* reconcile(), { refreshed: 1, stuck: 0 })
      assert.lengthOf(fake.alerts, 0)
      yield* TestClock.adjust("11 days")
      assert.deepInclude(yield* reconcile(), { refreshed: 1, stuck: 1 })
      assert.deepStrictEqual(fake.alerts, [
        {
          severity: "HIGH",
          subject: "stuck-overdue",
          message: "requests are not completed a day after the time that mParticle named",
          context: { count: "1", dsrRequestIds: String(record?.id) }
        }
      ])
    }).pipe(reconciling())
  )

  it.effect("T-67 are told once per run and kind, with a count and the ten oldest ids", () =>
    Effect.gen(function* () {
      const { fake } = yield* world
      const overdue = Array.from({ length: 25 }, (_, index) =>
        recordWith({ ...justNow, submittedAt: daysAgo(30 + index), expectedCompletionTime: daysAgo(2) })
      )
      const unsent = recordWith({ status: "received", submittedAt: daysAgo(2), leaseUntil: noon + 1_000 })
      yield* onRecord(...overdue, unsent)
      assert.deepInclude(yield* reconcile(), { checked: 26, stuck: 26, finished: true })
      assert.deepStrictEqual(
        fake.alerts.map(({ context, severity, subject }) => ({ context, severity, subject })),
        [
          { severity: "HIGH", subject: "stuck-unsent", context: { count: "1", dsrRequestIds: unsent.id } },
          {
            severity: "HIGH",
            subject: "stuck-overdue",
            context: {
              count: "25",
              dsrRequestIds: overdue
                .slice(15)
                .toReversed()
                .map(({ id }) => id)
                .join(" ")
            }
          }
        ]
      )
    }).pipe(reconciling())
  )

  it.effect("T-67 are a value of the metric for each kind, 0 where there are none", () =>
    Effect.gen(function* () {
      const { fake } = yield* world
      fake.lookup = failing(503)
      const none = yield* stuckIn(reconcile())
      assert.deepStrictEqual(none.gauges, [
        ["unsent", "None", 0],
        ["unacknowledged", "None", 0],
        ["overdue", "None", 0],
        ["uncopied", "None", 0]
      ])
      yield* onRecord(...Object.values(oneOfEach()), recordWith({ ...justNow }))
      const all = yield* stuckIn(reconcile())
      assert.strictEqual(all.value.stuck, 4)
      assert.deepStrictEqual(all.gauges, [
        ["unsent", "None", 1],
        ["unacknowledged", "None", 1],
        ["overdue", "None", 1],
        ["uncopied", "None", 1]
      ])
    }).pipe(reconciling())
  )

  it.effect("T-57 are none any more when the run itself has seen to it", () =>
    Effect.gen(function* () {
      const { fake } = yield* world
      const { uncopied } = oneOfEach()
      const overdue = recordWith({ status: "in_progress", expectedCompletionTime: daysAgo(9) })
      const unsent = recordWith({ status: "queued", submittedAt: daysAgo(9) })
      yield* onRecord(uncopied, overdue, unsent)
      fake.lookup = (call) =>
        call.url.includes(unsent.id) ? failing(404)() : known("completed", { results_url: `${call.url}/results` })(call)
      assert.deepInclude(yield* reconcile(), { resubmitted: 1, refreshed: 1, stuck: 0, finished: true })
      assert.lengthOf(fake.alerts, 0)
    }).pipe(reconciling())
  )

  it.effect("T-67 are judged by what the run has found", () =>
    Effect.gen(function* () {
      const { fake, memory } = yield* world
      fake.lookup = known("in_progress", { expected_completion_time: null })
      const record = { ...unacknowledged(), lastSyncedAt: minutesAgo(20) }
      yield* onRecord(record)
      assert.deepInclude(yield* reconcile(), { refreshed: 1, stuck: 0 })
      assert.strictEqual(memory.records.get(record.id)?.status, "in_progress")
    }).pipe(reconciling())
  )

  it.effect("T-51 do not fail the run when nobody can be told", () =>
    Effect.gen(function* () {
      yield* onRecord(...Object.values(oneOfEach()))
      const { exit, lines } = yield* written(reconcile())
      assert.deepInclude(yield* exit, { checked: 4, stuck: 4 })
      assert.lengthOf(
        lines.filter(({ message }) => message === "an alert was not raised"),
        4
      )
    }).pipe(reconciling({ alerts: Layer.succeed(Alerts, { raise: () => Effect.die("no sink") }) }))
  )

  it.effect("O-07 are named by their ids alone, in lines that are as documented", () =>
    Effect.gen(function* () {
      const { fake } = yield* world
      fake.lookup = failing(503)
      const all = oneOfEach()
      yield* onRecord(...Object.values(all))
      const { lines, text } = yield* written(Effect.zipRight(reconcile(), reconcile()))
      const alerts = lines.filter(({ event_type }) => event_type === "alert")
      assert.deepStrictEqual(
        alerts.map(({ count, dsrRequestIds, severity, subject }) => [subject, severity, count, dsrRequestIds]),
        [
          ["stuck-unsent", "HIGH", "1", all.unsent.id],
          ["stuck-unacknowledged", "HIGH", "1", all.unacknowledged.id],
          ["stuck-overdue", "HIGH", "1", all.overdue.id],
          ["stuck-uncopied", "HIGH", "1", all.uncopied.id]
        ],
        "once in five minutes, however many runs there are"
      )
      assert.notMatch(text, /@|guardian-user/)
    }).pipe(reconciling({ alerts: AlertsLayer.layer }))
  )
})
