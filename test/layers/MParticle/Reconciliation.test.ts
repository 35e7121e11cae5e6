import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { RequestId, RequestRecord } from "../../../src/schemas/DataSubjectRequest.ts"
import { MParticle } from "../../../src/services/MParticle.ts"
import { RequestStore } from "../../../src/services/RequestStore.ts"
import { measured } from "../../support/baton.ts"
import { type Call, failing, known } from "../../support/mparticle.ts"
import { reconcile, reconciling, world } from "../../support/reconcile.ts"
import { daysAgo, minutesAgo, noon, onRecord, recordWith } from "../../support/records.ts"

const nothing = { checked: 0, resubmitted: 0, refreshed: 0, copied: 0, stuck: 0, failed: 0, finished: true }

const statusOf = (id: RequestId) =>
  Effect.flatMap(RequestStore, (store) => Effect.map(store.get(id), Option.getOrThrow))

/** A record that is in the store. */
const one = (overrides: Partial<RequestRecord>) =>
  Effect.map(onRecord(recordWith(overrides)), ([record]) => record as RequestRecord)

const resultsAt = (call: Call) => ({ results_url: `${call.url}/results` })
const withResults = (call: Call): Response => known("completed", resultsAt(call))(call)
const uncopied: Partial<RequestRecord> = { type: "export", status: "completed", completedAt: minutesAgo(20) }

describe("requests that are not with mParticle", () => {
  it.effect("T-57 one whose message was lost is sent, once, under its own id", () =>
    Effect.gen(function* () {
      const { fake } = yield* world
      const record = yield* one({ status: "queued", submittedAt: minutesAgo(16) })
      assert.deepStrictEqual(yield* reconcile(), { ...nothing, checked: 1, resubmitted: 1 })
      assert.deepStrictEqual(
        fake.calls.map(({ body }) => (body as { readonly subject_request_id: string }).subject_request_id),
        [record.id]
      )
      assert.include(yield* statusOf(record.id), { status: "submitted", version: 3 })
      assert.deepStrictEqual(yield* reconcile(), { ...nothing, checked: 1 })
      assert.lengthOf(fake.calls, 1)
    }).pipe(reconciling())
  )

  it.effect("B-26 one whose sender died after mParticle took it is written down, and not sent again", () =>
    Effect.gen(function* () {
      const { fake } = yield* world
      fake.lookup = known("in_progress")
      const record = yield* one({ status: "received" })
      assert.deepInclude(yield* reconcile(), { resubmitted: 1 })
      assert.lengthOf(fake.calls, 0)
      assert.include(yield* statusOf(record.id), { status: "in_progress" })
    }).pipe(reconciling())
  )

  it.effect("F-04 one that the queue's consumer has at the same moment is sent once, and has not failed", () =>
    Effect.gen(function* () {
      const { fake } = yield* world
      const record = yield* one({ status: "queued" })
      fake.lookup = (call) => Effect.as(Effect.sleep("1 seconds"), failing(404)()).pipe(Effect.tap(() => call))
      const consumer = Effect.flatMap(MParticle, ({ resubmit }) => Effect.either(resubmit(record.id)))
      const [summary] = yield* Effect.all([reconcile("10 seconds"), consumer], { concurrency: "unbounded" })
      assert.lengthOf(fake.calls, 1)
      assert.deepInclude(summary, { failed: 0, finished: true })
      assert.include(yield* statusOf(record.id), { status: "submitted" })
    }).pipe(reconciling())
  )

  it.effect("T-50 one that mParticle refuses has failed, and is counted", () =>
    Effect.gen(function* () {
      const { fake } = yield* world
      fake.reply = failing(400, "Invalid workspace configuration")
      const record = yield* one({ status: "received" })
      const { names, value } = yield* measured(reconcile())
      assert.deepInclude(value, { resubmitted: 1, failed: 0 })
      assert.include(yield* statusOf(record.id), { status: "failed", failureStatus: 400 })
      assert.strictEqual(names().filter((name) => name === "BatonRequestsFailed").length, 1)
    }).pipe(reconciling())
  )

  it.effect("F-08 while mParticle is out they stay, nobody is alerted for each, and it is soon left alone", () =>
    Effect.gen(function* () {
      const { fake } = yield* world
      fake.lookup = failing(503)
      const records = yield* onRecord(...Array.from({ length: 20 }, () => recordWith({ status: "queued" })))
      const summary = yield* reconcile("4 minutes")
      assert.deepInclude(summary, { checked: 20, resubmitted: 0, finished: false })
      assert.isAtMost(summary.failed, 7, "five open the breaker, and what was under way")
      assert.strictEqual(fake.lookups.length, summary.failed)
      assert.lengthOf(fake.calls, 0)
      assert.lengthOf(fake.queued, 0)
      for (const { id } of records) assert.include(yield* statusOf(id), { status: "queued" })
      assert.deepStrictEqual(
        fake.alerts.map(({ subject }) => subject),
        ["stuck-unsent"]
      )
    }).pipe(reconciling())
  )
})

