/** {@link MParticle}: a request is on record before it is sent, and whatever breaks, it is sent once. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import { IdentityId, isUnsent, type RequestId, type RequestRecord } from "../schemas/DataSubjectRequest.ts"
import { DatabaseError, MParticleApiError, RequestNotFound, SubmissionFailed } from "../schemas/MParticleError.ts"
import { remainingMillis, within } from "../services/Deadline.ts"
import * as Metrics from "../services/Metrics.ts"
import { BeingSent, MParticle, type MParticleShape, type Submission, type SubmitError } from "../services/MParticle.ts"
import { RequestStore, type StoreError } from "../services/RequestStore.ts"
import { isUncopied } from "../services/Reconciliation/Rules.ts"
import { Results } from "../services/Results.ts"
import { trace } from "../services/Trace.ts"
import * as Uuid from "../services/Uuid.ts"
import * as Fallback from "./MParticle/Fallback.ts"
import * as Guards from "./MParticle/Guards.ts"
import * as Callback from "./MParticle/Callback.ts"
import * as EmailHash from "./MParticle/EmailHash.ts"
import { correlationIdOf, fingerprintOf, normalisedEmail, requestIdOf } from "./MParticle/hashing.ts"
import * as Observation from "./MParticle/Observation.ts"
import * as Refresh from "./MParticle/Refresh.ts"
import { MParticleSettings } from "./MParticle/Settings.ts"
import * as Submitting from "./MParticle/Submission.ts"
import * as TtlCache from "./Resilience/TtlCache.ts"

const retentionSeconds = 90 * 24 * 60 * 60
/** Kept back from a caller's time for putting a request that mParticle does not take into the queue. */
const fallbackReserveMillis = 3_000
/** The first pause of a twin that waits for the one that sends; it doubles up to the longest. */
const firstPauseMillis = 100
const longestPauseMillis = 1_000

/** For how long after it tried to copy the results of an export a process answers queries without trying again. */
const collectPauseMillis = 60_000

/** Ends the attempts early enough for what mParticle does not take to be put into the queue. */
const leavingTimeToQueue = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(remainingMillis, (left) =>
    Number.isFinite(left) ? within(left - Math.min(fallbackReserveMillis, left * 0.3))(effect) : effect
  )

/** Ends what a status query need not wait for early enough for its answer. */
const leavingTimeToAnswer = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.flatMap(remainingMillis, (left) =>
    Effect.timeout(effect, Number.isFinite(left) ? Math.max(0, left - fallbackReserveMillis) : 60_000)
  )

/** What is filed: a submission, in the words of the HTTP API too where it came that way. */
type Filing = Submission & Pick<RequestRecord, "submittedAs">

type HandOverError = Guards.AttemptError | StoreError

/** mParticle refuses this request itself, and not our credentials. One that it does not refuse stays to be sent. */
const isRefusal = ({ retryable, status }: MParticleApiError): boolean => !retryable && status !== 401 && status !== 403

/** The refusal that a failed record keeps, as the caller was told it when it happened. */
const refusalOf = (record: RequestRecord): SubmissionFailed =>
  new SubmissionFailed({
    requestId: record.id,
    upstream: new MParticleApiError({
      ...(record.failureStatus === undefined ? {} : { status: record.failureStatus }),
      ...(record.failureMessage === undefined ? {} : { upstreamMessage: record.failureMessage })
    })
  })

