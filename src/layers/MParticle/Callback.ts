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
import * as Comparison from "./Comparison.ts"
import type { Guards } from "./Guards.ts"
import * as Observation from "./Observation.ts"
import { callbackUrl } from "./Submission.ts"
import { MParticleSettings } from "./Settings.ts"

/** Kept back from an invocation's time for answering when the results take too long. */
const answerReserveMillis = 2_000

/** The workspace that a callback names; undefined when it names none, null when what it names is no id. */
const workspaceOf = ({ controller_id: id }: Callback): string | null | undefined => {
  if (typeof id === "string") return id
  if (typeof id === "number") return String(id)
  return id === undefined || id === null ? undefined : null
}

/** Takes callbacks; see {@link MParticleShape.observe}. */
export const make = (guards: Guards) =>
  Effect.gen(function* () {
    const alerts = yield* Alerts
    const compare = yield* Comparison.make(guards)
    const parameters = yield* Parameters
    const store = yield* RequestStore
    const results = yield* Results
    const settings = yield* MParticleSettings
    const { note } = yield* Observation.make

    /** The facts of a callback that name another request's home than ours. mParticle signs for every workspace. */
    const foreign = (callback: Callback): Effect.Effect<ReadonlyArray<string>> =>
      Effect.gen(function* () {
        const workspace = yield* Effect.option(parameters.get("mparticle-workspace-id"))
        const named = workspaceOf(callback)
        const { status_callback_url: url } = callback
        return [
          ...(Option.isSome(workspace) && named !== undefined && named !== workspace.value ? ["controller_id"] : []),
          ...(typeof url === "string" && url !== callbackUrl(settings, callback.subject_request_id)
            ? ["status_callback_url"]
            : [])
        ]
      })

    /** Whether the callback is of our workspace. One that is not, or calls elsewhere, is refused in strict mode. */
    const isOurs = (callback: Callback): Effect.Effect<boolean, ValidationError> =>
      Effect.gen(function* () {
        const fields = yield* foreign(callback)
        if (fields.length === 0) return true
        if (settings.strictCallbacks) {
          return yield* new ValidationError({ issues: fields.map((path) => ({ path, reason: "is not ours" })) })
        }
        yield* Effect.logWarning(`a callback names somebody else: ${fields.join(", ")}`)
        return !fields.includes("controller_id")
      })

    /** What mParticle says of our own request, when a callback that it signed speaks of another workspace's. */
    const lookedUp = (record: RequestRecord): Effect.Effect<Observed> =>
      compare(record).pipe(
        Effect.catchAll((error) =>
          Effect.as(Effect.logWarning(`the status was not compared: ${error.message}`), record)
        ),
        Effect.map((current) => ({ record: current, results: "none" }))
      )

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
      const ours = yield* isOurs(callback)
      const { request_status: status, subject_request_id: id } = callback
      const found = yield* store.get(id)
      if (Option.isNone(found)) return yield* new RequestNotFound({ requestId: id })
      if (!ours) return yield* lookedUp(found.value)
      if (!isUpstreamStatus(status)) {
        yield* Observation.raiseUnknownStatus(alerts, id)
        return { record: found.value, results: "none" }
      }
      const workspace = workspaceOf(callback) ?? undefined
      const moved = yield* note(found.value, { ...callback, controller_id: workspace, request_status: status })
      const record = Option.match(moved, { onNone: () => found.value, onSome: (current) => current.record })
      return status === "completed" && typeof callback.results_url === "string" && record.type === "export"
        ? yield* collect(record)
        : { record, results: "none" }
    })

    return observe
  })
