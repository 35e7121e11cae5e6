/** The course of a run: in which order, how fast, how long, and what stops it. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import * as TestServices from "effect/TestServices"
import * as Backlog from "../../../../src/layers/MParticle/Reconciliation/Backlog.ts"
import { DatabaseError } from "../../../../src/schemas/MParticleError.ts"
import { within } from "../../../../src/services/Deadline.ts"
import { Reconciliation } from "../../../../src/services/Reconciliation.ts"
import { RequestStore, type RequestStoreShape } from "../../../../src/services/RequestStore.ts"
import { jumpingClock, type JumpingClock } from "../../../support/jumpingClock.ts"
import { written } from "../../../support/logs.ts"
import { type Call, failing, inTurn, known } from "../../../support/mparticle.ts"
import { reconcile, reconciling, world } from "../../../support/reconcile.ts"
import { daysAgo, minutesAgo, noon, onRecord, recordWith } from "../../../support/records.ts"

const idOf = ({ url }: Call): string => /requests\/([^/]+)/.exec(url)?.[1] ?? ""

/** As many requests with mParticle, each compared a minute later than the one before it, all of them long ago. */
const staleOnes = (count: number) =>
  onRecord(...Array.from({ length: count }, (_, index) => recordWith({ lastSyncedAt: minutesAgo(9_000 - index) })))

const untilNextRun = TestClock.adjust("15 minutes")

/** One run in the time of an invocation, on a clock that does not wait. */
const reconcileOn = (clock: JumpingClock, budgetMillis = 299_500) =>
  Effect.flatMap(Reconciliation, ({ run }) => Effect.withClock(within(budgetMillis)(run), clock))

/** The most calls within any minute. */
const busiestMinute = (calls: ReadonlyArray<Call>): number =>
  Math.max(...calls.map(({ at }, index) => index + 1 - calls.findIndex((call) => call.at > at - 60_000)))

describe("the order and the pace of a run", () => {
  it.effect("T-70 takes at most 300 of mParticle's calls in any minute, and as many as that", () =>
    Effect.gen(function* () {
      const { fake } = yield* world
      fake.lookup = known("pending")
      yield* staleOnes(450)
      const clock = jumpingClock(noon)
      assert.deepInclude(yield* reconcileOn(clock), { checked: 450, refreshed: 450, finished: true })
      assert.isAtMost(busiestMinute(fake.lookups), 300)
      assert.isBelow(clock.now - noon, 95_000)
    }).pipe(reconciling())
  )

  it.effect("T-70 a request that is sent takes two of them", () =>
    Effect.gen(function* () {
      const { fake } = yield* world
      yield* onRecord(...Array.from({ length: 200 }, () => recordWith({ status: "queued" })))
      assert.deepInclude(yield* reconcileOn(jumpingClock(noon)), { resubmitted: 200, finished: true })
      const calls = [...fake.lookups, ...fake.calls].toSorted((one, other) => one.at - other.at)
      assert.lengthOf(calls, 400)
      assert.isAtMost(busiestMinute(calls), 302, "the second call of those whose first was in time")
    }).pipe(reconciling())
  )

  it.effect("those come first whose last turn is longest ago, wherever they are in the index", () =>
    Effect.gen(function* () {
      const { fake } = yield* world
      fake.lookup = known("pending")
      const records = yield* onRecord(
        recordWith({ lastSyncedAt: daysAgo(1) }),
        recordWith({ updatedAt: daysAgo(4) }),
        recordWith({ lastSyncedAt: daysAgo(3), updatedAt: daysAgo(9) }),
        recordWith({ updatedAt: daysAgo(2) })
      )
      yield* reconcile()
      const inOrder = [1, 2, 3, 0].map((index) => String(records[index]?.id))
      assert.deepStrictEqual(fake.lookups.map(idOf), inOrder)
    }).pipe(
      reconciling({
        // A page for each.
        store: (inner) => ({
          ...inner,
          pending: (cursor = { shard: 0 }) =>
            Effect.map(inner.pending(), ({ records }) => {
              const at = Number(cursor.after?.["at"] ?? 0)
              const page = { records: records.slice(at, at + 1) }
              return at + 1 < records.length ? { ...page, next: { shard: 0, after: { at: at + 1 } } } : page
            })
        })
      })
    )
  )

  it.effect("a run ends in time, and the next one goes on where it ended", () =>
    Effect.gen(function* () {
      const { fake } = yield* world
      fake.lookup = known("pending")
      const records = yield* staleOnes(500)
      const clock = jumpingClock(noon)
      const first = yield* reconcileOn(clock, 90_000)
      assert.deepInclude(first, { checked: 500, failed: 0, finished: false })
      assert.isAtMost(clock.now - noon, 62_000, "half a minute is left for the last ones")
      const done = new Set(fake.lookups.map(idOf))
      assert.strictEqual(done.size, first.refreshed)
      assert.isAbove(done.size, 280)
      fake.lookups.length = 0
      clock.now = noon + 900_000
      assert.deepInclude(yield* reconcileOn(clock, 90_000), { checked: 500, failed: 0, finished: true })
      const left = records.map(({ id }) => String(id)).filter((id) => !done.has(id))
      assert.deepStrictEqual(fake.lookups.slice(0, left.length).map(idOf), left)
    }).pipe(reconciling())
  )

  it.effect("keeps no more in memory than a run can do: of more than that, those of the longest ago", () =>
    Effect.gen(function* () {
      const store = yield* RequestStore
      const records = yield* staleOnes(2_001)
      const options = { refreshMillis: 900_000, leastMillis: 30_000, see: () => undefined }
      const { checked, complete, due } = yield* Backlog.read(store, options)
      assert.deepStrictEqual([checked, complete], [2_001, false])
      assert.deepStrictEqual(due, { send: [], copy: [], refresh: records.slice(0, 2_000) })
    }).pipe(reconciling())
  )

  it.effect("begins nothing when there is no time for it", () =>
    Effect.gen(function* () {
      const { fake, memory } = yield* world
      yield* staleOnes(3)
      assert.deepInclude(yield* reconcile(0, 29_999), { checked: 0, refreshed: 0, finished: false })
      assert.lengthOf(fake.lookups, 0)
      assert.lengthOf(memory.operations, 0)
    }).pipe(reconciling())
  )

  it.effect("ends a copy that takes too long before its own time is over, and tries it last next time", () =>
    Effect.gen(function* () {
      const { fake, memory } = yield* world
      fake.lookup = (call) => known("completed", { results_url: `${call.url}/results` })(call)
      fake.download = () => new Response(new ReadableStream({ start: (body) => body.enqueue(Buffer.from("half")) }))
      const [record] = yield* onRecord(recordWith({ type: "export", status: "completed" }))
      const running = yield* Effect.flatMap(Reconciliation, ({ run }) => Effect.fork(within(100_000)(run)))
      yield* TestServices.provideLive(Effect.sleep("10 millis")).pipe(
        Effect.repeat({ until: () => fake.downloads.length > 0 })
      )
      yield* TestClock.adjust("95 seconds")
      assert.deepInclude(yield* Fiber.join(running), { copied: 0, failed: 1, finished: true })
      const after = record === undefined ? undefined : memory.records.get(record.id)
      assert.strictEqual(after?.lastSyncedAt, new Date(noon + 95_000).toISOString())
    }).pipe(reconciling())
  )
})