/** The service over the request store, mParticle's APIs and the fallback queue. */
export const make = Effect.gen(function* () {
  const store = yield* RequestStore
  const settings = yield* MParticleSettings
  const guards = yield* Guards.make
  const { attempts } = yield* Submitting.make
  const { fallBack, noteLater } = yield* Fallback.make
  const { note } = yield* Observation.make
  const refresh = yield* Refresh.make(guards)
  const hashOf = yield* EmailHash.make
  const results = yield* Results
  const observe = yield* Callback.make(guards)
  // In this process alone: the record's own time orders the reconciler's work, which no caller may put off.
  const turns = yield* TtlCache.make({
    lookup: (_: RequestId) => Ref.make(false),
    timeToLiveMillis: collectPauseMillis
  })

  const leaseOf = (owner: string): Effect.Effect<{ readonly owner: string; readonly until: number }> =>
    Effect.map(Clock.currentTimeMillis, (now) => ({ owner, until: now + settings.leaseMillis }))

  const takeOver = (record: RequestRecord, owner: string) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      return yield* store.acquire(record.id, { owner, until: now + settings.leaseMillis }, now)
    })

  /**
   * Writes mParticle's own refusal down: it ends the request, unless mParticle has been seen to work on it since. Then
   * the refusal was one of a repetition, and the record says what is true.
   */
  const end = (record: RequestRecord, error: MParticleApiError) =>
    Effect.gen(function* () {
      const facts = {
        failureReason: error.code,
        ...(error.status === undefined ? {} : { failureStatus: error.status }),
        ...(error.upstreamMessage === undefined ? {} : { failureMessage: error.upstreamMessage })
      }
      const ended = yield* store.transition(record, "failed", facts, { onlyUnsent: true })
      return Option.isSome(ended) && !ended.value.changed && ended.value.record.status !== "failed"
        ? ended.value.record
        : yield* error
    })

  /** Sends a record whose lease we hold, and writes down how far it got. */
  const handOver = (
    record: RequestRecord,
    owner: string,
    options: { readonly resumed: boolean; readonly retries: boolean }
  ): Effect.Effect<RequestRecord, HandOverError> =>
    Effect.gen(function* () {
      const began = yield* Clock.currentTimeMillis
      const attempt = yield* attempts(record, owner, options.resumed)
      const answer = yield* guards.call(attempt, options).pipe(
        Effect.catchTag("MParticleApiError", (error) => (isRefusal(error) ? end(record, error) : Effect.fail(error))),
        Effect.tapBoth({
          onSuccess: () => Metrics.count("DSRSubmissions", { Type: record.type, Success: "true" }),
          onFailure: () => Metrics.count("DSRSubmissions", { Type: record.type, Success: "false" })
        })
      )
      yield* Metrics.duration("DSRSubmissionDuration", (yield* Clock.currentTimeMillis) - began, { Type: record.type })
      if ("statusRank" in answer) return answer
      const moved = yield* Effect.catchAll(note(record, answer), (error) => noteLater(record, error))
      return Option.match(moved, { onNone: () => record, onSome: (current) => current.record })
    })

  /** Sends a record whose lease we hold; what mParticle cannot take now goes to the queue. */
  const sendOrQueue = (
    record: RequestRecord,
    owner: string,
    resumed: boolean
  ): Effect.Effect<RequestRecord, SubmitError> =>
    handOver(record, owner, { resumed, retries: true }).pipe(
      leavingTimeToQueue,
      Effect.catchTags({
        LeaseLost: () => Effect.flatMap(reload(record), settle),
        MParticleApiError: (error) =>
          error.retryable
            ? fallBack(record, owner, error)
            : Effect.zipRight(
                Effect.ignoreLogged(store.release(record.id, owner)),
                Effect.fail(new SubmissionFailed({ requestId: record.id, upstream: error }))
              ),
        NetworkError: (error) => fallBack(record, owner, error),
        CallTimeout: (error) => fallBack(record, owner, error),
        CircuitOpen: (error) => fallBack(record, owner, error),
        RateLimited: (error) => fallBack(record, owner, error),
        ConfigurationError: (error) =>
          Effect.zipRight(Effect.ignoreLogged(store.release(record.id, owner)), Effect.fail(error))
      })
    )

  const reload = (record: RequestRecord): Effect.Effect<RequestRecord, StoreError> =>
    Effect.map(
      store.get(record.id),
      Option.getOrElse(() => record)
    )

  /** A record that was there before us: answered as it is, waited for while its owner sends it, or resumed. */
  const settle = (record: RequestRecord): Effect.Effect<RequestRecord, SubmitError> =>
    Effect.gen(function* () {
      const owner = yield* Uuid.v4
      let current = record
      let pause = firstPauseMillis
      while (isUnsent(current.status)) {
        // The one that sent meanwhile has put it into the queue: that is what there is to answer.
        if (current.status === "queued" && record.status !== "queued") return current
        // A live lease is left alone: trying for it would cost a write for nothing.
        if (current.leaseUntil <= (yield* Clock.currentTimeMillis)) {
          const taken = yield* takeOver(current, owner)
          if (Option.isSome(taken)) return yield* sendOrQueue(taken.value, owner, true)
        }
        if ((yield* remainingMillis) < pause + fallbackReserveMillis) return current
        yield* Effect.sleep(Duration.millis(pause))
        pause = Math.min(pause * 2, longestPauseMillis)
        current = yield* reload(current)
      }
      return current.failureReason === "MPARTICLE_API_ERROR" ? yield* refusalOf(current) : current
    })

  const keyedHash = (email: string) =>
    Effect.catchTag(hashOf(email), "ParametersUnavailable", (error) =>
      Effect.fail(new DatabaseError({ operation: "claim", reason: error.reason }))
    )

  const file = Effect.fnUntraced(function* (submission: Filing) {
    const now = yield* Clock.currentTimeMillis
    const owner = yield* Uuid.v4
    const { email, ...rest } = submission
    const emailHash = email === undefined ? undefined : yield* keyedHash(email)
    const request = {
      ...rest,
      ...(email === undefined ? {} : { email: normalisedEmail(email) }),
      id: requestIdOf(settings.stage, submission),
      fingerprint: fingerprintOf(rest, emailHash),
      submittedAt: new Date(now).toISOString(),
      expiresAt: Math.floor(now / 1000) + retentionSeconds
    }
    const { isNew, record } = yield* store.claim(request, yield* leaseOf(owner))
    return isNew ? yield* sendOrQueue(record, owner, false) : yield* settle(record)
  }, trace("dsrSubmit"))

  const submitForEmail: MParticleShape["submitForEmail"] = Effect.fnUntraced(function* (submission) {
    const { email, idempotencyKey, ...rest } = submission
    const identityId = IdentityId.make(yield* keyedHash(email))
    return yield* file({
      ...rest,
      email,
      identityId,
      correlationId: correlationIdOf(idempotencyKey, identityId, rest.type)
    })
  })

  const resubmit: MParticleShape["resubmit"] = Effect.fnUntraced(function* (id) {
    const found = yield* store.get(id)
    if (Option.isNone(found)) return yield* Effect.logError("a queued request is not on record")
    if (!isUnsent(found.value.status)) return
    yield* guards.admitted
    const owner = yield* Uuid.v4
    const taken = yield* takeOver(found.value, owner)
    if (Option.isNone(taken)) return yield* new BeingSent({ requestId: id })
    yield* handOver(taken.value, owner, { resumed: true, retries: false }).pipe(
      Effect.catchTag("LeaseLost", () => Effect.fail(new BeingSent({ requestId: id }))),
      // The refusal is written down: the message has done its work.
      Effect.catchIf(
        (error) => error._tag === "MParticleApiError" && isRefusal(error),
        () =>
          Effect.zipRight(
            Observation.countEnd(found.value, "BatonRequestsFailed"),
            Effect.logError("mParticle refused a queued request")
          )
      ),
      Effect.tapError(() => Effect.ignoreLogged(store.release(id, owner)))
    )
  }, trace("dsrResubmit"))

  const find: MParticleShape["find"] = Effect.fnUntraced(function* (id) {
    const record = yield* store.get(id)
    if (Option.isNone(record)) return yield* new RequestNotFound({ requestId: id })
    return yield* collect(yield* refresh(record.value))
  }, trace("dsrFind"))

  /**
   * Copies results that the callback could not; the caller is told of the end of the request all the same. Only the
   * first to ask within a while tries, so that who asks often does not use up mParticle's quota.
   */
  const collect = (record: RequestRecord): Effect.Effect<RequestRecord> =>
    Effect.gen(function* () {
      if (!isUncopied(record)) return record
      const isTaken = yield* turns.get(record.id)
      if (yield* Ref.getAndSet(isTaken, true)) return record
      return yield* results.collect(record).pipe(
        leavingTimeToAnswer,
        // What was not let through to mParticle has cost none of its calls.
        Effect.tapError(({ _tag }) =>
          _tag === "CircuitOpen" || _tag === "RateLimited" ? Ref.set(isTaken, false) : Effect.void
        ),
        Effect.catchAll((error) =>
          Effect.as(Effect.logError("the results were not copied with the status query", Cause.fail(error)), record)
        )
      )
    })

  const downloadUrls: MParticleShape["downloadUrls"] = (record) =>
    Effect.catchAll(results.downloadUrls(record), (error) =>
      Effect.as(Effect.logError(error.message), [] as ReadonlyArray<string>)
    )

  return { submit: file, submitForEmail, resubmit, find, downloadUrls, observe } satisfies MParticleShape
})

/** What {@link MParticle} stands on. */
export type Requirements = Effect.Effect.Context<typeof make>

/** {@link MParticle} over the request store, mParticle's APIs and the fallback queue. */
export const layer: Layer.Layer<MParticle, never, Requirements> = Layer.effect(MParticle, make)
