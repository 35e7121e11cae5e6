/** Requests as the store is given them. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { fingerprintOf, requestIdOf } from "../../src/layers/MParticle/hashing.ts"
import {
  CorrelationId,
  Email,
  IdentityId,
  type RecordStatus,
  type RequestRecord,
  type RequestType
} from "../../src/schemas/DataSubjectRequest.ts"
import {
  type Lease,
  type NewRequest,
  RequestStore,
  type Transitioned,
  type TransitionFacts
} from "../../src/services/RequestStore.ts"
import * as Uuid from "../../src/services/Uuid.ts"
import { layer as dynamo } from "./dynamo.ts"
import { parameters, store } from "./mparticle.ts"
import { emailHash } from "./mparticle.ts"

export const day = 86_400

export const lease: Lease = { owner: "owner-1", until: 10_000 }

/** The store over a real DynamoDB engine, with the engine's client. */
export const live = store.pipe(Layer.provideMerge(Layer.merge(dynamo, parameters())))

/** A request of a person of its own, filed at the beginning of 1970. */
export const request = (
  overrides: {
    readonly identityId?: string
    readonly correlationId?: string
    readonly email?: string
    readonly type?: RequestType
    readonly submittedAt?: string
  } = {}
): Effect.Effect<NewRequest> =>
  Effect.gen(function* () {
    const unique = yield* Uuid.v4
    const submission = {
      identityId: IdentityId.make(overrides.identityId ?? `person-${unique}`),
      correlationId: CorrelationId.make(overrides.correlationId ?? `workflow-${unique}`),
      email: Email.make(overrides.email ?? "user@example.com"),
      type: overrides.type ?? ("delete" as const),
      regulation: "GDPR" as const
    }
    return {
      ...submission,
      id: requestIdOf("CODE", submission),
      fingerprint: fingerprintOf(submission, submission.email === undefined ? undefined : emailHash(submission.email)),
      submittedAt: overrides.submittedAt ?? "1970-01-01T00:00:00.000Z",
      expiresAt: 90 * day
    }
  })

/** A request that is on record. */
export const claimed = (overrides: Parameters<typeof request>[0] = {}) =>
  Effect.gen(function* () {
    const requests = yield* RequestStore
    return (yield* requests.claim(yield* request(overrides), lease)).record
  })

/** Moves a record that has to be there. */
export const moved = (record: RequestRecord, to: RecordStatus, facts?: TransitionFacts) =>
  Effect.flatMap(RequestStore, (requests) =>
    Effect.map(requests.transition(record, to, facts), (outcome): Transitioned => Option.getOrThrow(outcome))
  )