describe("what does not work out in a run", () => {
  const breaking =
    (ids: { readonly fails?: string; readonly dies?: string }) =>
    (inner: RequestStoreShape): RequestStoreShape => ({
      ...inner,
      transition: (record, to, facts, options) => {
        if (record.id === ids.fails) return Effect.fail(new DatabaseError({ operation: "transition", reason: "no" }))
        if (record.id === ids.dies) return Effect.die(new TypeError("user@example.com"))
        return inner.transition(record, to, facts, options)
      }
    })

  const [failingOne, dyingOne] = [recordWith(), recordWith()]

  it.effect("T-57 a request that cannot be written down, or meets a defect, does not keep the others", () =>
    Effect.gen(function* () {
      const { fake, memory } = yield* world
      fake.lookup = known("completed")
      const others = Array.from({ length: 8 }, () => recordWith())
      yield* onRecord(failingOne, dyingOne, ...others)
      const { exit, lines, text } = yield* written(reconcile())
      assert.deepInclude(yield* exit, { checked: 10, refreshed: 8, failed: 2, finished: true })
      for (const { id } of others) assert.strictEqual(memory.records.get(id)?.status, "completed")
      const said = lines.filter(({ message }) => message === "a request could not be looked after")
      assert.deepStrictEqual(
        said.map(({ correlationId, dsrRequestId, errorType, level }) => [
          dsrRequestId,
          correlationId,
          level,
          errorType
        ]),
        [
          [failingOne.id, failingOne.correlationId, "WARN", "DatabaseError"],
          [dyingOne.id, dyingOne.correlationId, "ERROR", "TypeError"]
        ]
      )
      assert.notMatch(text, /@|guardian-user/)
    }).pipe(reconciling({ store: breaking({ fails: failingOne.id, dies: dyingOne.id }) }))
  )

  it.effect("F-08 requests for which mParticle always fails are not the first of every run", () =>
    Effect.gen(function* () {
      const { fake } = yield* world
      const records = yield* staleOnes(30)
      const poisonous = new Set(records.slice(0, 12).map(({ id }) => String(id)))
      fake.lookup = (call) => (poisonous.has(idOf(call)) ? failing(500)() : known("pending")(call))
      const first = yield* reconcile("1 minutes")
      assert.deepInclude(first, { refreshed: 0, finished: false })
      assert.isAtMost(first.failed, 10, "the breaker opens after five, and five are under way")
      for (let run = 2; run <= 8; run += 1) {
        yield* untilNextRun
        yield* reconcile("1 minutes")
      }
      const healthy = records.slice(12).map(({ id }) => String(id))
      assert.includeMembers(fake.lookups.map(idOf), healthy)
    }).pipe(reconciling())
  )

  it.effect("CB-04 after an outage one request goes ahead, and the others follow in the same run", () =>
    Effect.gen(function* () {
      const { fake } = yield* world
      yield* onRecord(...Array.from({ length: 12 }, () => recordWith({ status: "queued" })))
      fake.lookup = () => "reset"
      assert.deepInclude(yield* reconcile("1 minutes"), { resubmitted: 0, finished: false })
      fake.lookup = failing(404)
      yield* untilNextRun
      assert.deepInclude(yield* reconcile("1 minutes"), { resubmitted: 12, failed: 0, finished: true })
      assert.lengthOf(fake.calls, 12)
    }).pipe(reconciling())
  )

  it.effect("T-70 stops when mParticle's quota is used up", () =>
    Effect.gen(function* () {
      const { fake } = yield* world
      yield* staleOnes(20)
      fake.lookup = inTurn(known("pending"), failing(429, "slow down", { "retry-after": "30" }))
      assert.deepInclude(yield* reconcile("1 minutes"), { refreshed: 1, finished: false })
      assert.isAtMost(fake.lookups.length, 6)
    }).pipe(reconciling())
  )

  it.effect("T-62 stops when mParticle refuses our credentials, and ends no request for it", () =>
    Effect.gen(function* () {
      const { fake, memory } = yield* world
      const [sent] = yield* onRecord(recordWith({ status: "queued" }))
      yield* staleOnes(20)
      for (const status of [401, 403]) {
        fake.lookups.length = 0
        fake.lookup = failing(status)
        assert.deepInclude(yield* reconcile("1 minutes"), { refreshed: 0, finished: false })
        assert.isAtMost(fake.lookups.length, 20, "one at a time of each kind, and once more with fresh credentials")
        assert.strictEqual(memory.records.get(sent?.id ?? recordWith().id)?.status, "queued")
        yield* untilNextRun
      }
    }).pipe(reconciling())
  )

  it.effect("a setting that is missing stops only the work that needs it", () =>
    Effect.gen(function* () {
      const { fake } = yield* world
      fake.lookup = known("pending")
      const uncopied = () => recordWith({ type: "export", status: "completed" })
      yield* onRecord(uncopied(), uncopied(), recordWith(), recordWith())
      const { exit, lines } = yield* written(reconcile())
      assert.deepInclude(yield* exit, { refreshed: 2, copied: 0, failed: 0, finished: false })
      const said = lines.filter(({ level }) => level === "WARN").map(({ error, message }) => [message, error])
      assert.deepStrictEqual(said, [["the rest is left to the next run: copy", "sar-results-bucket is missing"]])
    }).pipe(reconciling({ parameters: { "sar-results-bucket": "" } }))
  )

  it.effect("B-23 two runs at once send nothing twice", () =>
    Effect.gen(function* () {
      const { fake } = yield* world
      fake.lookup = () => Effect.as(Effect.sleep("200 millis"), failing(404)())
      yield* onRecord(...Array.from({ length: 10 }, () => recordWith({ status: "received" })))
      const both = yield* Effect.all([reconcile("2 minutes"), reconcile("2 minutes")], { concurrency: "unbounded" })
      const sent = fake.calls.map(({ body }) => (body as { readonly subject_request_id: string }).subject_request_id)
      assert.strictEqual(new Set(sent).size, 10)
      assert.lengthOf(sent, 10)
      for (const summary of both) assert.deepInclude(summary, { failed: 0, finished: true })
    }).pipe(reconciling())
  )
})

