/** {@link Alerts} as a log line `event_type: "alert"` and a metric that the stack alarms on. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import { Alerts, type AlertsShape } from "../../services/Alerts.ts"
import * as Metrics from "../../services/Metrics.ts"

/** Milliseconds in which a subject is not raised again. */
const quietMillis = 5 * 60 * 1000

/** Alerts that remember, for one environment, what they have raised. */
export const make: Effect.Effect<AlertsShape> = Effect.gen(function* () {
  const raisedAt = yield* Ref.make<ReadonlyMap<string, number>>(new Map())
  return {
    raise: Effect.fnUntraced(function* (alert) {
      const now = yield* Clock.currentTimeMillis
      const isNew = yield* Ref.modify(raisedAt, (known) => {
        const last = known.get(alert.subject)
        return last !== undefined && now - last < quietMillis
          ? [false, known]
          : [true, new Map(known).set(alert.subject, now)]
      })
      if (!isNew) return
      yield* Metrics.count("Alerts", { Severity: alert.severity })
      yield* Effect.logError(alert.message).pipe(
        Effect.annotateLogs({ event_type: "alert", severity: alert.severity, subject: alert.subject, ...alert.context })
      )
    })
  }
})

/** {@link Alerts} of one environment. */
export const layer: Layer.Layer<Alerts> = Layer.effect(Alerts, make)
