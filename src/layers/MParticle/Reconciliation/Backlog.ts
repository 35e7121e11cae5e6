/** Everything that is due: read from the index of pending requests, those first whose last turn is longest ago. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { RequestRecord } from "../../../schemas/DataSubjectRequest.ts"
import { remainingMillis } from "../../../services/Deadline.ts"
import { type Duty, dutyOf, lastTurn } from "../../../services/Reconciliation/Rules.ts"
import type { PendingCursor, RequestStoreShape, StoreError } from "../../../services/RequestStore.ts"
import { shards } from "../pendingIndex.ts"

/** More than one run can do of a kind: what is due beyond that is not even kept in memory. */
const mostPerRun = 2_000

/** What was read. */
export interface Backlog {
  readonly checked: number
  readonly due: Readonly<Record<Duty, ReadonlyArray<RequestRecord>>>
  /** Whether all pending requests were read, and all that is due is in here. */
  readonly complete: boolean
}

/** How the backlog is read. */
export interface BacklogOptions {
  /** A request that was looked after less than this ago is not due. */
  readonly refreshMillis: number
  /** Nothing is read with less time left than this. */
  readonly leastMillis: number
  /** Is shown every request. */
  readonly see: (record: RequestRecord, now: number) => void
}

const longestAgoFirst = (records: ReadonlyArray<RequestRecord>): ReadonlyArray<RequestRecord> =>
  records.toSorted((one, other) => (lastTurn(one) < lastTurn(other) ? -1 : 1))

/** Reads it. A part of the index that cannot be read is left out, and it fails when that goes for every part. */
export const read = (store: RequestStoreShape, options: BacklogOptions): Effect.Effect<Backlog, StoreError> =>
  Effect.gen(function* () {
    const due: Record<Duty, ReadonlyArray<RequestRecord>> = { send: [], refresh: [], copy: [] }
    let checked = 0
    let pages = 0
    let complete = true

    const take = (duty: Duty, records: ReadonlyArray<RequestRecord>): void => {
      if (records.length === 0) return
      const all = longestAgoFirst([...due[duty], ...records])
      complete &&= all.length <= mostPerRun
      due[duty] = all.slice(0, mostPerRun)
    }

    let cursor: PendingCursor | undefined = { shard: 0 }
    while (cursor !== undefined) {
      if ((yield* remainingMillis) < options.leastMillis) return { checked, due, complete: false }
      const page: Either.Either<
        Effect.Effect.Success<ReturnType<typeof store.pending>>,
        StoreError
      > = yield* Effect.either(store.pending(cursor))
      if (Either.isLeft(page)) {
        const next: number = cursor.shard + 1
        if (pages === 0 && next >= shards.length) return yield* page.left
        yield* Effect.logError("a part of the pending requests cannot be read", Cause.fail(page.left))
        complete = false
        cursor = next < shards.length ? { shard: next } : undefined
        continue
      }
      pages += 1
      const now = yield* Clock.currentTimeMillis
      const { records, next } = page.right
      checked += records.length
      for (const record of records) options.see(record, now)
      for (const duty of ["send", "refresh", "copy"] as const) {
        take(
          duty,
          records.filter((record) => dutyOf(record, now, options.refreshMillis) === duty)
        )
      }
      cursor = next
    }
    return { checked, due, complete }
  })
