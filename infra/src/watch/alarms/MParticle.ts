/** Alarms of MParticle: privacy requests on their way to mParticle and back, each of which the law gives a time. */
import type { AlarmDefinition } from "../Definition.ts"
import { ofCode, ofDeadLetters, ofFunction, ofLog } from "../Metric.ts"
import { namespaces, type Target } from "../Target.ts"
import {
  age,
  alarm,
  breaker,
  day,
  deadLetters,
  duration,
  errors,
  errorsInADay,
  fiveMinutes,
  hour,
  metricsRefused,
  minute,
  onApi,
  seenLate,
  sumOf,
  throttles,
  type Watchable,
  when,
  whenMath,
  whenUnusual
} from "./Common.ts"

const namespace = namespaces.MParticle
const measured = ofCode(namespace)

const http: Watchable = { name: "mparticle-api-http", prefix: "http-" }
const retry: Watchable = { name: "mparticle-api-retry", prefix: "retry-" }
const reconcile: Watchable = { name: "mparticle-api-reconcile", prefix: "reconcile-" }
const deletion: Watchable = { name: "mparticle-api-deletion", prefix: "deletion-" }

const ofFunctions: ReadonlyArray<AlarmDefinition> = [
  errors(http, "The HTTP function failed: a mistake in the code, or a process that died."),
  errors(retry, "The function of the fallback queue failed as a whole: a mistake in the code, or a process that died."),
  errors(reconcile, "A run of the reconciliation failed: lost callbacks and stuck requests were not looked for."),
  errors(
    deletion,
    "The function of the deletion queue failed as a whole: a mistake in the code, or a process that died."
  ),
  ...[http, retry, reconcile, deletion].flatMap((one) => [errorsInADay(one), throttles(one), duration(one)]),
  alarm(
    "reconcile-silent",
    "critical",
    "The reconciliation, due every 15 minutes, has not run for an hour.",
    when(ofFunction(reconcile.name, "Invocations", ["Sum", 15 * minute]), "<", 1),
    { periods: 4, missing: "breaching" }
  ),
  alarm(
    "defects",
    "critical",
    "An HTTP request met a mistake in the code and was answered INTERNAL_ERROR.",
    when(measured("Defects", ["Sum", minute]), ">=", 1),
    { rollsBack: http.name }
  )
]

const ofTheApi = (target: Target): ReadonlyArray<AlarmDefinition> => [
  ...onApi(target, "5XXError", ["Average", fiveMinutes], (metric) =>
    alarm(
      "api-5xx-rate",
      "critical",
      "More than 5 % of the API's calls of five minutes ended in 5xx.",
      when(metric, ">", 0.05)
    )
  ),
  ...onApi(target, "5XXError", ["Sum", fiveMinutes], (metric) =>
    alarm("api-5xx-24h", "warning", "A call of the API ended in 5xx within the last 24 hours.", when(metric, ">=", 1), {
      periods: day / fiveMinutes,
      of: 1
    })
  ),
  ...onApi(target, "4XXError", ["Sum", fiveMinutes], (metric) =>
    alarm(
      "api-4xx",
      "warning",
      "More than ten calls of five minutes were refused as the caller's mistake.",
      when(metric, ">", 10)
    )
  ),
  ...onApi(target, "Latency", ["p95", 10 * minute], (metric) =>
    alarm(
      "api-latency",
      "warning",
      "One call in twenty took longer than two seconds for ten minutes.",
      when(metric, ">", 2_000)
    )
  ),
  ...onApi(target, "Count", ["Sum", 30 * minute], (metric) =>
    alarm(
      "api-volume",
      "warning",
      "Many more calls arrive than is usual at this time of the week.",
      whenUnusual(metric, 4)
    )
  )
]

/** A refused callback is counted by its reason as well, more of them than an alarm may look at: so its lines are counted. */
const certificates = (target: Target): ReadonlyArray<AlarmDefinition> => [
  alarm(
    "certificate-failures",
    // Anybody can send what is not to be believed: it must not wake somebody.
    "warning",
    "More than 1 % of the callbacks of five minutes were not believed.",
    whenMath(
      "IF(FILL(refused, 0) > 0, 100 * FILL(refused, 0) / (FILL(refused, 0) + FILL(believed, 0)), 0)",
      {
        refused: ofLog(
          target,
          "CallbacksRefused",
          {
            source: { function: http.name },
            pattern: `{ ($.CertificateValidations >= 1) && ($.Success = "false") }`
          },
          ["Sum", fiveMinutes]
        ),
        believed: measured("CertificateValidations", ["Sum", fiveMinutes], { Success: "true" })
      },
      ">",
      1
    )
  ),
  alarm(
    "certificate-expiry",
    "warning",
    "mParticle's certificate has less than 30 days left.",
    when(measured("CertificateExpiryDays", ["Minimum", hour]), "<", 30),
    // It is known only when the certificate is fetched, so the last word stands.
    { missing: "ignore" }
  )
]

