/** Baton's part in a test: its events, and its answers taken apart. */
import { assert } from "@effect/vitest"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { type Answer, handle } from "../../src/handlers/Baton.ts"
import { requestIdOf } from "../../src/layers/MParticle/hashing.ts"
import type { BatonFailure, InitiateSuccess, StatusSuccess } from "../../src/schemas/Baton.ts"
import type { FlatInitiated, FlatStanding } from "../../src/schemas/BatonFlat.ts"
import { CorrelationId, Email, IdentityId, RequestId } from "../../src/schemas/DataSubjectRequest.ts"
import { type Measurement, Metrics } from "../../src/services/Metrics.ts"
import type { Submission } from "../../src/services/MParticle.ts"
import { RequestStore } from "../../src/services/RequestStore.ts"
import * as Uuid from "../../src/services/Uuid.ts"
import { batonInMemory, freshUpstream, Upstream, type WorldOptions } from "./mparticle.ts"

/** What an id that we make looks like. */
export const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/** The payload of a valid deletion for a person of its own. */
export const payload = (overrides: object = {}) =>
  Effect.map(Uuid.v4, (unique) => ({
    identityId: `person-${unique}`,
    email: "user@example.com",
    requestType: "delete" as const,
    regulation: "GDPR" as const,
    correlationId: `workflow-${unique}`,
    ...overrides
  }))

export const initiateWith = (overrides: object = {}) =>
  Effect.flatMap(payload(overrides), (body) => handle({ action: "initiate", payload: body }))

export const statusOf = (mparticleRequestId: unknown, correlationId?: string) =>
  handle({
    action: "status",
    payload: { mparticleRequestId, ...(correlationId === undefined ? {} : { correlationId }) }
  })

/** A submission for a person of its own. */
export const submission = (overrides: Partial<Submission> = {}): Effect.Effect<Submission> =>
  Effect.map(Uuid.v4, (unique) => ({
    identityId: IdentityId.make(`person-${unique}`),
    email: Email.make("user@example.com"),
    type: "delete",
    regulation: "GDPR",
    correlationId: CorrelationId.make(`workflow-${unique}`),
    ...overrides
  }))

/** The id that a submission gets. */
export const idOf = (wanted: Submission): RequestId => requestIdOf("CODE", wanted)

export const succeeded = (answer: Answer): InitiateSuccess | StatusSuccess => {
  assert.isTrue("success" in answer && answer.success, JSON.stringify(answer))
  return answer as InitiateSuccess | StatusSuccess
}

export const refused = (answer: Answer): BatonFailure => {
  assert.isTrue("success" in answer && !answer.success, JSON.stringify(answer))
  return answer as BatonFailure
}

/** An answer in the flat dialect. */
export const flat = <A extends FlatInitiated | FlatStanding>(answer: Answer): A => {
  assert.notProperty(answer, "success", JSON.stringify(answer))
  return answer as A
}

/** A fresh upstream: no calls, accepting. */
export const upstream = Effect.map(Upstream, (fake) => Object.assign(fake, freshUpstream()))

/** The record of an id, which has to be there. */
export const recordOf = (id: string | undefined) =>
  Effect.flatMap(RequestStore, (store) => Effect.map(store.get(RequestId.make(id ?? "")), Option.getOrThrow))

/** Runs an effect and answers its measurements beside its value. */
export const measured = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const seen: Array<Measurement> = []
    return Effect.provideService(effect, Metrics, { put: (measurement) => void seen.push(measurement) }).pipe(
      Effect.map((value) => ({ value, seen, names: () => seen.map(({ name }) => name) }))
    )
  })

/** Runs an effect over a fresh store in memory, a fresh mParticle and fresh guards. */
export const inMemory = (options: WorldOptions = {}) => Effect.provide(batonInMemory(options))

/** Runs an effect while the clock goes on by this much. */
export const during =
  (time: Duration.DurationInput) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.gen(function* () {
      const running = yield* Effect.fork(effect)
      yield* TestClock.adjust(time)
      return yield* Fiber.join(running)
    })
