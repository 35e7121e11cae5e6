import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { genesis } from "../../../src/layers/MParticle/AuditChain.ts"
import type { RecordStatus } from "../../../src/schemas/DataSubjectRequest.ts"
import { IdempotencyConflict } from "../../../src/schemas/MParticleError.ts"
import { RequestStore } from "../../../src/services/RequestStore.ts"
import { layer as memory } from "../../support/memoryStore.ts"
import { claimed, day, lease, live, moved, request } from "../../support/requests.ts"

// The store in memory stands in for DynamoDB where the clock decides, so it has to keep the same promises.
const stores: ReadonlyArray<readonly [string, Layer.Layer<RequestStore>]> = [
  ["in DynamoDB", live],
  ["in memory", memory]
]

for (const [where, store] of stores) {
  layer(store)(`RequestStore ${where}: claims`, (it) => {
    it.effect("D-01 gives back what was claimed", () =>
      Effect.gen(function* () {
        const requests = yield* RequestStore
        const wanted = yield* request()
        const { isNew, record } = yield* requests.claim(wanted, lease)
        assert.isTrue(isNew)
        assert.match(record.auditHash, /^[0-9a-f]{64}$/)
        assert.notStrictEqual(record.auditHash, genesis)
        assert.deepStrictEqual(record, {
          ...wanted,
          status: "received",
          statusRank: 0,
          updatedAt: wanted.submittedAt,
          version: 1,
          auditHash: record.auditHash,
          claimOwner: "owner-1",
          leaseUntil: 10_000
        })
        assert.deepStrictEqual(yield* requests.get(wanted.id), Option.some(record))
      })
    )

    it.effect("D-02 answers the earlier record to the same claim, as a result and not as an error", () =>
      Effect.gen(function* () {
        const requests = yield* RequestStore
        const wanted = yield* request()
        const { record } = yield* requests.claim(wanted, lease)
        const again = yield* requests.claim(wanted, { owner: "owner-2", until: 99_000 })
        assert.deepStrictEqual(again, { isNew: false, record })
      })
    )

    it.effect("B-23 lets one of 20 racing claims win", () =>
      Effect.gen(function* () {
        const requests = yield* RequestStore
        const wanted = yield* request()
        const outcomes = yield* Effect.all(
          Array.from({ length: 20 }, () => requests.claim(wanted, lease)),
          { concurrency: "unbounded" }
        )
        assert.lengthOf(
          outcomes.filter(({ isNew }) => isNew),
          1
        )
        assert.isTrue(outcomes.every(({ record }) => record.id === wanted.id))
      })
    )

    it.effect("B-22 refuses a correlation id that belongs to a different request", () =>
      Effect.gen(function* () {
        const requests = yield* RequestStore
        const wanted = yield* request()
        const { correlationId, identityId } = wanted
        yield* requests.claim(wanted, lease)
        const others = yield* Effect.all([
          request({ correlationId }),
          request({ correlationId, identityId, email: "other@example.com" }),
          request({ correlationId, identityId, type: "export" })
        ])
        for (const other of others) {
          const error = yield* Effect.flip(requests.claim(other, lease))
          assert.deepStrictEqual(error, new IdempotencyConflict({ requestId: wanted.id }))
        }
      })
    )

    it.effect("B-28 lets a person have one active request of a type, and frees the lock at either end", () =>
      Effect.gen(function* () {
        const requests = yield* RequestStore
        for (const end of ["completed", "failed"] as const) {
          const first = yield* claimed()
          const { identityId } = first
          const again = yield* requests.claim(yield* request({ identityId }), lease)
          assert.deepStrictEqual(again, { isNew: false, record: first })
          const other = yield* requests.claim(yield* request({ identityId, type: "export" }), lease)
          assert.isTrue(other.isNew, "an export beside an active deletion is a request of its own")
          yield* moved(first, end)
          assert.isTrue((yield* requests.claim(yield* request({ identityId }), lease)).isNew)
        }
      })
    )

    it.effect("B-22 leads a correlation id to the request that it was answered with, also after that has ended", () =>
      Effect.gen(function* () {
        const requests = yield* RequestStore
        const first = yield* claimed()
        const again = yield* request({ identityId: first.identityId })
        yield* requests.claim(again, lease)
        const { record } = yield* moved(first, "completed")
        assert.deepStrictEqual(yield* requests.claim(again, lease), { isNew: false, record })
      })
    )

    it.effect("ST-14 counts what is past its time to live as gone: record, correlation and lock", () =>
      Effect.gen(function* () {
        const requests = yield* RequestStore
        yield* TestClock.setTime(0)
        const first = yield* request()
        yield* requests.claim(first, lease)
        yield* TestClock.setTime(91 * day * 1000)
        const { identityId } = first
        const next = yield* request({ identityId })
        const outcome = yield* requests.claim({ ...next, expiresAt: 181 * day }, lease)
        assert.isTrue(outcome.isNew)
        assert.strictEqual(outcome.record.id, next.id)
        yield* moved(outcome.record, "completed")
        assert.isTrue((yield* requests.claim({ ...first, expiresAt: 181 * day }, lease)).isNew, "the very same again")
      })
    )

    it.effect("ST-14 D-13 hides a record past its time to live, which is in epoch seconds", () =>
      Effect.gen(function* () {
        const requests = yield* RequestStore
        yield* TestClock.setTime(0)
        const record = yield* claimed()
        assert.strictEqual(record.expiresAt, 7_776_000)
        yield* TestClock.setTime(record.expiresAt * 1000 - 1)
        assert.isTrue(Option.isSome(yield* requests.get(record.id)))
        yield* TestClock.setTime(record.expiresAt * 1000)
        assert.isTrue(Option.isNone(yield* requests.get(record.id)))
        assert.deepStrictEqual(yield* requests.getMany([record.id]), [Option.none()])
        assert.deepStrictEqual(yield* requests.findByEmail("nobody-else@example.com"), [])
      })
    )
  })

  layer(store)(`RequestStore ${where}: leases`, (it) => {
    const mine = { owner: "owner-1", until: 20_000 }
    const theirs = { owner: "owner-2", until: 25_000 }

    it.effect("B-25 prolongs the owner's lease and keeps others off until it has lapsed", () =>
      Effect.gen(function* () {
        const requests = yield* RequestStore
        const record = yield* claimed()
        assert.deepStrictEqual(yield* requests.acquire(record.id, theirs, 9_999), Option.none())
        assert.deepStrictEqual(
          yield* requests.acquire(record.id, mine, 9_999),
          Option.some({ ...record, leaseUntil: 20_000 })
        )
        assert.deepStrictEqual(yield* requests.acquire(record.id, theirs, 19_999), Option.none())
        const taken = { ...record, claimOwner: "owner-2", leaseUntil: 25_000 }
        assert.deepStrictEqual(yield* requests.acquire(record.id, theirs, 20_000), Option.some(taken))
        assert.deepStrictEqual(yield* requests.acquire(record.id, mine, 20_001), Option.none())
        assert.deepStrictEqual(yield* requests.get(record.id), Option.some(taken))
      })
    )

    it.effect("B-25 lets one of many racing processes take a lapsed lease over", () =>
      Effect.gen(function* () {
        const requests = yield* RequestStore
        const { id } = yield* claimed()
        const outcomes = yield* Effect.forEach(
          Array.from({ length: 10 }, (_, index) => ({ owner: `racer-${index}`, until: 30_000 })),
          (racer) => requests.acquire(id, racer, 10_000),
          { concurrency: "unbounded" }
        )
        assert.lengthOf(outcomes.filter(Option.isSome), 1)
      })
    )

    it.effect("F-04 gives a lease back only to its owner's wish", () =>
      Effect.gen(function* () {
        const requests = yield* RequestStore
        const { id } = yield* claimed()
        yield* requests.release(id, "owner-2")
        assert.deepStrictEqual(yield* requests.acquire(id, theirs, 1), Option.none())
        yield* requests.release(id, "owner-1")
        assert.isTrue(Option.isSome(yield* requests.acquire(id, theirs, 1)))
      })
    )

    it.effect("F-05 has nothing to lease where nothing is left to send, or nothing is", () =>
      Effect.gen(function* () {
        const requests = yield* RequestStore
        assert.deepStrictEqual(yield* requests.acquire((yield* request()).id, mine, 99_000), Option.none())
        for (const to of ["submitted", "in_progress", "completed", "failed"] as const) {
          const { record } = yield* moved(yield* claimed(), to)
          assert.deepStrictEqual(yield* requests.acquire(record.id, mine, 99_000), Option.none(), to)
        }
        const { record } = yield* moved(yield* claimed(), "queued")
        assert.isTrue(Option.isSome(yield* requests.acquire(record.id, theirs, 10_000)))
      })
    )

    it.effect("D-05 creates nothing by giving back or noting a comparison", () =>
      Effect.gen(function* () {
        const requests = yield* RequestStore
        const { id } = yield* request()
        yield* requests.release(id, "owner-1")
        yield* Effect.ignore(requests.markSynced(id, "1970-01-01T00:00:00.000Z"))
        assert.deepStrictEqual(yield* requests.get(id), Option.none())
      })
    )
  })

  layer(store)(`RequestStore ${where}: states`, (it) => {
    it.effect("D-04 keeps what a transition adds, and when it happened", () =>
      Effect.gen(function* () {
        const requests = yield* RequestStore
        yield* TestClock.setTime(5_000)
        const facts = { controllerId: "w", expectedCompletionTime: "1970-01-15T00:00:00.000Z" }
        const { changed, record } = yield* moved(yield* claimed(), "submitted", facts)
        assert.isTrue(changed)
        assert.deepInclude(record, { ...facts, status: "submitted", statusRank: 2, version: 2 })
        assert.strictEqual(record.updatedAt, "1970-01-01T00:00:05.000Z")
        const done = yield* moved(record, "completed", { completedAt: "1970-01-05T00:00:00.000Z" })
        assert.deepInclude(done.record, { status: "completed", completedAt: "1970-01-05T00:00:00.000Z", version: 3 })
        assert.deepStrictEqual(yield* requests.get(record.id), Option.some(done.record))
      })
    )

    it.effect("C-31 moves forward only, and an end never changes", () =>
      Effect.gen(function* () {
        const order: ReadonlyArray<RecordStatus> = ["received", "queued", "submitted", "in_progress"]
        for (const end of ["completed", "failed"] as const) {
          let known = yield* claimed()
          const first = known
          for (const to of [...order.slice(1), end]) {
            const { changed, record } = yield* moved(known, to)
            assert.isTrue(changed, to)
            known = record
            for (const back of [...order.filter((_, index) => index <= order.indexOf(to)), to]) {
              // Also from a copy that is out of date.
              for (const copy of [known, first]) {
                assert.deepStrictEqual(yield* moved(copy, back), { record: known, changed: false }, `${to} to ${back}`)
              }
            }
          }
          for (const other of ["completed", "failed"] as const) {
            assert.deepStrictEqual(yield* moved(known, other), { record: known, changed: false })
          }
        }
      })
    )

    it.effect("D-05 creates nothing where no record is", () =>
      Effect.gen(function* () {
        const requests = yield* RequestStore
        const ghost = { ...(yield* claimed()), id: (yield* request()).id }
        assert.deepStrictEqual(yield* requests.transition(ghost, "submitted"), Option.none())
        assert.deepStrictEqual(yield* requests.get(ghost.id), Option.none())
      })
    )

    it.effect("ST-11 notes when mParticle was asked, and changes nothing else", () =>
      Effect.gen(function* () {
        const requests = yield* RequestStore
        const { record } = yield* moved(yield* claimed(), "submitted")
        yield* requests.markSynced(record.id, "1970-01-02T00:00:00.000Z")
        assert.deepStrictEqual(
          yield* requests.get(record.id),
          Option.some({ ...record, lastSyncedAt: "1970-01-02T00:00:00.000Z" })
        )
      })
    )
  })
}
