/** What has to reach an engineer: a log line and a metric, once per incident and never in the way of the work. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"

/** One thing to tell an engineer. */
export interface Alert {
  readonly severity: "HIGH" | "MEDIUM"
  /** What the alert is about; alerts of one subject within the quiet period are one. */
  readonly subject: string
  readonly message: string
  /** Facts without personal data. */
  readonly context: Readonly<Record<string, string>>
}

/** Raises alerts. */
export interface AlertsShape {
  /** Raises an alert, unless one of its subject was raised within the last five minutes in this environment. */
  readonly raise: (alert: Alert) => Effect.Effect<void>
}

/** The alerts. */
export class Alerts extends Context.Tag("integration-services/services/Alerts")<Alerts, AlertsShape>() {}
