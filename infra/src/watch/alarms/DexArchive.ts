/** Alarms of the DexArchive: a run a day, which nobody waits for and whose data the API soon no longer has. */
import type { AlarmDefinition } from "../Definition.ts"
import { ofCode, ofFunction } from "../Metric.ts"
import { namespaces, type Target } from "../Target.ts"
import {
  alarm,
  breaker,
  errors,
  fiveMinutes,
  hour,
  metricsRefused,
  seenLate,
  throttles,
  duration,
  type Watchable,
  when,
  whenMath
} from "./Common.ts"

const archive: Watchable = { name: "dex-trigger-response-archive", prefix: "" }
const verify: Watchable = { name: "dex-archive-verify", prefix: "verify-" }
const measured = ofCode(namespaces.DexArchive)
const counted = (name: string) => when(measured(name, ["Sum", fiveMinutes]), ">=", 1)
/** Runs and verifications have the same time limit. */
const late = seenLate(archive.name, fiveMinutes)

/** A run is at 20:35 from Monday to Friday, so 26 hours later is 22:35, and after Friday's nobody waits until Monday's. */
const weekend = (timeZone: string) => ({ minute: "35", hour: "22", weekDay: "SAT", hours: 48, timeZone })

/** The alarms. */
export const alarms = ({ timeZone = "UTC" }: Target): ReadonlyArray<AlarmDefinition> => [
  errors(archive, "A run of the archive failed, or was killed: that day is not archived, or not whole.", {
    fixedName: "DexTriggerArchive-Lambda-Errors",
    period: fiveMinutes
  }),
  alarm(
    "duration",
    "warning",
    "A run of the archive took more than 14 of its 15 minutes.",
    when(ofFunction(archive.name, "Duration", ["Maximum", fiveMinutes]), ">", 840_000),
    { ...late, fixedName: "DexTriggerArchive-Lambda-Duration" }
  ),
  throttles(archive),
  alarm("failed-clients", "critical", "A run could not archive some or all of its clients.", counted("Failed"), late),
  alarm(
    "fatal",
    "critical",
    "A run or a verification ended before its clients: settings, secret, token, database or, verifying, S3.",
    counted("Fatal"),
    late
  ),
  alarm(
    "no-run",
    "critical",
    "No run of the archive came to its end within 26 hours, weekends left out.",
    // With FILL an hour without a run is a 0; where there was none at all for so long, "breaching" says the same.
    whenMath("FILL(runs, 0)", { runs: measured("TotalClients", ["SampleCount", hour]) }, "<", 1),
    { periods: 26, missing: "breaching", mute: weekend(timeZone) }
  ),
  errors(verify, "A verification failed, or was killed: nothing is known of the days that were asked for."),
  duration(verify),
  throttles(verify),
  alarm("missing", "critical", "A verification found that objects are not there.", counted("VerifiedMissing"), late),
  alarm(
    "altered",
    "critical",
    "A verification found objects that do not have the bytes that were archived.",
    counted("VerifiedAltered"),
    late
  ),
  breaker(
    namespaces.DexArchive,
    "dex-api",
    "warning",
    "Most calls of the DEX API fail, so it is left alone for a while."
  ),
  metricsRefused(namespaces.DexArchive)
]
