import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { handle } from "../../../src/handlers/Baton.ts"
import type { StatusSuccess } from "../../../src/schemas/Baton.ts"
import type { FlatStanding } from "../../../src/schemas/BatonFlat.ts"
import type { RequestId } from "../../../src/schemas/DataSubjectRequest.ts"
import { RequestStore } from "../../../src/services/RequestStore.ts"
import {
  during,
  flat,
  inMemory,
  initiateWith,
  measured,
  recordOf,
  statusOf,
  succeeded,
  upstream
} from "../../support/baton.ts"
import { MemoryStore } from "../../support/memoryStore.ts"
import { failing, known } from "../../support/mparticle.ts"

const stale = TestClock.adjust("15 minutes")

/** A request that is with mParticle, filed at noon. */
const filed = Effect.gen(function* () {
  yield* TestClock.setTime(Date.UTC(2024, 0, 15, 12))
  const fake = yield* upstream
  return { fake, id: succeeded(yield* initiateWith()).mparticleRequestId }
})

/** A request that mParticle has not got: it waits in the queue. */
const unsent = Effect.gen(function* () {
  yield* TestClock.setTime(Date.UTC(2024, 0, 15, 12))
  const fake = yield* upstream
  fake.reply = failing(429, "slow down", { "retry-after": "3600" })
  const answer = succeeded(yield* initiateWith())
  assert.strictEqual(answer.status, "queued")
  return { fake, id: answer.mparticleRequestId }
})

/** A completed export at noon, found so by a comparison, whose results are still to be copied. */
const uncopied = Effect.gen(function* () {
  yield* TestClock.setTime(Date.UTC(2024, 0, 15, 12))
  const fake = yield* upstream
  const id = succeeded(yield* initiateWith({ requestType: "export" })).mparticleRequestId
  const store = yield* RequestStore
  const end = "2024-01-15T12:00:00.000Z"
  yield* store.transition(yield* recordOf(id), "completed", { completedAt: end, lastSyncedAt: end })
  return { fake, id }
})

const standing = (id: RequestId) => Effect.map(statusOf(id), (answer) => succeeded(answer) as StatusSuccess)

