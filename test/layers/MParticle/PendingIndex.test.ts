/** The index of everything that somebody has to look after, in the real engine. */
import { GetItemCommand, PutItemCommand } from "@aws-sdk/client-dynamodb"
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { shards } from "../../../src/layers/MParticle/pendingIndex.ts"
import type { RequestId, RequestRecord } from "../../../src/schemas/DataSubjectRequest.ts"
import { type PendingCursor, type PendingPage, RequestStore } from "../../../src/services/RequestStore.ts"
import { Dynamo, intercepted, tableNames } from "../../support/dynamo.ts"
import { claimed, day, live, moved } from "../../support/requests.ts"

/** All pages, as the reconciliation reads them. */
const pages = Effect.gen(function* () {
  const store = yield* RequestStore
  const all: Array<PendingPage> = []
  let cursor: PendingCursor | undefined
  do {
    const page: PendingPage = yield* store.pending(cursor)
    all.push(page)
    cursor = page.next
  } while (cursor !== undefined)
  return all
})

const pending = Effect.map(pages, (all) => all.flatMap(({ records }) => records))

const isPending = (id: RequestId) => Effect.map(pending, (records) => records.some((record) => record.id === id))

/** The item itself, with what no record shows. */
const itemOf = (id: RequestId) =>
  Effect.flatMap(Dynamo, (dynamo) =>
    Effect.promise(async () => {
      const { Item = {} } = await dynamo.send(
        new GetItemCommand({ TableName: tableNames.dsr, Key: marshall({ id }), ConsistentRead: true })
      )
      return unmarshall(Item)
    })
  )

const reloaded = (record: RequestRecord) =>
  Effect.flatMap(RequestStore, (store) => Effect.map(store.get(record.id), Option.getOrThrow))

const later = "1970-01-15T00:00:00.000Z"

