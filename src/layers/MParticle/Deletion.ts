/** {@link Deletion}: mParticle first, then Braze, each with time, retries and a breaker of its own. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import { Alerts } from "../../services/Alerts.ts"
import { remainingMillis, within } from "../../services/Deadline.ts"
import { Deletion, type DeletionError, type DeletionShape } from "../../services/Deletion.ts"
import * as Metrics from "../../services/Metrics.ts"
import { CircuitBreakers } from "../../services/Resilience/CircuitBreaker.ts"
import * as BreakerSettings from "../../services/Resilience/CircuitBreaker/Settings.ts"
import * as Retry from "../../services/Resilience/Retry.ts"
import * as Schedules from "../../services/Resilience/Schedules.ts"
import { trace } from "../../services/Trace.ts"
import * as Braze from "./Deletion/Braze.ts"
import * as BulkDeletion from "./Deletion/BulkDeletion.ts"
import * as Guards from "./Guards.ts"

/** Where people are deleted, by the key of the breaker around it. */
type Upstream = "mparticle-deletion" | "braze"

/** How the breakers of the upstreams behave. */
export const breakerSettings: Readonly<Record<Upstream, BreakerSettings.BreakerSettings>> = {
  "mparticle-deletion": BreakerSettings.mparticle,
  braze: BreakerSettings.settings({ timeoutMillis: Braze.timeoutMillis })
}

/** An upstream is not tried for longer than this: the message comes again. */
const longestMillis = 60_000

const isOutage = (error: DeletionError): boolean =>
  error._tag === "BrazeError" ? error.retryable : Guards.isOutage(error)

const isTransient = (error: DeletionError): boolean =>
  error._tag === "BrazeError" ? error.retryable : Guards.isTransient(error)

const retryAfterMillis = (error: DeletionError): number | undefined =>
  error._tag === "BrazeError" ? undefined : Guards.retryAfterMillis(error)

/** Runs an effect in half of the time that is left, so that there is as much for what follows. */
const inHalfTheTime = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(remainingMillis, (left) => within(Math.floor(left / 2))(effect))

/** The service over the two clients. */
export const make = Effect.gen(function* () {
  const alerts = yield* Alerts
  const breakers = yield* CircuitBreakers
  const deleteProfile = yield* BulkDeletion.make
  const deleteUser = yield* Braze.make

  /** Nobody is going to delete the person unless somebody looks. */
  const refused = (upstream: Upstream, error: DeletionError): Effect.Effect<void> =>
    error.retryable
      ? Effect.void
      : alerts
          .raise({
            severity: "HIGH",
            subject: `${upstream}-refused`,
            message: `A person is not deleted, and trying again will not help: ${error.message}`,
            context: error._tag === "BrazeError" ? {} : { code: error.code }
          })
          .pipe(Effect.catchAllCause((cause) => Effect.logWarning("an alert was not raised", cause)))

  const counted = (upstream: Upstream, success: boolean): Effect.Effect<void> =>
    Metrics.count("UserDeletions", { Upstream: upstream, Success: String(success) })

  /** What stands around the calls of one upstream; trying the same deletion again does no harm. */
  const guarded = (upstream: Upstream) =>
    Effect.gen(function* () {
      const breaker = yield* breakers.get(upstream)
      const budget = yield* Retry.makeBudget()
      return (attempt: Effect.Effect<boolean, DeletionError>): Effect.Effect<void, DeletionError> =>
        Retry.retry(breaker.protect(attempt, { isFailure: isOutage, retryAfterMillis }), {
          schedule: Schedules.mparticle,
          while: isTransient,
          retryAfterMillis,
          budget
        }).pipe(
          within(longestMillis),
          Effect.tap((asked) => (asked ? counted(upstream, true) : Effect.void)),
          Effect.tapErrorCause(() => counted(upstream, false)),
          Effect.tapError((error) => refused(upstream, error)),
          Effect.asVoid
        )
    })

  const atMParticle = yield* guarded("mparticle-deletion")
  const atBraze = yield* guarded("braze")

  const remove: DeletionShape["remove"] = Effect.fnUntraced(function* (person) {
    // As exits, since not even a defect of the one may keep the other from being tried.
    const first = yield* Effect.exit(inHalfTheTime(atMParticle(Effect.as(deleteProfile(person), true))))
    const second = yield* Effect.exit(atBraze(deleteUser(person)))
    if (Exit.isFailure(first) && Exit.isFailure(second)) {
      yield* Effect.logError("Braze did not delete the person either", second.cause)
    }
    return yield* Exit.zipRight(first, second)
  }, trace("userDeletion"))

  return { remove } satisfies DeletionShape
})

/** What {@link Deletion} stands on. */
export type Requirements = Effect.Effect.Context<typeof make>

/** {@link Deletion} over the context's HTTP client, parameters, settings, breakers and alerts. */
export const layer: Layer.Layer<Deletion, never, Requirements> = Layer.effect(Deletion, make)
