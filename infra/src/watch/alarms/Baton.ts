/** Alarms of Baton: the function that a privacy orchestrator of another account invokes. */
import type { AlarmDefinition } from "../Definition.ts"
import { ofCode, ofLog } from "../Metric.ts"
import { namespaces, type Target } from "../Target.ts"
import {
  alarm,
  duration,
  errors,
  errorsInADay,
  fiveMinutes,
  hour,
  minute,
  throttles,
  type Watchable,
  when,
  whenMath,
  whenUnusual
} from "./Common.ts"

const baton: Watchable = { name: "mparticle-api-lambda", prefix: "" }
const measured = ofCode(namespaces.Baton)

/**
 * A directly invoked function is not told who calls it, and one that is refused never runs: the only trace is what the
 * trail has of the refusal, by the resource in IAM's message or by the role that was to be assumed.
 */
const refused = [
  `($.errorCode = "AccessDenied*")`,
  `(($.errorMessage = "*function:${baton.name}*") || ($.errorMessage = "*role/baton-mparticle-lambda-role*"))`
].join(" && ")

const refusedInvokes = (target: Target): ReadonlyArray<AlarmDefinition> => {
  const { trailLogGroup } = target
  if (trailLogGroup === undefined) return []
  const metric = ofLog(target, "BatonInvokesRefused", { source: { trailLogGroup }, pattern: `{ ${refused} }` }, [
    "Sum",
    fiveMinutes
  ])
  return [
    alarm(
      "refused-invokes",
      "critical",
      "IAM refused a caller of another account the invoke of the Baton function, or the role for it.",
      when(metric, ">=", 1)
    )
  ]
}

/** A refusal that is seen later than the hour of its request must not divide by fewer requests than failed. */
const sample = "IF(FILL(received, 0) > FILL(failed, 0), FILL(received, 0), FILL(failed, 0))"

/** The alarms. */
export const alarms = (target: Target): ReadonlyArray<AlarmDefinition> => [
  errors(baton, "The Baton function failed: a mistake in the code, or a process that died."),
  errorsInADay(baton),
  throttles(baton),
  duration(baton),
  alarm(
    "failure-rate",
    "critical",
    "More than a tenth of the requests of an hour failed, of ten at least.",
    whenMath(
      `IF(${sample} >= 10, 100 * FILL(failed, 0) / ${sample}, 0)`,
      {
        failed: measured("BatonRequestsFailed", ["Sum", hour]),
        received: measured("BatonRequestsReceived", ["Sum", hour])
      },
      ">",
      10
    )
  ),
  alarm(
    "volume",
    "warning",
    "Many more requests arrive than is usual at this time of the week.",
    whenUnusual(measured("BatonRequestsReceived", ["Sum", 30 * minute]), 4)
  ),
  ...refusedInvokes(target)
]
