/** Writing down what a callback says, once it is known to come from mParticle. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { RequestRecord } from "../../schemas/DataSubjectRequest.ts"
import { RequestNotFound, ValidationError } from "../../schemas/MParticleError.ts"
import { type Callback, isUpstreamStatus } from "../../schemas/OpenDsr.ts"
import { Alerts } from "../../services/Alerts.ts"
import { remainingMillis } from "../../services/Deadline.ts"
import type { MParticleShape, Observed } from "../../services/MParticle.ts"
import { Parameters } from "../../services/Parameters.ts"
import { RequestStore } from "../../services/RequestStore.ts"
import { Results } from "../../services/Results.ts"
import { note } from "./Observation.ts"
import { callbackUrl } from "./Submission.ts"
import { MParticleSettings } from "./Settings.ts"

/** Kept back from an invocation's time for answering when the results take too long. */
const answerReserveMillis = 2_000

/** Takes callbacks; see {@link MParticleShape.observe}. */
export const make = Effect.gen(function* () {
  const alerts = yield* Alerts
  const parameters = yield* Parameters
  const store = yield* RequestStore
  const results = yield* Results
  const settings = yield* MParticleSettings

  /** The facts of a callback that name another request's home than ours. mParticle signs for every workspace. */
  const foreign = (callback: Callback): Effect.Effect<ReadonlyArray<string>> =>
    Effect.gen(function* () {
      const workspace = yield* Effect.option(parameters.get("mparticle-workspace-id"))
      const { controller_id: controllerId, status_callback_url: url } = callback
      return [
        ...(Option.isSome(workspace) && typeof controllerId === "string" && controllerId !== workspace.value
          ? ["controller_id"]
          : []),
        ...(typeof url === "string" && url !== callbackUrl(settings, callback.subject_request_id)
          ? ["status_callback_url"]
          : [])
      ]
    })

  const checkHome = (callback: Callback): Effect.Effect<void, ValidationError> =>
    Effect.flatMap(foreign(callback), (fields) => {
      if (fields.length === 0) return Effect.void
      const issues = fields.map((path) => ({ path, reason: "is not ours" }))
      return settings.strictCallbacks
        ? Effect.fail(new ValidationError({ issues }))
        : Effect.logWarning(`a callback names somebody else: ${fields.join(", ")}`)
    })

  /** Copies results while there is time for it; what does not succeed is left to the status query and the reconciler. */
  const collect = (record: RequestRecord): Effect.Effect<Observed> =>
    Effect.gen(function* () {
      const left = yield* remainingMillis
      const limit = Number.isFinite(left) ? Math.max(0, left - answerReserveMillis) : 60_000
      return yield* results.collect(record).pipe(
        Effect.timeout(limit),
        Effect.map((current): Observed => ({ record: current, results: "copied" })),
        Effect.catchAll((error) =>
          Effect.as(Effect.logError("the results were not copied with the callback", Cause.fail(error)), {
            record,
            results: "failed"
          } as const)
        )
      )
    })

  const observe: MParticleShape["observe"] = Effect.fnUntraced(function* (callback) {
    yield* checkHome(callback)
    const { request_status: status, subject_request_id: id } = callback
    const found = yield* store.get(id)
    if (Option.isNone(found)) return yield* new RequestNotFound({ requestId: id })
    if (!isUpstreamStatus(status)) {
      yield* alerts.raise({
        severity: "MEDIUM",
        subject: "unknown-callback-status",
        message: "mParticle reports a status that is not in its documents",
        context: { dsrRequestId: id }
      })
      return { record: found.value, results: "none" }
    }
    const moved = yield* note(store, found.value, { ...callback, request_status: status })
    const record = Option.match(moved, { onNone: () => found.value, onSome: (current) => current.record })
    return status === "completed" && typeof callback.results_url === "string" && record.type === "export"
      ? yield* collect(record)
      : { record, results: "none" }
  })

  return observe
})
