/**
 * Handing a claimed request to mParticle. Whoever does it holds the record's lease; an attempt whose predecessor may
 * have arrived asks mParticle before it sends again, so that a request is sent once however often it is tried.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import type { RequestRecord } from "../../schemas/DataSubjectRequest.ts"
import { MParticleApiError, type UpstreamError } from "../../schemas/MParticleError.ts"
import { regulationName, type SubmitRequest, subjectRequestType } from "../../schemas/OpenDsr.ts"
import { EventsApi } from "../../services/EventsApi.ts"
import { OpenDsr } from "../../services/OpenDsr.ts"
import { RequestStore } from "../../services/RequestStore.ts"
import { type AttemptError, isAmbiguous, type LeaseLost } from "./Guards.ts"
import type { Word } from "./Observation.ts"
import { MParticleSettings, type MParticleSettingsShape } from "./Settings.ts"

const leaseLost: LeaseLost = { _tag: "LeaseLost" }

/** Where mParticle reports on a request. */
export const callbackUrl = (settings: MParticleSettingsShape, id: string): string =>
  `${settings.callbackBaseUrl}/data-subject-requests/${id}/callback`

/** Whether the e-mail address is all that is known of the person: the identity is made from it then. */
const isKnownByEmail = (record: RequestRecord): record is RequestRecord & { readonly email: string } =>
  record.submittedAs !== undefined && record.email !== undefined

/** One identity alone: with an e-mail of another profile beside a customer id mParticle would have to choose one. */
const identityOf = (record: RequestRecord): SubmitRequest["subject_identities"] =>
  isKnownByEmail(record)
    ? { email: { value: record.email, encoding: "raw" } }
    : { controller_customer_id: { value: record.identityId, encoding: "raw" } }

const submitBody = (record: RequestRecord, settings: MParticleSettingsShape): SubmitRequest => ({
  regulation: regulationName[record.regulation],
  subject_request_id: record.id,
  subject_request_type: subjectRequestType[record.type],
  submitted_time: record.submittedAt,
  subject_identities: identityOf(record),
  api_version: "3.0",
  status_callback_urls: [callbackUrl(settings, record.id)],
  group_id: record.identityId,
  extensions: { "opendsr.mparticle.com": { skip_waiting_period: settings.skipWaitingPeriod } }
})

/** The values of the person that mParticle may repeat in an error. */
export const personalIn = (record: RequestRecord): ReadonlyArray<string> =>
  record.email === undefined ? [record.identityId] : [record.identityId, record.email]

/** mParticle's way of saying that it has this id already. */
const saysKnown = (error: MParticleApiError): boolean =>
  error.status === 400 && /already exists/i.test(error.upstreamMessage ?? "")

/** Whether mParticle may refuse because it has the request: a 409 names none, so it may mean ours or another one. */
const mayBeKnown = (error: UpstreamError): error is MParticleApiError =>
  error._tag === "MParticleApiError" && (error.status === 409 || saysKnown(error))

/** Makes the attempts at handing over one record. */
export const make = Effect.gen(function* () {
  const store = yield* RequestStore
  const openDsr = yield* OpenDsr
  const events = yield* EventsApi
  const settings = yield* MParticleSettings

  /** Keeps the person out of audiences until the erasure is carried out; the request goes on without it. */
  const exclude = (record: RequestRecord): Effect.Effect<void> =>
    record.type === "export"
      ? Effect.void
      : events
          .upload({
            user_identities: isKnownByEmail(record) ? { email: record.email } : { customer_id: record.identityId },
            user_attributes: {
              dsr_erasure_requested: true,
              dsr_erasure_status: "requested",
              dsr_erasure_date: record.submittedAt
            },
            environment: settings.stage === "PROD" ? "production" : "development",
            source_request_id: record.id
          })
          .pipe(
            Effect.catchAll((error) =>
              Effect.logWarning(`the person was not excluded from audiences: ${error.message}`)
            )
          )

  /** What mParticle knows of a request. Its refusal to tell says nothing about the request, so that ends nothing. */
  const known = (record: RequestRecord): Effect.Effect<Option.Option<Word>, UpstreamError> =>
    Effect.mapError(openDsr.get(record.id, personalIn(record)), (error) =>
      error._tag === "MParticleApiError" && !error.retryable
        ? new MParticleApiError(error.upstreamMessage === undefined ? {} : { upstreamMessage: error.upstreamMessage })
        : error
    )

  const send = (record: RequestRecord): Effect.Effect<Word, UpstreamError> =>
    openDsr.submit(submitBody(record, settings)).pipe(
      Effect.catchIf(mayBeKnown, (error) =>
        Effect.flatMap(
          known(record),
          Option.match({
            // It has the id and does not find it: that is no refusal of the request, and will pass.
            onNone: () => Effect.fail(saysKnown(error) ? new MParticleApiError({}) : error),
            onSome: (state) => Effect.succeed(state)
          })
        )
      )
    )

  /**
   * One attempt after the other, to be retried by the caller. `resumed` says that an earlier process may have sent the
   * request already.
   */
  const attempts = (record: RequestRecord, owner: string, resumed: boolean) =>
    Effect.map(Ref.make({ isFirst: true, mayHaveArrived: resumed, leaseUntil: record.leaseUntil }), (progress) => {
      /** Nothing is sent that could outlive the lease: it is prolonged first, unless another process has it by now. */
      const holdLease = Effect.gen(function* () {
        const { leaseUntil } = yield* Ref.get(progress)
        const now = yield* Clock.currentTimeMillis
        if (now + 1.5 * settings.attemptMillis < leaseUntil) return
        const until = now + settings.leaseMillis
        const held = yield* store.acquire(record.id, { owner, until }, now)
        if (Option.isNone(held)) return yield* Effect.fail(leaseLost)
        yield* Ref.update(progress, (state) => ({ ...state, leaseUntil: until }))
      })

      const found = (mayHaveArrived: boolean) => Ref.update(progress, (state) => ({ ...state, mayHaveArrived }))

      return Effect.gen(function* () {
        const { isFirst, mayHaveArrived } = yield* Ref.getAndUpdate(progress, (state) => ({ ...state, isFirst: false }))
        if (isFirst) yield* exclude(record)
        if (mayHaveArrived) {
          const state = yield* known(record)
          if (Option.isSome(state)) return state.value
          yield* found(false)
        }
        yield* holdLease
        return yield* Effect.tapError(send(record), (error) => (isAmbiguous(error) ? found(true) : Effect.void))
      }) satisfies Effect.Effect<Word, AttemptError>
    })

  return { attempts }
})
