/** The requests that are stuck, gathered during a run and told at its end. */
import * as Effect from "effect/Effect"
import type { RequestId, RequestRecord } from "../../../schemas/DataSubjectRequest.ts"
import type { Alert, AlertsShape } from "../../../services/Alerts.ts"
import * as Metrics from "../../../services/Metrics.ts"
import { type Stuck, stuckIn } from "../../../services/Reconciliation/Rules.ts"

/** How many ids an alert names: enough to look at, few enough for a line. */
const namedIds = 10

const alertOf: Readonly<Record<Stuck, Pick<Alert, "subject" | "message">>> = {
  unsent: { subject: "stuck-unsent", message: "requests are not with mParticle a day after they were filed" },
  unacknowledged: {
    subject: "stuck-unacknowledged",
    message: "mParticle has requests for a day and has not said when it will be done with them"
  },
  overdue: {
    subject: "stuck-overdue",
    message: "requests are not completed a day after the time that mParticle named"
  },
  uncopied: { subject: "stuck-uncopied", message: "results of exports are not here a day after the end" }
}

/** All the ways, each told in every run. */
const kinds: ReadonlyArray<Stuck> = ["unsent", "unacknowledged", "overdue", "uncopied"]

/** Requests under watch. */
export interface Watch {
  /** Takes note of a request as it stands now, in place of what was known of it. */
  readonly see: (record: RequestRecord, now: number) => void
  /** A request has moved, to somewhere that is no trouble. */
  readonly release: (id: RequestId) => void
  /** Writes one value per kind, and one alert per kind that has any; answers how many requests are stuck. */
  readonly tell: (alerts: AlertsShape) => Effect.Effect<number>
}

/** A watch over nothing yet. */
export const make = (): Watch => {
  const stuck = new Map<RequestId, { readonly kind: Stuck; readonly since: string }>()

  const raise = (alerts: AlertsShape, kind: Stuck, ids: ReadonlyArray<RequestId>): Effect.Effect<void> =>
    alerts
      .raise({
        ...alertOf[kind],
        severity: "HIGH",
        context: { count: String(ids.length), dsrRequestIds: ids.slice(0, namedIds).join(" ") }
      })
      .pipe(Effect.catchAllCause((cause) => Effect.logWarning("an alert was not raised", cause)))

  return {
    see: (record, now) => {
      const kind = stuckIn(record, now)
      if (kind === undefined) stuck.delete(record.id)
      else stuck.set(record.id, { kind, since: record.submittedAt })
    },
    release: (id) => void stuck.delete(id),
    tell: Effect.fnUntraced(function* (alerts) {
      const oldestFirst = [...stuck].toSorted(([, one], [, other]) => (one.since < other.since ? -1 : 1))
      for (const kind of kinds) {
        const ids = oldestFirst.filter(([, entry]) => entry.kind === kind).map(([id]) => id)
        yield* Metrics.gauge("StuckRequests", ids.length, { Kind: kind })
        if (ids.length > 0) yield* raise(alerts, kind, ids)
      }
      return stuck.size
    })
  }
}