describe("requests that are with mParticle", () => {
  it.effect("ST-10 T-57 a lost callback: the end is found, kept and counted once", () =>
    Effect.gen(function* () {
      const { fake, memory } = yield* world
      fake.lookup = known("completed")
      const record = yield* one({ status: "in_progress" })
      const { names, value } = yield* measured(reconcile())
      assert.deepStrictEqual(value, { ...nothing, checked: 1, refreshed: 1 })
      assert.include(yield* statusOf(record.id), { status: "completed", completedAt: new Date(noon).toISOString() })
      assert.strictEqual(names().filter((name) => name === "BatonRequestsCompleted").length, 1)
      const again = yield* measured(reconcile())
      assert.deepStrictEqual(again.value, nothing)
      assert.notInclude(again.names(), "BatonRequestsCompleted")
      assert.lengthOf(fake.lookups, 1)
      assert.strictEqual(memory.operations.filter((operation) => operation === "transition").length, 1)
    }).pipe(reconciling())
  )

  it.effect("ST-11 T-70 one that was compared lately costs no call", () =>
    Effect.gen(function* () {
      const { fake } = yield* world
      yield* onRecord(recordWith({ lastSyncedAt: minutesAgo(14) }), recordWith({ updatedAt: minutesAgo(14) }))
      assert.deepStrictEqual(yield* reconcile(), { ...nothing, checked: 2 })
      assert.lengthOf(fake.lookups, 0)
    }).pipe(reconciling())
  )

  it.effect("ST-10 one that has not moved is noted as compared, and not asked for again so soon", () =>
    Effect.gen(function* () {
      const { fake } = yield* world
      fake.lookup = known("pending")
      const record = yield* one({})
      assert.deepInclude(yield* reconcile(), { refreshed: 1 })
      assert.deepInclude(yield* reconcile(), { refreshed: 0 })
      assert.lengthOf(fake.lookups, 1)
      assert.include(yield* statusOf(record.id), { version: 2, lastSyncedAt: new Date(noon).toISOString() })
    }).pipe(reconciling())
  )

  it.effect("T-55 never takes one back", () =>
    Effect.gen(function* () {
      const { fake } = yield* world
      fake.lookup = known("pending")
      const record = yield* one({ status: "in_progress" })
      assert.deepInclude(yield* reconcile(), { refreshed: 1 })
      assert.include(yield* statusOf(record.id), { status: "in_progress" })
    }).pipe(reconciling())
  )

  it.effect("T-31 T-57 cancelled, or unknown to mParticle by now, is failed", () =>
    Effect.gen(function* () {
      const { fake } = yield* world
      const [cancelled, unknown] = [yield* one({}), yield* one({})]
      fake.lookup = (call) => (call.url.endsWith(cancelled.id) ? known("cancelled")(call) : failing(404)())
      assert.deepInclude(yield* reconcile(), { refreshed: 2, failed: 0 })
      assert.include(yield* statusOf(cancelled.id), { status: "failed", failureReason: "CANCELLED" })
      assert.include(yield* statusOf(unknown.id), { status: "failed", failureReason: "UNKNOWN_AT_PROCESSOR" })
    }).pipe(reconciling())
  )

  it.effect("ST-17 an export that is found completed has its results copied in the same run", () =>
    Effect.gen(function* () {
      const { bucket, fake } = yield* world
      const record = yield* one({ type: "export", status: "in_progress" })
      Object.assign(fake, { lookup: withResults, download: () => new Response("a zip") })
      assert.deepStrictEqual(yield* reconcile(), { ...nothing, checked: 1, refreshed: 1, copied: 1 })
      assert.strictEqual(bucket.objects.get(`results/${record.id}.zip`)?.toString(), "a zip")
      assert.deepInclude(yield* statusOf(record.id), {
        status: "completed",
        resultLocations: [`s3://results/${record.id}.zip`]
      })
      assert.deepStrictEqual(yield* reconcile(), nothing)
      assert.lengthOf(fake.downloads, 1)
    }).pipe(reconciling())
  )
})

