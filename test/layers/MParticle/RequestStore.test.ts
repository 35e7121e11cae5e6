import { GetItemCommand } from "@aws-sdk/client-dynamodb"
import { marshall } from "@aws-sdk/util-dynamodb"
import { assert, describe, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { activeLockId, fingerprintOf, requestIdOf } from "../../../src/layers/MParticle/hashing.ts"
import {
  CorrelationId,
  Email,
  IdentityId,
  RequestId,
  type RequestType
} from "../../../src/schemas/DataSubjectRequest.ts"
import { DatabaseError, IdempotencyConflict } from "../../../src/schemas/MParticleError.ts"
import type { Submission } from "../../../src/services/MParticle.ts"
import { type NewRequest, RequestStore } from "../../../src/services/RequestStore.ts"
import * as Uuid from "../../../src/services/Uuid.ts"
import { Dynamo, layer as dynamo, tableNames } from "../../support/dynamo.ts"
import { parameters, store } from "../../support/mparticle.ts"

const day = 86_400

const lease = { owner: "owner-1", until: 10_000 }

/** A request of a person of its own. */
const request = (
  overrides: {
    readonly identityId?: string
    readonly correlationId?: string
    readonly email?: string
    readonly type?: RequestType
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
      fingerprint: fingerprintOf(submission),
      submittedAt: "1970-01-01T00:00:00.000Z",
      expiresAt: 90 * day
    }
  })

const live = store.pipe(Layer.provideMerge(Layer.merge(dynamo, parameters())))

