/** Writing down what mParticle says of a request: its state, the facts with it, and the first sight of its end. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { RequestRecord } from "../../schemas/DataSubjectRequest.ts"
import { recordStatus, type RequestState, type SubmitAccepted, timestampFrom } from "../../schemas/OpenDsr.ts"
import * as Metrics from "../../services/Metrics.ts"
import type { RequestStoreShape, StoreError, Transitioned, TransitionFacts } from "../../services/RequestStore.ts"

/** mParticle's word on a request: that it took it, or where it stands. */
export type Word = SubmitAccepted | RequestState

type Standing = (typeof recordStatus)[keyof typeof recordStatus]

/** Counts an end of a request of Baton's; those filed over HTTP are none of its. */
export const countEnd = (
  record: RequestRecord,
  name: "BatonRequestsCompleted" | "BatonRequestsFailed"
): Effect.Effect<void> => (record.submittedAs === undefined ? Metrics.count(name) : Effect.void)

/** Moves a record to where mParticle says it is, and counts its end when this is the first to see it. */
export const moveTo = (
  store: RequestStoreShape,
  record: RequestRecord,
  to: Standing,
  facts: TransitionFacts
): Effect.Effect<Option.Option<Transitioned>, StoreError> =>
  Effect.tap(store.transition(record, to, facts), (moved) =>
    Effect.gen(function* () {
      if (Option.isNone(moved) || !moved.value.changed) return
      if (to === "completed") yield* countEnd(record, "BatonRequestsCompleted")
      if (to === "failed") yield* countEnd(record, "BatonRequestsFailed")
    })
  )

/** Writes mParticle's word down. An accepted request is submitted; any other word names its state. */
export const note = (
  store: RequestStoreShape,
  record: RequestRecord,
  word: Word
): Effect.Effect<Option.Option<Transitioned>, StoreError> =>
  Effect.gen(function* () {
    const at = new Date(yield* Clock.currentTimeMillis).toISOString()
    const to = "request_status" in word ? recordStatus[word.request_status] : "submitted"
    const expected = timestampFrom(word.expected_completion_time)
    return yield* moveTo(store, record, to, {
      lastSyncedAt: at,
      ...(expected === undefined ? {} : { expectedCompletionTime: expected }),
      ...(typeof word.controller_id === "string" ? { controllerId: word.controller_id } : {}),
      ...(to === "completed" ? { completedAt: at } : {}),
      ...(to === "failed" ? { failureReason: "CANCELLED" } : {})
    })
  })