describe("exports whose results were not copied", () => {
  it.effect("ST-17 are copied at once", () =>
    Effect.gen(function* () {
      const { bucket, fake } = yield* world
      Object.assign(fake, { lookup: withResults, download: () => new Response("a zip") })
      const record = yield* one({ ...uncopied, updatedAt: minutesAgo(0) })
      assert.deepStrictEqual(yield* reconcile(), { ...nothing, checked: 1, copied: 1 })
      assert.strictEqual(bucket.objects.get(`results/${record.id}.zip`)?.toString(), "a zip")
      assert.deepStrictEqual(yield* reconcile(), nothing)
    }).pipe(reconciling())
  )

  it.effect("T-76 ST-20 have none when mParticle has none", () =>
    Effect.gen(function* () {
      const { bucket, fake } = yield* world
      fake.lookup = withResults
      const record = yield* one(uncopied)
      assert.deepStrictEqual(yield* reconcile(), { ...nothing, checked: 1 })
      assert.deepInclude(yield* statusOf(record.id), { status: "completed", resultLocations: [] })
      assert.strictEqual(bucket.objects.size, 0)
      assert.deepStrictEqual(yield* reconcile(), nothing)
    }).pipe(reconciling())
  )

  it.effect("T-76 alert once when mParticle has deleted them", () =>
    Effect.gen(function* () {
      const { fake } = yield* world
      Object.assign(fake, { lookup: withResults, download: failing(410) })
      const record = yield* one(uncopied)
      assert.deepStrictEqual(yield* reconcile(), { ...nothing, checked: 1 })
      assert.include(yield* statusOf(record.id), { status: "completed", failureReason: "RESULTS_EXPIRED" })
      assert.deepStrictEqual(yield* reconcile(), nothing)
      assert.deepStrictEqual(
        fake.alerts.map(({ severity, subject }) => [severity, subject]),
        [["HIGH", "results-expired"]]
      )
    }).pipe(reconciling())
  )

  it.effect("C-38 are tried again when S3 did not take them", () =>
    Effect.gen(function* () {
      const { bucket, fake } = yield* world
      Object.assign(fake, { lookup: withResults, download: () => new Response("a zip") })
      bucket.fails = (operation) => (operation === "PutObject" ? 503 : undefined)
      const record = yield* one(uncopied)
      assert.deepStrictEqual(yield* reconcile(), { ...nothing, checked: 1, failed: 1 })
      assert.include(yield* statusOf(record.id), { status: "completed", lastSyncedAt: new Date(noon).toISOString() })
      bucket.fails = () => undefined
      assert.deepStrictEqual(yield* reconcile(), { ...nothing, checked: 1, copied: 1 })
    }).pipe(reconciling())
  )
})

it.effect("an empty store is a finished run", () =>
  Effect.gen(function* () {
    yield* onRecord(recordWith({ status: "completed" }), recordWith({ submittedAt: daysAgo(91), expiresAt: 0 }))
    assert.deepStrictEqual(yield* reconcile(), nothing)
  }).pipe(reconciling())
)