layer(live)("RequestStore", (it) => {
  it.effect("D-01 gives back what was claimed", () =>
    Effect.gen(function* () {
      const requests = yield* RequestStore
      const wanted = yield* request()
      const { isNew, record } = yield* requests.claim(wanted, lease)
      assert.isTrue(isNew)
      assert.deepStrictEqual(record, {
        ...wanted,
        status: "received",
        statusRank: 0,
        updatedAt: wanted.submittedAt,
        version: 1
      })
      assert.deepStrictEqual(yield* requests.get(wanted.id), Option.some(record))
    })
  )

  it.effect("D-02 answers the earlier record to the same claim, as a result and not as an error", () =>
    Effect.gen(function* () {
      const requests = yield* RequestStore
      const wanted = yield* request()
      const first = yield* requests.claim(wanted, lease)
      assert.deepStrictEqual(yield* requests.claim(wanted, lease), { isNew: false, record: first.record })
    })
  )

  it.effect("lets one of 20 racing claims win", () =>
    Effect.gen(function* () {
      const requests = yield* RequestStore
      const wanted = yield* request()
      const outcomes = yield* Effect.all(
        Array.from({ length: 20 }, () => requests.claim(wanted, lease)),
        { concurrency: "unbounded" }
      )
      assert.lengthOf(
        outcomes.filter(({ isNew }) => isNew),
        1
      )
      assert.isTrue(outcomes.every(({ record }) => record.id === wanted.id))
    })
  )

  it.effect("refuses a correlation id that belongs to a different request", () =>
    Effect.gen(function* () {
      const requests = yield* RequestStore
      const wanted = yield* request()
      yield* requests.claim(wanted, lease)
      const others = yield* Effect.all([
        request({ correlationId: wanted.correlationId }),
        request({ correlationId: wanted.correlationId, identityId: wanted.identityId, email: "other@example.com" }),
        request({ correlationId: wanted.correlationId, identityId: wanted.identityId, type: "export" })
      ])
      for (const other of others) {
        const error = yield* Effect.flip(requests.claim(other, lease))
        assert.deepStrictEqual(error, new IdempotencyConflict({ requestId: wanted.id }))
      }
    })
  )

  it.effect("lets a person have one active request of a type, and frees the lock at its end", () =>
    Effect.gen(function* () {
      const requests = yield* RequestStore
      const first = (yield* requests.claim(yield* request(), lease)).record
      const again = yield* request({ identityId: first.identityId })
      assert.deepStrictEqual(yield* requests.claim(again, lease), { isNew: false, record: first })
      const other = yield* requests.claim(yield* request({ identityId: first.identityId, type: "export" }), lease)
      assert.isTrue(other.isNew, "an export beside an active deletion is a request of its own (B-28)")
      yield* requests.transition(first, "completed", { completedAt: "1970-01-02T00:00:00.000Z" })
      assert.isTrue((yield* requests.claim(again, lease)).isNew)
    })
  )

  it.effect("takes over the lock of a request that ended or expired without freeing it", () =>
    Effect.gen(function* () {
      const requests = yield* RequestStore
      const first = yield* request()
      yield* requests.claim(first, lease)
      yield* TestClock.adjust(`${91 * day} seconds`)
      const next = yield* request({ identityId: first.identityId })
      const outcome = yield* requests.claim({ ...next, expiresAt: 181 * day }, lease)
      assert.isTrue(outcome.isNew)
      assert.strictEqual(outcome.record.id, next.id)
    })
  )

  it.effect("moves forward only", () =>
    Effect.gen(function* () {
      const requests = yield* RequestStore
      const { record } = yield* requests.claim(yield* request(), lease)
      const submitted = Option.getOrThrow(yield* requests.transition(record, "submitted", { controllerId: "w" }))
      assert.deepInclude(submitted, { status: "submitted", statusRank: 2, version: 2, controllerId: "w" })
      assert.deepStrictEqual(yield* requests.transition(record, "queued"), Option.some(submitted))
      const done = Option.getOrThrow(
        yield* requests.transition(record, "completed", { completedAt: "1970-01-05T00:00:00.000Z" })
      )
      assert.strictEqual(done.completedAt, "1970-01-05T00:00:00.000Z")
      assert.deepStrictEqual(yield* requests.transition(record, "in_progress"), Option.some(done))
      assert.deepStrictEqual(yield* requests.transition(record, "failed"), Option.some(done))
      assert.deepStrictEqual(yield* requests.get(record.id), Option.some(done))
    })
  )

  it.effect("D-05 creates nothing where no record is", () =>
    Effect.gen(function* () {
      const requests = yield* RequestStore
      const wanted = yield* request()
      const ghost = { ...wanted, status: "received" as const, statusRank: 0, updatedAt: wanted.submittedAt, version: 1 }
      assert.deepStrictEqual(yield* requests.transition(ghost, "submitted"), Option.none())
      assert.deepStrictEqual(yield* requests.get(wanted.id), Option.none())
    })
  )

  it.effect("ST-14 D-13 hides a record past its time to live, which is in epoch seconds", () =>
    Effect.gen(function* () {
      const requests = yield* RequestStore
      const { record } = yield* requests.claim(yield* request(), lease)
      assert.strictEqual(record.expiresAt, 7_776_000)
      yield* TestClock.setTime(record.expiresAt * 1000 - 1)
      assert.isTrue(Option.isSome(yield* requests.get(record.id)))
      yield* TestClock.setTime(record.expiresAt * 1000)
      assert.isTrue(Option.isNone(yield* requests.get(record.id)))
    })
  )

  it.effect("keeps no identity in clear in a key", () =>
    Effect.gen(function* () {
      const requests = yield* RequestStore
      const client = yield* Dynamo
      const { record } = yield* requests.claim(yield* request(), lease)
      const lock = activeLockId(record.identityId, record.type)
      assert.notInclude(lock, record.identityId)
      const found = yield* Effect.promise(() =>
        client.send(new GetItemCommand({ TableName: tableNames.dsr, Key: marshall({ id: lock }) }))
      )
      assert.strictEqual(found.Item?.["requestId"]?.S, record.id)
    })
  )
})

layer(store.pipe(Layer.provide(Layer.merge(dynamo, parameters({ "dynamodb-table-name": "no-such-table" })))))(
  "RequestStore without its table",
  (it) => {
    it.effect("B-32 fails with DATABASE_ERROR and the store's own error name", () =>
      Effect.gen(function* () {
        const requests = yield* RequestStore
        const error = yield* Effect.flip(requests.get(RequestId.make("a")))
        assert.deepStrictEqual(error, new DatabaseError({ operation: "get", reason: "ResourceNotFoundException" }))
      })
    )
  }
)

describe("requestIdOf", () => {
  it("is a UUID of version 4 that depends on stage, correlation id, person and type alone", () => {
    const submission: Submission = {
      identityId: IdentityId.make("person"),
      correlationId: CorrelationId.make("workflow"),
      email: Email.make("user@example.com"),
      type: "delete",
      regulation: "GDPR"
    }
    const id = requestIdOf("CODE", submission)
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    assert.strictEqual(requestIdOf("CODE", { ...submission, email: Email.make("other@example.com") }), id)
    const others = [
      requestIdOf("PROD", submission),
      requestIdOf("CODE", { ...submission, type: "export" }),
      requestIdOf("CODE", { ...submission, correlationId: CorrelationId.make("x") }),
      requestIdOf("CODE", { ...submission, identityId: IdentityId.make("x") })
    ]
    assert.strictEqual(new Set([id, ...others]).size, 5)
  })
})
