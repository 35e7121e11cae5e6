/** Writing down what mParticle says of a request: its state, the facts with it, and the first sight of its end. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { RequestId, RequestRecord } from "../../schemas/DataSubjectRequest.ts"
import {
  isUpstreamStatus,
  recordStatus,
  type RequestState,
  type SubmitAccepted,
  timestampFrom
} from "../../schemas/OpenDsr.ts"
import { Alerts, type AlertsShape } from "../../services/Alerts.ts"
import * as Metrics from "../../services/Metrics.ts"
import { RequestStore, type StoreError, type Transitioned, type TransitionFacts } from "../../services/RequestStore.ts"

/** mParticle's word on a request: that it took it, or where it stands. */
export type Word = SubmitAccepted | RequestState

type Standing = (typeof recordStatus)[keyof typeof recordStatus]

/** Counts an end of a request of Baton's; those filed over HTTP are none of its. */
export const countEnd = (
  record: RequestRecord,
  name: "BatonRequestsCompleted" | "BatonRequestsFailed"
): Effect.Effect<void> => (record.submittedAs === undefined ? Metrics.count(name) : Effect.void)

/** Tells of a status that is not in mParticle's documents: nobody knows what it means for the request. */
export const raiseUnknownStatus = (alerts: AlertsShape, id: RequestId): Effect.Effect<void> =>
  alerts
    .raise({
      severity: "MEDIUM",
      subject: "unknown-status",
      message: "mParticle reports a status that is not in its documents",
      context: { dsrRequestId: id }
    })
    .pipe(Effect.catchAllCause((cause) => Effect.logWarning("an alert was not raised", cause)))

/** What is written down of a record, over the request store. */
export const make = Effect.gen(function* () {
  const alerts = yield* Alerts
  const store = yield* RequestStore

  /** Moves a record to where mParticle says it is, and counts its end when this is the first to see it. */
  const moveTo = (
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

  /** Where a request is by mParticle's word. One at a status that nobody knows is there, and no more can be said of it. */
  const standingOf = (record: RequestRecord, word: Word): Effect.Effect<Standing> => {
    if (!("request_status" in word)) return Effect.succeed("submitted")
    if (isUpstreamStatus(word.request_status)) return Effect.succeed(recordStatus[word.request_status])
    return Effect.as(raiseUnknownStatus(alerts, record.id), "submitted")
  }

  /** Writes mParticle's word down. An accepted request is submitted; any other word names its state. */
  const note = (record: RequestRecord, word: Word): Effect.Effect<Option.Option<Transitioned>, StoreError> =>
    Effect.gen(function* () {
      const at = new Date(yield* Clock.currentTimeMillis).toISOString()
      const to = yield* standingOf(record, word)
      const expected = timestampFrom(word.expected_completion_time)
      return yield* moveTo(record, to, {
        lastSyncedAt: at,
        ...(expected === undefined ? {} : { expectedCompletionTime: expected }),
        ...(typeof word.controller_id === "string" ? { controllerId: word.controller_id } : {}),
        ...(to === "completed" ? { completedAt: at } : {}),
        ...(to === "failed" ? { failureReason: "CANCELLED" } : {})
      })
    })

  return { moveTo, note }
})
