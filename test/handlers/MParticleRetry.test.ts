import { assert, describe, it, layer } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import { handle } from "../../src/handlers/MParticleRetry.ts"
import { FallbackMessage } from "../../src/schemas/FallbackMessage.ts"
import type { SqsBatchResult, SqsRecord } from "../../src/schemas/LambdaEvent.ts"
import { Deadline } from "../../src/services/Deadline.ts"
import { RequestStore } from "../../src/services/RequestStore.ts"
import {
  during,
  inMemory,
  initiateWith,
  measured,
  recordOf,
  statusOf,
  submission,
  succeeded,
  upstream
} from "../support/baton.ts"
import { layer as dynamo } from "../support/dynamo.ts"
import { written } from "../support/logs.ts"
import { MemoryStore } from "../support/memoryStore.ts"
import { accepted, baton, failing, known, type UpstreamShape } from "../support/mparticle.ts"
import { onRecord, recordWith } from "../support/records.ts"
import { claimed, moved } from "../support/requests.ts"

const encode = Schema.encodeSync(Schema.parseJson(FallbackMessage))

/** A delivery of a message. */
const delivery = (message: FallbackMessage, messageId: string): SqsRecord => ({
  messageId,
  body: encode(message),
  messageAttributes: { correlationId: { stringValue: message.correlationId } }
})

const messageFor = (requestId: string): FallbackMessage =>
  Schema.decodeUnknownSync(FallbackMessage)({
    type: "DSR_RETRY",
    schemaVersion: 1,
    payload: { requestId },
    originalError: { code: "NETWORK_ERROR" },
    correlationId: "c-1",
    firstFailedAt: "1970-01-01T00:00:00.000Z",
    attempt: 1
  })

/** The ids of the messages of a batch that come again. */
const failedOf = (Records: ReadonlyArray<SqsRecord>) =>
  handle({ Records }, { requestId: "r-1", answerAtDeadline: () => undefined }).pipe(
    Effect.map(({ batchItemFailures }: SqsBatchResult) => batchItemFailures.map(({ itemIdentifier }) => itemIdentifier))
  )

const deliver = (fake: UpstreamShape) =>
  failedOf(fake.queued.map((message, index) => delivery(message, `m-${index + 1}`)))

/** Requests that wait in the queue, with an mParticle that is well again. */
const queued = (people = 1) =>
  Effect.gen(function* () {
    const fake = yield* upstream
    fake.reply = failing(429, "slow down", { "retry-after": "120" })
    const ids: Array<string> = []
    for (let person = 0; person < people; person += 1) {
      const answer = succeeded(yield* initiateWith())
      assert.strictEqual(answer.status, "queued")
      ids.push(answer.mparticleRequestId)
    }
    yield* TestClock.adjust("130 seconds")
    fake.calls.length = 0
    fake.reply = accepted
    return { fake, ids }
  })