describe("an index that cannot be read", () => {
  const shardsFailing =
    (fails: (shard: number) => boolean) =>
    (inner: RequestStoreShape): RequestStoreShape => ({
      ...inner,
      pending: (cursor = { shard: 0 }) =>
        fails(cursor.shard)
          ? Effect.fail(new DatabaseError({ operation: "pending", reason: "InternalServerError" }))
          : Effect.map(inner.pending(), ({ records }) => {
              const page = { records: records.filter((_, index) => index % 4 === cursor.shard) }
              return cursor.shard < 3 ? { ...page, next: { shard: cursor.shard + 1 } } : page
            })
    })

  it.effect("in one part keeps nobody of the other parts waiting", () =>
    Effect.gen(function* () {
      const { fake } = yield* world
      fake.lookup = known("pending")
      yield* staleOnes(8)
      assert.deepInclude(yield* reconcile(), { checked: 4, refreshed: 4, failed: 0, finished: false })
    }).pipe(reconciling({ store: shardsFailing((shard) => shard === 0 || shard === 2) }))
  )

  it.effect("at all fails the run", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(reconcile())
      assert.deepStrictEqual(error, new DatabaseError({ operation: "pending", reason: "InternalServerError" }))
    }).pipe(reconciling({ store: shardsFailing(() => true) }))
  )
})
