/** {@link MParticle}: a request is on record before it is sent, and the record says how far it got. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { RequestRecord } from "../schemas/DataSubjectRequest.ts"
import { RequestNotFound, SubmissionFailed } from "../schemas/MParticleError.ts"
import { regulationName, type SubmitRequest, subjectRequestType, timestampFrom } from "../schemas/OpenDsr.ts"
import { MParticle, type MParticleShape } from "../services/MParticle.ts"
import { OpenDsr } from "../services/OpenDsr.ts"
import { RequestStore } from "../services/RequestStore.ts"
import { trace } from "../services/Trace.ts"
import { fingerprintOf, requestIdOf } from "./MParticle/hashing.ts"
import { MParticleSettings, type MParticleSettingsShape } from "./MParticle/Settings.ts"

const retentionSeconds = 90 * 24 * 60 * 60

const submitBody = (record: RequestRecord, settings: MParticleSettingsShape): SubmitRequest => ({
  regulation: regulationName[record.regulation],
  subject_request_id: record.id,
  subject_request_type: subjectRequestType[record.type],
  submitted_time: record.submittedAt,
  // The customer id alone: with an e-mail of another profile beside it mParticle would have to choose one.
  subject_identities: { controller_customer_id: { value: record.identityId, encoding: "raw" } },
  api_version: "3.0",
  status_callback_urls: [`${settings.callbackBaseUrl}/data-subject-requests/${record.id}/callback`],
  group_id: record.identityId,
  extensions: { "opendsr.mparticle.com": { skip_waiting_period: settings.skipWaitingPeriod } }
})

/** The service over the request store and the DSR client. */
export const make: Effect.Effect<MParticleShape, never, RequestStore | OpenDsr | MParticleSettings> = Effect.gen(
  function* () {
    const store = yield* RequestStore
    const openDsr = yield* OpenDsr
    const settings = yield* MParticleSettings

    /** Sends a claimed request. An answer that cannot be written down is not lost: the record can be sent again. */
    const forward = Effect.fnUntraced(function* (record: RequestRecord) {
      const accepted = yield* openDsr.submit(submitBody(record, settings)).pipe(
        // Only mParticle's own refusal ends a request; a missing credential of ours does not.
        Effect.tapErrorTag("MParticleApiError", (error) =>
          error.retryable ? Effect.void : store.transition(record, "failed", { failureReason: error.code })
        ),
        Effect.catchTags({
          MParticleApiError: (upstream) => new SubmissionFailed({ requestId: record.id, upstream }),
          NetworkError: (upstream) => new SubmissionFailed({ requestId: record.id, upstream }),
          CallTimeout: (upstream) => new SubmissionFailed({ requestId: record.id, upstream }),
        CircuitOpen: (upstream) => new SubmissionFailed({ requestId: record.id, upstream }),
        RateLimited: (upstream) => new SubmissionFailed({ requestId: record.id, upstream })
        })
      )
      const expected = timestampFrom(accepted.expected_completion_time)
      const current = yield* store.transition(record, "submitted", {
        ...(expected === undefined ? {} : { expectedCompletionTime: expected }),
        ...(typeof accepted.controller_id === "string" ? { controllerId: accepted.controller_id } : {})
      })
      return Option.getOrElse(current, () => record)
    })

    const submit: MParticleShape["submit"] = Effect.fnUntraced(function* (submission) {
      const now = yield* Clock.currentTimeMillis
      const { isNew, record } = yield* store.claim({
        ...submission,
        id: requestIdOf(settings.stage, submission),
        fingerprint: fingerprintOf(submission),
        submittedAt: new Date(now).toISOString(),
        expiresAt: Math.floor(now / 1000) + retentionSeconds
      })
      return isNew || record.status === "received" ? yield* forward(record) : record
    }, trace("dsrSubmit"))

    const find: MParticleShape["find"] = Effect.fnUntraced(function* (id) {
      const record = yield* store.get(id)
      return Option.isSome(record) ? record.value : yield* new RequestNotFound({ requestId: id })
    }, trace("dsrFind"))

    return { submit, find }
  }
)

/** {@link MParticle} over the request store and the DSR client. */
export const layer: Layer.Layer<MParticle, never, RequestStore | OpenDsr | MParticleSettings> = Layer.effect(
  MParticle,
  make
)
