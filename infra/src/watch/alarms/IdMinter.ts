/** Alarms of the IdMinter, whose two interfaces are watched apart: they fail for different reasons, and hurt others. */
import type { AlarmDefinition } from "../Definition.ts"
import { ofCode, ofFunction } from "../Metric.ts"
import { namespaces, type Target } from "../Target.ts"
import {
  age,
  alarm,
  breaker,
  deadLetters,
  duration,
  errors,
  executions,
  fiveMinutes,
  hour,
  metricsRefused,
  seenLate,
  minute,
  throttles,
  type Watchable,
  when,
  whenMath,
  whenUnusual
} from "./Common.ts"

const namespace = namespaces.IdMinter
const measured = ofCode(namespace)

const stepFunction: Watchable = { name: "id-minter-stepfunction", prefix: "stepfunction-" }
const sqs: Watchable = { name: "id-minter-sqs", prefix: "sqs-" }
const pool: Watchable = { name: "id-minter-pool", prefix: "pool-" }
const migrate: Watchable = { name: "id-minter-migrate", prefix: "migrate-" }

/** What both interfaces have, each by itself; its metrics' dimension is the prefix without the dash. */
const ofInterface = (one: Watchable, meaning: string): ReadonlyArray<AlarmDefinition> => {
  const dimensions = { interface: one.prefix.slice(0, -1) }
  const works = (name: string, period = fiveMinutes) => measured(`id_minter.${name}`, ["Sum", period], dimensions)
  return [
    errors(one, meaning),
    throttles(one),
    duration(one),
    alarm(
      `${one.prefix}failures`,
      "warning",
      `Works that came by ${dimensions.interface} were not minted.`,
      when(works("failure_count"), ">", 0),
      seenLate(one.name, fiveMinutes)
    ),
    alarm(
      `${one.prefix}success-rate`,
      "critical",
      `In two of ten minutes more than one work in twenty that came by ${dimensions.interface} was not minted.`,
      whenMath(
        // A new version has a tenth of the calls at first, so its failures must show in a twentieth; of a few works none.
        "IF(FILL(done, 0) + FILL(failed, 0) >= 10, 100 * FILL(done, 0) / (FILL(done, 0) + FILL(failed, 0)), 100)",
        { done: works("success_count", minute), failed: works("failure_count", minute) },
        "<",
        95
      ),
      { periods: 10, of: 2, rollsBack: one.name }
    ),
    alarm(
      `${one.prefix}processing-time`,
      "warning",
      `Batches that come by ${dimensions.interface} take much longer than is usual.`,
      whenUnusual(measured("id_minter.processing_time", ["Average", fiveMinutes], dimensions), 3),
      { periods: 4, of: 3 }
    )
  ]
}

/** The pool's run is at 3 from Monday to Friday, so 26 hours later is 5, and after Friday's nobody waits until Monday's. */
const weekend = { minute: "0", hour: "5", weekDay: "SAT", hours: 48, timeZone: "UTC" }

const ofPool: ReadonlyArray<AlarmDefinition> = [
  errors(pool, "The pool of free ids was not filled up."),
  duration(pool),
  alarm(
    "pool-silent",
    "warning",
    "The pool has not been filled up for 26 hours, weekends left out.",
    whenMath("FILL(runs, 0)", { runs: ofFunction(pool.name, "Invocations", ["Sum", hour]) }, "<", 1),
    { periods: 26, missing: "breaching", mute: weekend }
  ),
  errors(migrate, "The database was not brought to the form that the functions expect.")
]

const ofQueues = ({ stage }: Target): ReadonlyArray<AlarmDefinition> => [
  deadLetters(stage, "idMinter", "queue", "Works were given up after three tries: they have no canonical id."),
  age(stage, "idMinter", {
    prefix: "queue",
    seconds: 2 * hour,
    meaning: "A work has waited for more than two hours: the queue is not being worked on."
  }),
  deadLetters(stage, "idMinterDownstream", "downstream", "Whoever follows the id minter gave up on works."),
  age(stage, "idMinterDownstream", {
    prefix: "downstream",
    seconds: hour,
    meaning: "A minted work has waited for more than an hour: whoever follows the id minter is not working."
  })
]

const ofWorkflows = ({ stateMachineArn }: Target): ReadonlyArray<AlarmDefinition> =>
  stateMachineArn === undefined
    ? []
    : [
        executions(stateMachineArn("idMinter"), "workflow", "An execution of the workflow for one request failed."),
        executions(
          stateMachineArn("idMinterBatches"),
          "batches",
          "An execution of the workflow for many requests failed."
        )
      ]

/** The alarms. */
export const alarms = (target: Target): ReadonlyArray<AlarmDefinition> => [
  ...ofInterface(
    stepFunction,
    "A request of a state machine was thrown back: database, clusters or pool, or a mistake in the code."
  ),
  ...ofInterface(sqs, "The queue's function failed as a whole: a mistake in the code, or a process that died."),
  ...ofPool,
  ...ofWorkflows(target),
  ...ofQueues(target),
  breaker(namespace, "id-minter-database", "critical", "The database is left alone: nothing is minted."),
  breaker(
    namespace,
    "id-minter-replica",
    "warning",
    "The database's copy is left alone: all lookups go to the database itself."
  ),
  breaker(namespace, "elasticsearch-source", "critical", "The source cluster is left alone: no work can be read."),
  breaker(namespace, "elasticsearch-target", "critical", "The target cluster is left alone: no work can be written."),
  metricsRefused(namespace)
]