layer(live)("a request in the index", (it) => {
  it.effect("T-57 is there from its claim until its end, once and as it stands", () =>
    Effect.gen(function* () {
      const record = yield* claimed()
      assert.isTrue(yield* isPending(record.id))
      let known = record
      for (const to of ["queued", "submitted", "in_progress"] as const) {
        known = (yield* moved(known, to, to === "submitted" ? { expectedCompletionTime: later } : {})).record
        const [found, ...more] = (yield* pending).filter(({ id }) => id === record.id)
        assert.deepStrictEqual(found, known, to)
        assert.lengthOf(more, 0)
      }
      yield* moved(known, "completed")
      assert.isFalse(yield* isPending(record.id))
      assert.notProperty(yield* itemOf(record.id), "pendingShard")
    })
  )

  it.effect("T-57 is gone when it has failed, from whatever state and of whatever type", () =>
    Effect.gen(function* () {
      for (const type of ["delete", "export"] as const) {
        for (const before of ["received", "in_progress"] as const) {
          const record = yield* claimed({ type })
          const known = before === "received" ? record : (yield* moved(record, before)).record
          yield* moved(known, "failed", { failureReason: "CANCELLED" })
          assert.isFalse(yield* isPending(record.id))
        }
      }
    })
  )

  it.effect("ST-17 T-76 stays after its completion while the results of an export are not settled", () =>
    Effect.gen(function* () {
      const store = yield* RequestStore
      for (const results of [
        { resultLocations: ["s3://results/a.zip"] },
        { resultLocations: [] },
        { failureReason: "RESULTS_EXPIRED" }
      ]) {
        const { record } = yield* moved(yield* claimed({ type: "export" }), "completed", { completedAt: later })
        assert.isTrue(yield* isPending(record.id))
        const saved = yield* store.saveResults(record, results)
        assert.deepStrictEqual(saved, { ...record, ...results })
        assert.isFalse(yield* isPending(record.id))
        assert.notProperty(yield* itemOf(record.id), "pendingShard")
        assert.deepStrictEqual(yield* reloaded(record), saved)
      }
    })
  )

  it.effect("ST-11 stays when it was only compared, or its lease was taken", () =>
    Effect.gen(function* () {
      const store = yield* RequestStore
      const record = yield* claimed()
      yield* store.acquire(record.id, { owner: "owner-2", until: 20_000 }, 15_000)
      yield* store.release(record.id, "owner-2")
      yield* store.markSynced(record.id, later)
      assert.isTrue(yield* isPending(record.id))
    })
  )

  it.effect("T-67 has no completion time while mParticle has named none, although the index needs one", () =>
    Effect.gen(function* () {
      const record = yield* claimed({ submittedAt: "1970-01-01T00:00:07.000Z" })
      assert.strictEqual((yield* itemOf(record.id))["expectedCompletionTime"], "1970-01-01T00:00:07.000Z")
      const known = (yield* moved(record, "submitted")).record
      for (const read of [record, known, yield* reloaded(record)]) assert.notProperty(read, "expectedCompletionTime")
      const found = (yield* pending).find(({ id }) => id === record.id)
      assert.deepStrictEqual(found, known)
      const told = (yield* moved(known, "in_progress", { expectedCompletionTime: later })).record
      assert.strictEqual((yield* reloaded(record)).expectedCompletionTime, later)
      assert.strictEqual(told.expectedCompletionTime, later)
    })
  )

  it.effect("D-14 T-28 of a completed erasure keeps a hash of the address, that of an export keeps the address", () =>
    Effect.gen(function* () {
      const erased = (yield* moved(yield* claimed(), "completed")).record
      assert.match(erased.email ?? "", /^hmac-sha256:[0-9a-f]{64}$/)
      assert.strictEqual((yield* itemOf(erased.id))["email"], erased.email)
      const exported = (yield* moved(yield* claimed({ type: "export" }), "completed")).record
      assert.strictEqual((yield* itemOf(exported.id))["email"], "user@example.com")
      const found = (yield* pending).find(({ id }) => id === exported.id)
      assert.strictEqual(found?.email, "user@example.com")
    })
  )

  it.effect("T-57 is there also beside an item that nobody can read", () =>
    Effect.gen(function* () {
      const dynamo = yield* Dynamo
      const record = yield* claimed()
      const { pendingShard } = yield* itemOf(record.id)
      const broken = { id: "broken", pendingShard, expectedCompletionTime: "0" }
      yield* Effect.promise(() =>
        dynamo.send(new PutItemCommand({ TableName: tableNames.dsr, Item: marshall(broken) }))
      )
      assert.isTrue(yield* isPending(record.id))
    })
  )

  it.effect("ST-14 is left out when it is past its time to live, also before DynamoDB has deleted it", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(0)
      const record = yield* claimed()
      assert.isTrue(yield* isPending(record.id))
      yield* TestClock.setTime(91 * day * 1000)
      assert.isFalse(yield* isPending(record.id))
    })
  )
})

layer(live)("the pages of the index", (it) => {
  it.scoped("T-57 hold every request once, in pages of a hundred, what is due first first in each part", () =>
    Effect.gen(function* () {
      const times = Array.from({ length: 250 }, (_, index) => new Date((index * 7_919) % 86_400_000).toISOString())
      const records = yield* Effect.forEach(times, (submittedAt) => claimed({ submittedAt }), { concurrency: 10 })
      const queries = yield* intercepted<{ readonly Limit?: number }, object>("QueryCommand")
      const all = yield* pages
      assert.sameMembers(
        all.flatMap(({ records: some }) => some.map(({ id }) => id)),
        records.map(({ id }) => id)
      )
      assert.strictEqual(queries.length, all.length)
      assert.isAtLeast(all.length, shards.length)
      for (const { next, records: some } of all) {
        assert.isAtMost(some.length, 100)
        const due = some.map(({ submittedAt }) => submittedAt)
        assert.deepStrictEqual(due, due.toSorted())
        assert.isTrue(next === undefined || next.after !== undefined || next.shard > 0)
      }
    })
  )

  it.scoped("T-57 go on after the hundredth of a part", () =>
    Effect.gen(function* () {
      const store = yield* RequestStore
      const records = yield* Effect.replicateEffect(claimed(), 450, { concurrency: 10 })
      const first = yield* store.pending()
      assert.lengthOf(first.records, 100)
      assert.strictEqual(first.next?.shard, 0)
      assert.isDefined(first.next?.after)
      const found = new Set((yield* pending).map(({ id }) => id))
      assert.isTrue(records.every(({ id }) => found.has(id)))
    })
  )
})