const submissions: ReadonlyArray<AlarmDefinition> = [
  alarm(
    "dsr-failures",
    "critical",
    "More than ten requests could not be handed to mParticle within 15 minutes.",
    sumOf(
      ["delete", "export"].map((Type) => measured("DSRSubmissions", ["Sum", 15 * minute], { Type, Success: "false" })),
      ">",
      10
    )
  ),
  alarm(
    "upstream-latency",
    "warning",
    "One of mParticle's answers in twenty took longer than two seconds for ten minutes.",
    when(measured("MParticleAPILatency", ["p95", 10 * minute], { Api: "mParticle" }), ">", 2_000)
  ),
  breaker(
    namespace,
    "mparticle-dsr",
    "critical",
    "mParticle's API of privacy requests is left alone: requests go to the fallback queue."
  ),
  breaker(
    namespace,
    "mparticle-events",
    "warning",
    "mParticle's events API is left alone: events are refused, and erasures go without the exclusion."
  ),
  breaker(
    namespace,
    "mparticle-deletion",
    "critical",
    "mParticle's bulk deletion is left alone: deletions wait in their queue."
  ),
  breaker(namespace, "braze", "critical", "Braze is left alone: deletions wait in their queue."),
  alarm(
    "breaker-store",
    "warning",
    "Breakers went on without their shared state more than ten times within 15 minutes.",
    sumOf(
      ["mparticle-dsr", "mparticle-events", "mparticle-deletion", "braze"].map((Upstream) =>
        measured("CircuitStoreFailures", ["Sum", 15 * minute], { Upstream })
      ),
      ">",
      10
    )
  )
]

const stuck = (kind: string, meaning: string): AlarmDefinition =>
  alarm(
    `stuck-${kind}`,
    "critical",
    meaning,
    // Two runs of the reconciliation, so that one that is late does not end the alarm.
    when(measured("StuckRequests", ["Maximum", 30 * minute], { Kind: kind }), ">", 0)
  )

const requests: ReadonlyArray<AlarmDefinition> = [
  alarm(
    "alerts-high",
    "critical",
    "The code raised an alert of severity HIGH.",
    when(measured("Alerts", ["Sum", fiveMinutes], { Severity: "HIGH" }), ">=", 1),
    seenLate(deletion.name, fiveMinutes)
  ),
  alarm(
    "alerts-medium",
    "warning",
    "The code raised an alert of severity MEDIUM.",
    when(measured("Alerts", ["Sum", fiveMinutes], { Severity: "MEDIUM" }), ">=", 1),
    seenLate(deletion.name, fiveMinutes)
  ),
  stuck("unsent", "Requests are not with mParticle a day after they were filed."),
  stuck("unacknowledged", "mParticle has had requests for a day and has not said when it will be done with them."),
  stuck("overdue", "Requests are not completed a day after the time that mParticle named."),
  stuck("uncopied", "Results of exports are not here a day after the end; mParticle deletes them after seven.")
]

const ofQueues = ({ stage }: Target): ReadonlyArray<AlarmDefinition> => [
  deadLetters(
    stage,
    "fallback",
    "fallback",
    "Requests were not sent with five tries of the queue: from now on only the reconciliation sends them, every 15 minutes."
  ),
  age(stage, "fallback", {
    prefix: "fallback",
    seconds: hour,
    meaning: "A request has waited in the fallback queue for more than an hour: it is not being worked on."
  }),
  alarm(
    "fallback-deadline",
    "critical",
    "A message was given up a week ago and is still there: see that its request is with mParticle, as the law's month is running.",
    when(ofDeadLetters(stage, "fallback", "ApproximateAgeOfOldestMessage", ["Maximum", fiveMinutes]), ">", 7 * day),
    { missing: "ignore" }
  ),
  deadLetters(stage, "deletion", "deletion", "Deletions of people were given up after three tries."),
  age(stage, "deletion", {
    prefix: "deletion",
    seconds: 2 * hour,
    meaning: "A deletion has waited for more than two hours: the queue is not being worked on."
  })
]

/** The alarms. */
export const alarms = (target: Target): ReadonlyArray<AlarmDefinition> => [
  ...ofFunctions,
  ...ofTheApi(target),
  ...certificates(target),
  ...submissions,
  ...requests,
  ...ofQueues(target),
  metricsRefused(namespace)
]