describe("comparing a record with mParticle's", () => {
  it.effect("ST-11 does not while it was filed less than 15 minutes ago", () =>
    Effect.gen(function* () {
      const { fake, id } = yield* filed
      fake.lookup = known("completed")
      yield* TestClock.adjust("899999 millis")
      assert.strictEqual((yield* standing(id)).status, "submitted")
      assert.lengthOf(fake.lookups, 0)
    }).pipe(inMemory())
  )

  it.effect("ST-10 does after that, once, and keeps the end that it finds", () =>
    Effect.gen(function* () {
      const { fake, id } = yield* filed
      const memory = yield* MemoryStore
      fake.lookup = known("completed")
      yield* stale
      memory.operations.length = 0
      const { names, value } = yield* measured(standing(id))
      assert.deepInclude(value, { status: "completed", completedAt: "2024-01-15T12:15:00.000Z" })
      assert.notProperty(value, "downloadUrls")
      assert.deepInclude(yield* recordOf(id), {
        status: "completed",
        completedAt: "2024-01-15T12:15:00.000Z",
        lastSyncedAt: "2024-01-15T12:15:00.000Z"
      })
      assert.strictEqual(names().filter((name) => name === "BatonRequestsCompleted").length, 1)
      yield* TestClock.adjust("1 days")
      const later = yield* measured(standing(id))
      assert.strictEqual(later.value.completedAt, "2024-01-15T12:15:00.000Z")
      assert.notInclude(later.names(), "BatonRequestsCompleted")
      assert.lengthOf(fake.lookups, 1)
      assert.lengthOf(
        memory.operations.filter((operation) => operation === "transition"),
        1
      )
    }).pipe(inMemory())
  )

  it.effect("ST-10 counts the end once when several ask at the same moment", () =>
    Effect.gen(function* () {
      const { fake, id } = yield* filed
      fake.lookup = (call) => Effect.as(Effect.sleep("1 seconds"), known("completed")(call))
      yield* stale
      const all = Effect.all(
        Array.from({ length: 5 }, () => standing(id)),
        { concurrency: "unbounded" }
      )
      const { names, value } = yield* measured(during("2 seconds")(all))
      assert.isTrue(value.every(({ status }) => status === "completed"))
      assert.strictEqual(names().filter((name) => name === "BatonRequestsCompleted").length, 1)
    }).pipe(inMemory())
  )

  it.effect("ST-08 follows it into progress, in either dialect", () =>
    Effect.gen(function* () {
      const { fake, id } = yield* filed
      fake.lookup = known("in_progress", { expected_completion_time: "2024-02-01T00:00:00Z" })
      yield* stale
      assert.strictEqual((yield* standing(id)).status, "in_progress")
      assert.strictEqual((yield* recordOf(id)).expectedCompletionTime, "2024-02-01T00:00:00.000Z")
      const question = { requestType: "RER", action: "status", dataProvider: "mparticlerer", initiationReference: id }
      const answer = flat<FlatStanding>(yield* handle(question))
      assert.strictEqual(answer.status, "pending")
      assert.strictEqual(answer.message, `mParticle request ${id}, expected completion 2024-02-01T00:00:00.000Z`)
    }).pipe(inMemory())
  )

  it.effect("ST-16 300 questions in a minute cost no call while the record is fresh, and one when it is not", () =>
    Effect.gen(function* () {
      const { fake, id } = yield* filed
      fake.lookup = known("pending")
      const minute = Effect.forEach(
        Array.from({ length: 30 }),
        () => Effect.zipRight(TestClock.adjust("2 seconds"), Effect.replicateEffect(standing(id), 10)),
        { discard: true }
      )
      yield* minute
      assert.lengthOf(fake.lookups, 0)
      yield* stale
      yield* minute
      assert.lengthOf(fake.lookups, 1, "the comparison is noted also when nothing has changed")
      assert.strictEqual((yield* recordOf(id)).version, 2)
    }).pipe(inMemory())
  )

  it.effect(
    "ST-16 300 questions in a minute after a completed export's results, which are not there, cost one call",
    () =>
      Effect.gen(function* () {
        const { fake, id } = yield* uncopied
        const before = yield* recordOf(id)
        fake.lookup = known("completed", { results_url: null })
        const questions = Effect.forEach(
          Array.from({ length: 30 }),
          () => Effect.zipRight(TestClock.adjust("2 seconds"), Effect.replicateEffect(standing(id), 10)),
          { discard: true }
        )
        yield* questions
        assert.lengthOf(fake.lookups, 1, "the first one, at once")
        assert.deepStrictEqual(yield* recordOf(id), before, "who asks does not put off the reconciler's turn")
        fake.lookup = (call) => known("completed", { results_url: `${call.url}/results` })(call)
        fake.download = () => new Response("a zip")
        yield* TestClock.adjust("2 seconds")
        const answer = yield* standing(id)
        assert.lengthOf(answer.downloadUrls ?? [], 1)
        assert.lengthOf(fake.lookups, 2, "the next one a minute after the first")
      }).pipe(inMemory())
  )

  it.effect(
    "ST-17 results that an open breaker kept a question from are asked for as soon as it lets one through",
    () =>
      Effect.gen(function* () {
        const { fake, id } = yield* uncopied
        fake.reply = failing(429, "slow down", { "retry-after": "30" })
        assert.strictEqual(succeeded(yield* initiateWith()).status, "queued")
        fake.lookup = (call) => known("completed", { results_url: `${call.url}/results` })(call)
        fake.download = () => new Response("a zip")
        assert.notProperty(yield* standing(id), "downloadUrls")
        assert.lengthOf(fake.lookups, 0)
        yield* TestClock.adjust("31 seconds")
        assert.lengthOf((yield* standing(id)).downloadUrls ?? [], 1)
      }).pipe(inMemory())
  )

  it.effect("C-37 T-45 a status that nobody knows changes nothing, raises an alert, and is no outage", () =>
    Effect.gen(function* () {
      const { fake, id } = yield* filed
      fake.lookup = known("paused", { controller_id: 7 })
      for (const _ of Array.from({ length: 6 })) {
        yield* stale
        assert.strictEqual((yield* standing(id)).status, "submitted")
      }
      assert.lengthOf(fake.lookups, 6, "the breaker opens after five failures")
      assert.deepInclude(yield* recordOf(id), { version: 2, lastSyncedAt: "2024-01-15T13:30:00.000Z" })
      assert.deepStrictEqual(fake.alerts[0], {
        severity: "MEDIUM",
        subject: "unknown-status",
        message: "mParticle reports a status that is not in its documents",
        context: { dsrRequestId: id }
      })
      assert.strictEqual(succeeded(yield* initiateWith()).status, "submitted")
    }).pipe(inMemory())
  )

  it.effect("T-31 a cancelled request has failed, and the caller is told so", () =>
    Effect.gen(function* () {
      const { fake, id } = yield* filed
      fake.lookup = known("cancelled", { expected_completion_time: null })
      yield* stale
      const { names, value } = yield* measured(standing(id))
      assert.strictEqual(value.status, "failed")
      assert.deepStrictEqual(value.details, { reason: "CANCELLED" })
      assert.notProperty(value, "completedAt")
      assert.include(names(), "BatonRequestsFailed")
    }).pipe(inMemory())
  )

  it.effect("T-57 a request that mParticle took and does not know any more has failed", () =>
    Effect.gen(function* () {
      const { fake, id } = yield* filed
      yield* stale
      assert.deepStrictEqual((yield* standing(id)).details, { reason: "UNKNOWN_AT_PROCESSOR" })
      assert.deepInclude(yield* recordOf(id), { status: "failed", failureReason: "UNKNOWN_AT_PROCESSOR" })
      assert.lengthOf(fake.lookups, 1)
    }).pipe(inMemory())
  )

  it.effect("T-57 a request that mParticle never got stays to be sent", () =>
    Effect.gen(function* () {
      const { fake, id } = yield* unsent
      yield* stale
      assert.strictEqual((yield* standing(id)).status, "queued")
      assert.lengthOf(fake.lookups, 1)
      assert.strictEqual((yield* recordOf(id)).status, "queued")
    }).pipe(inMemory())
  )

  it.effect("ST-16 a request that mParticle never got is not asked for with every question", () =>
    Effect.gen(function* () {
      const { fake, id } = yield* unsent
      yield* stale
      for (let question = 0; question < 10; question += 1) yield* standing(id)
      assert.lengthOf(fake.lookups, 1)
    }).pipe(inMemory())
  )

  it.effect("T-57 a request that mParticle got although we did not hear of it is no longer waiting", () =>
    Effect.gen(function* () {
      const { fake, id } = yield* unsent
      fake.lookup = known("pending")
      yield* stale
      assert.strictEqual((yield* standing(id)).status, "submitted")
      assert.strictEqual((yield* recordOf(id)).status, "submitted")
    }).pipe(inMemory())
  )

  it.effect("ST-10 answers what is on record when mParticle cannot be asked, in time and without a retry", () =>
    Effect.gen(function* () {
      for (const [lookup, calls] of [
        [failing(500), 1],
        [failing(429), 1],
        [failing(401), 2],
        [() => "reset" as const, 1],
        [() => "silence" as const, 1],
        [() => new Response("<html>"), 1],
        [failing(301), 1],
        [failing(408), 1]
      ] as const) {
        yield* Effect.gen(function* () {
          const { fake, id } = yield* filed
          fake.lookup = lookup
          yield* stale
          const before = yield* recordOf(id)
          assert.strictEqual((yield* during("5 seconds")(standing(id))).status, "submitted")
          assert.lengthOf(fake.lookups, calls)
          assert.deepStrictEqual(yield* recordOf(id), before)
        }).pipe(inMemory())
      }
    })
  )

  it.effect("ST-10 answers what is on record when the change cannot be written", () =>
    Effect.gen(function* () {
      const { fake, id } = yield* filed
      const memory = yield* MemoryStore
      fake.lookup = known("completed")
      memory.fails = (operation) => operation === "transition"
      yield* stale
      assert.strictEqual((yield* standing(id)).status, "submitted")
    }).pipe(inMemory())
  )

  it.effect("C-31 never takes an end back", () =>
    Effect.gen(function* () {
      const { fake, id } = yield* filed
      const store = yield* RequestStore
      yield* store.transition(yield* recordOf(id), "completed", { completedAt: "2024-01-15T12:00:00.000Z" })
      fake.lookup = known("in_progress")
      yield* stale
      assert.strictEqual((yield* standing(id)).status, "completed")
      assert.lengthOf(fake.lookups, 0)
    }).pipe(inMemory())
  )
})