describe("draining the fallback queue", () => {
  it.effect("F-01 sends what waits, under the id that its caller was told, and asks first whether it is there", () =>
    Effect.gen(function* () {
      const { fake, ids } = yield* queued(3)
      assert.deepStrictEqual(yield* deliver(fake), [])
      assert.deepStrictEqual(
        fake.calls.map(({ body }) => (body as { subject_request_id: string }).subject_request_id).toSorted(),
        ids.toSorted()
      )
      assert.lengthOf(fake.lookups, 3)
      for (const id of ids) assert.strictEqual(succeeded(yield* statusOf(id)).status, "submitted")
    }).pipe(inMemory())
  )

  it.effect("F-01 does not send what mParticle has already", () =>
    Effect.gen(function* () {
      const { fake, ids } = yield* queued()
      fake.lookup = known("in_progress")
      assert.deepStrictEqual(yield* deliver(fake), [])
      assert.lengthOf(fake.calls, 0)
      assert.strictEqual((yield* recordOf(ids[0])).status, "in_progress")
    }).pipe(inMemory())
  )

  it.effect("F-04 sends once what is delivered twice, one after the other or at once", () =>
    Effect.gen(function* () {
      const { fake, ids } = yield* queued()
      const [message] = fake.queued
      assert.isDefined(message)
      fake.reply = (call) => Effect.as(Effect.sleep("1 seconds"), accepted(call))
      const twice = [delivery(message, "m-1"), delivery(message, "m-2")]
      assert.lengthOf(yield* during("2 seconds")(failedOf(twice)), 1, "the other comes again, and finds it sent")
      assert.deepStrictEqual(yield* failedOf(twice), [])
      assert.lengthOf(fake.calls, 1)
      assert.strictEqual((yield* recordOf(ids[0])).status, "submitted")
    }).pipe(inMemory())
  )

  it.effect("F-04 leaves a request alone that another process is sending", () =>
    Effect.gen(function* () {
      const { fake, ids } = yield* queued()
      const store = yield* RequestStore
      const now = yield* Clock.currentTimeMillis
      yield* store.acquire((yield* recordOf(ids[0])).id, { owner: "another", until: now + 10_000 }, now)
      assert.deepStrictEqual(yield* deliver(fake), ["m-1"])
      assert.lengthOf([...fake.calls, ...fake.lookups], 0)
      assert.strictEqual((yield* recordOf(ids[0])).claimOwner, "another")
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(yield* deliver(fake), [])
      assert.lengthOf(fake.calls, 1)
    }).pipe(inMemory())
  )

  it.effect("F-05 acknowledges what is sent, has ended or is not on record, and calls nothing", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const ids: Array<string> = []
      for (const to of ["submitted", "in_progress", "completed", "failed"] as const) {
        ids.push((yield* moved(yield* claimed(), to)).record.id)
      }
      ids.push("never-heard-of")
      assert.deepStrictEqual(yield* failedOf(ids.map((id) => delivery(messageFor(id), id))), [])
      assert.lengthOf([...fake.calls, ...fake.lookups, ...fake.events], 0)
    }).pipe(inMemory())
  )

  it.effect("F-07 writes a refusal down, and acknowledges it", () =>
    Effect.gen(function* () {
      const { fake, ids } = yield* queued()
      fake.reply = failing(400, "Invalid workspace configuration")
      const { names, value } = yield* measured(deliver(fake))
      assert.deepStrictEqual(value, [])
      assert.lengthOf(fake.calls, 1)
      assert.deepInclude(yield* recordOf(ids[0]), {
        status: "failed",
        failureReason: "MPARTICLE_API_ERROR",
        failureStatus: 400,
        failureMessage: "Invalid workspace configuration"
      })
      assert.include(names(), "BatonRequestsFailed")
    }).pipe(inMemory())
  )

  it.effect("F-07 decision 12: of a request that was filed over HTTP it counts nothing as Baton's", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const record = recordWith({ status: "queued", submittedAs: "gdpr_delete" })
      yield* onRecord(record)
      fake.reply = failing(400)
      const { names, value } = yield* measured(failedOf([delivery(messageFor(record.id), "m-1")]))
      assert.deepStrictEqual(value, [])
      assert.strictEqual((yield* recordOf(record.id)).status, "failed")
      assert.isFalse(names().some((name) => name.startsWith("Baton")))
    }).pipe(inMemory())
  )

  it.effect("F-07 does not end a request over our own credentials: it comes again", () =>
    Effect.gen(function* () {
      const { fake, ids } = yield* queued()
      fake.lookup = failing(401)
      fake.reply = failing(401)
      assert.deepStrictEqual(yield* deliver(fake), ["m-1"])
      assert.strictEqual((yield* recordOf(ids[0])).status, "queued")
    }).pipe(inMemory())
  )

  it.effect.each([301, 308, 408])(
    "F-07 does not end a request over an answer (%i) that is not about it: it comes again",
    (status) =>
      Effect.gen(function* () {
        const { fake, ids } = yield* queued()
        fake.reply = failing(status)
        assert.deepStrictEqual(yield* deliver(fake), ["m-1"])
        assert.deepInclude(yield* recordOf(ids[0]), { status: "queued", leaseUntil: 0 })
      }).pipe(inMemory())
  )

  it.effect("F-08 keeps a message as it is while the breaker is open: no call, no lease, no second message", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const memory = yield* MemoryStore
      fake.reply = failing(429, "slow down", { "retry-after": "120" })
      const answer = succeeded(yield* initiateWith())
      const before = yield* recordOf(answer.mparticleRequestId)
      fake.reply = accepted
      fake.calls.length = 0
      memory.operations.length = 0
      assert.deepStrictEqual(yield* deliver(fake), ["m-1"])
      assert.lengthOf([...fake.calls, ...fake.lookups], 0)
      assert.deepStrictEqual(memory.operations, ["get"])
      assert.deepStrictEqual(yield* recordOf(answer.mparticleRequestId), before)
      assert.lengthOf(fake.queued, 1)
    }).pipe(inMemory())
  )

  it.effect("F-08 tries once, gives the lease back, and lets SQS bring the message again", () =>
    Effect.gen(function* () {
      const { fake, ids } = yield* queued()
      fake.reply = failing(500)
      assert.deepStrictEqual(yield* deliver(fake), ["m-1"])
      assert.lengthOf(fake.calls, 1)
      assert.lengthOf(fake.queued, 1)
      const record = yield* recordOf(ids[0])
      assert.deepInclude(record, { status: "queued", leaseUntil: 0 })
      fake.reply = accepted
      // The failure was the breaker's probe: it is open for another minute.
      yield* TestClock.adjust("61 seconds")
      assert.deepStrictEqual(yield* deliver(fake), [])
      assert.strictEqual((yield* recordOf(ids[0])).status, "submitted")
    }).pipe(inMemory())
  )

  it.effect("F-08 one message's failure is its own", () =>
    Effect.gen(function* () {
      const { fake } = yield* queued(3)
      const [, second] = fake.queued
      fake.reply = (call) =>
        JSON.stringify(call.body).includes(second?.payload.requestId ?? "?") ? failing(500)() : accepted(call)
      const poison: SqsRecord = { messageId: "poison", body: JSON.stringify({ type: "DSR_RETRY", schemaVersion: 2 }) }
      const records = fake.queued.map((message, index) => delivery(message, `m-${index + 1}`))
      assert.deepStrictEqual((yield* failedOf([poison, ...records])).toSorted(), ["m-2", "poison"])
    }).pipe(inMemory())
  )

  it.effect("F-08 a store that cannot be read brings the message again", () =>
    Effect.gen(function* () {
      const { fake } = yield* queued()
      const memory = yield* MemoryStore
      for (const broken of ["get", "acquire"] as const) {
        memory.fails = (operation) => operation === broken
        assert.deepStrictEqual(yield* deliver(fake), ["m-1"])
      }
      assert.lengthOf(fake.calls, 0)
    }).pipe(inMemory())
  )

  it.effect("F-08 starts nothing that it has no time for", () =>
    Effect.gen(function* () {
      const { fake } = yield* queued()
      const now = yield* Clock.currentTimeMillis
      assert.deepStrictEqual(yield* Effect.provideService(deliver(fake), Deadline, now + 7_999), ["m-1"])
      assert.lengthOf(fake.lookups, 0)
    }).pipe(inMemory())
  )

  it.effect("F-10 has nothing to do for an empty batch", () =>
    Effect.gen(function* () {
      yield* upstream
      assert.deepStrictEqual(yield* failedOf([]), [])
    }).pipe(inMemory())
  )

  it.effect("O-02 logs every message under the correlation id of its request", () =>
    Effect.gen(function* () {
      const { fake } = yield* queued(5)
      const { lines } = yield* written(deliver(fake))
      const wanted = new Set(fake.queued.map(({ correlationId }) => correlationId))
      assert.deepStrictEqual(new Set(lines.map(({ correlationId }) => correlationId)), wanted)
      for (const line of lines) {
        const index = fake.queued.findIndex(({ correlationId }) => correlationId === line["correlationId"])
        assert.strictEqual(line["messageId"], `m-${index + 1}`)
      }
    }).pipe(inMemory())
  )
})

