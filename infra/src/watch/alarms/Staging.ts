/** Alarms of Staging: customers' messages, which nobody sends a second time by hand. */
import type { AlarmDefinition } from "../Definition.ts"
import { ofCode, ofFunction, ofLog, ofQueue } from "../Metric.ts"
import { namespaces, type Target } from "../Target.ts"
import {
  age,
  alarm,
  deadLetters,
  duration,
  errors,
  fiveMinutes,
  hour,
  metricsRefused,
  minute,
  onApi,
  sumOf,
  throttles,
  type Watchable,
  when
} from "./Common.ts"

const namespace = namespaces.Staging
const measured = ofCode(namespace)

const webhook: Watchable = { name: "staging", prefix: "" }
const sweeper: Watchable = { name: "staging-sweeper", prefix: "sweeper-" }
const channels = ["whatsapp", "sms", "email"] as const

const ofFunctions: ReadonlyArray<AlarmDefinition> = [
  errors(webhook, "The webhooks' function failed: a mistake in the code, or a process that died."),
  errors(sweeper, "A run of the sweeper failed: parked and forgotten messages have to wait for the next one."),
  ...[webhook, sweeper].map(throttles),
  alarm(
    "duration",
    "warning",
    "Webhooks took more than five seconds on average for five minutes.",
    when(ofFunction(webhook.name, "Duration", ["Average", fiveMinutes]), ">", 5_000)
  ),
  duration(sweeper),
  alarm(
    "silent",
    "warning",
    "No webhook has arrived for 15 minutes, and no warm-up either.",
    when(ofFunction(webhook.name, "Invocations", ["Sum", 15 * minute]), "<", 1),
    { missing: "breaching" }
  ),
  alarm(
    "sweeper-silent",
    "critical",
    "The sweeper, due every minute, has not run for 15 minutes.",
    when(ofFunction(sweeper.name, "Invocations", ["Sum", 15 * minute]), "<", 1),
    { missing: "breaching" }
  )
]

const errorLines = (target: Target): AlarmDefinition =>
  alarm(
    "error-lines",
    "warning",
    "The webhooks' function has written more than five errors a minute for five minutes.",
    when(
      ofLog(target, "StagingErrorLines", { source: { function: webhook.name }, pattern: `{ $.level = "ERROR" }` }, [
        "Sum",
        minute
      ]),
      ">",
      5
    ),
    { periods: 5 }
  )

const outcome = (code: string, seconds: number) =>
  channels.map((Channel) => measured("StagingOutcomes", ["Sum", seconds], { Code: code, Channel }))

const ofMessages: ReadonlyArray<AlarmDefinition> = [
  alarm(
    "invalid-signature",
    "critical",
    "A webhook was not believed: somebody tries, or a tenant's token is not the one in its secret.",
    when(measured("InvalidSignatureCount", ["Sum", minute]), ">", 0)
  ),
  alarm(
    "secret-failures",
    "critical",
    "A tenant's secret is missing, not filled in or not readable: its messages are refused.",
    when(measured("SecretFetchFailedCount", ["Sum", fiveMinutes]), ">", 0)
  ),
  alarm(
    "lookup-not-found",
    "warning",
    "More than ten messages of five minutes belong to no conversation, or to one without a secret.",
    when(measured("CredentialLookupNotFoundCount", ["Sum", fiveMinutes]), ">", 10)
  ),
  alarm(
    "internal-errors",
    "critical",
    "A webhook met a mistake in the code; its message is parked.",
    when(measured("InternalErrorCount", ["Sum", minute]), ">=", 1),
    { rollsBack: webhook.name }
  ),
  alarm(
    "trigger-refused",
    "critical",
    "SQS refuses the form of what is sent to a channel's queue: messages are parked, and not told of.",
    sumOf(outcome("SQS_PARAMETER_ERROR", fiveMinutes), ">=", 1)
  ),
  alarm(
    "locked",
    "warning",
    "More than ten messages of 15 minutes were refused because their conversation was being worked on.",
    sumOf(outcome("CONVERSATION_LOCKED", 15 * minute), ">", 10)
  ),
  alarm(
    "parked",
    "critical",
    "Parked messages could not be taken for 15 minutes of 20: what is wrong does not mend itself.",
    when(measured("StagingParkedKept", ["Maximum", fiveMinutes]), ">", 0),
    // After an hour they are tried every five or six minutes: now and then five of them pass without a try.
    { periods: 4, of: 3 }
  ),
  alarm(
    "retriggered",
    "warning",
    "The sweeper has told the consumer of messages again and again for 15 minutes: it fails, or reads past them.",
    when(measured("StagingRetriggered", ["Maximum", fiveMinutes]), ">", 0),
    { periods: 3 }
  ),
  alarm(
    "untold",
    "critical",
    "Conversations with messages could not be given a trigger for 15 minutes: nobody reads what customers wrote.",
    when(measured("StagingRetriggerFailed", ["Maximum", fiveMinutes]), ">", 0),
    { periods: 3 }
  )
]

const ofQueues = ({ stage }: Target): ReadonlyArray<AlarmDefinition> => [
  ...channels.flatMap((channel) => [
    deadLetters(stage, channel, channel, `The consumer of ${channel} gave up on conversations after three tries.`),
    alarm(
      `${channel}-depth`,
      "warning",
      `More than 100 triggers of ${channel} have waited for five minutes.`,
      when(ofQueue(stage, channel, "ApproximateNumberOfMessagesVisible", ["Maximum", minute]), ">", 100),
      { periods: 5 }
    ),
    age(stage, channel, {
      prefix: channel,
      seconds: hour,
      meaning: `A trigger of ${channel} has waited for more than an hour: its consumer is not working.`
    })
  ]),
  alarm(
    "handoff-depth",
    "critical",
    "More than 50 customers wait for a person.",
    when(ofQueue(stage, "handoff", "ApproximateNumberOfMessagesVisible", ["Maximum", fiveMinutes]), ">", 50)
  ),
  age(stage, "handoff", {
    prefix: "handoff",
    seconds: hour,
    meaning: "A customer has waited for a person for more than an hour."
  }),
  deadLetters(stage, "handoff", "handoff", "Customers who wait for a person were given up on after three tries."),
  deadLetters(
    stage,
    "parking",
    "parking",
    "Parked messages were given up after a thousand tries, in more than three days."
  )
]

const ofTheApi = (target: Target): ReadonlyArray<AlarmDefinition> => [
  ...onApi(target, "5XXError", ["Sum", fiveMinutes], (metric) =>
    alarm(
      "api-5xx",
      "critical",
      "A webhook of five minutes ended in 5xx: its provider has to send it again.",
      when(metric, ">", 0)
    )
  ),
  ...onApi(target, "4XXError", ["Sum", fiveMinutes], (metric) =>
    alarm(
      "api-4xx",
      "warning",
      "More than ten webhooks of five minutes were refused as the caller's mistake.",
      when(metric, ">", 10)
    )
  ),
  ...onApi(target, "Latency", ["p95", fiveMinutes], (metric) =>
    alarm(
      "api-latency",
      "warning",
      "One webhook in twenty took longer than a second for five minutes.",
      when(metric, ">", 1_000)
    )
  )
]

/** The alarms. */
export const alarms = (target: Target): ReadonlyArray<AlarmDefinition> => [
  ...ofFunctions,
  errorLines(target),
  ...ofMessages,
  ...ofQueues(target),
  ...ofTheApi(target),
  metricsRefused(namespace)
]