layer(Layer.provide(baton(), dynamo))("draining over DynamoDB", (it) => {
  it.effect("F-04 F-05 sends a queued record once out of ten deliveries", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      yield* TestClock.setTime(60_000)
      const { record } = yield* moved(yield* claimed(), "queued")
      const store = yield* RequestStore
      yield* store.release(record.id, record.claimOwner)
      const ten = Array.from({ length: 10 }, (_, index) => delivery(messageFor(record.id), `m-${index}`))
      yield* failedOf(ten)
      assert.deepStrictEqual(yield* failedOf(ten), [])
      assert.lengthOf(fake.calls, 1)
      assert.strictEqual((yield* recordOf(record.id)).status, "submitted")
    })
  )

  it.effect("F-07 ends a refused request, and frees the person for another one", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      yield* TestClock.setTime(60_000)
      const { identityId } = yield* submission()
      const { record } = yield* moved(yield* claimed({ identityId }), "queued")
      fake.reply = failing(400, "Invalid workspace configuration")
      assert.deepStrictEqual(yield* failedOf([delivery(messageFor(record.id), "m-1")]), [])
      assert.strictEqual((yield* recordOf(record.id)).status, "failed")
      fake.reply = accepted
      const next = succeeded(yield* initiateWith({ identityId }))
      assert.notStrictEqual(next.mparticleRequestId, record.id)
    })
  )
})
