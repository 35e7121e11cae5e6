/** T-70: mParticle's quota is the workspace's; what goes over it waits in the queue, and nothing is lost. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as MParticleRetry from "../../../src/handlers/MParticleRetry.ts"
import * as OpenDsr from "../../../src/layers/MParticle/OpenDsr.ts"
import { layerOf } from "../../../src/layers/MParticle/Settings.ts"
import * as RateLimiter from "../../../src/layers/Resilience/RateLimiter.ts"
import { Email, type RequestRecord } from "../../../src/schemas/DataSubjectRequest.ts"
import { FallbackMessage } from "../../../src/schemas/FallbackMessage.ts"
import type { SubmitRequest } from "../../../src/schemas/OpenDsr.ts"
import { MParticle } from "../../../src/services/MParticle.ts"
import { inMemory, upstream } from "../../support/baton.ts"
import { inTime } from "../../support/http.ts"
import { jumpingClock } from "../../support/jumpingClock.ts"
import { MemoryStore } from "../../support/memoryStore.ts"
import {
  freshUpstream,
  http,
  known,
  parameters,
  settings,
  Upstream,
  type UpstreamShape
} from "../../support/mparticle.ts"

const minute = 60_000

/** The most calls that any minute has. */
const mostInAMinute = (times: ReadonlyArray<number>): number => {
  const sorted = times.toSorted((a, b) => a - b)
  let first = 0
  return sorted.reduce((most, at, last) => {
    while (at - (sorted[first] ?? at) >= minute) first += 1
    return Math.max(most, last - first + 1)
  }, 0)
}

const callsAt = (fake: UpstreamShape): ReadonlyArray<number> => [...fake.calls, ...fake.lookups].map(({ at }) => at)

const submission = (person: number) =>
  Effect.flatMap(MParticle, (mparticle) =>
    mparticle.submitForEmail({
      email: Email.make(`person-${person}@example.com`),
      submittedAs: "export",
      type: "export",
      regulation: "GDPR",
      idempotencyKey: `call-${person}`
    })
  ).pipe(inTime)

/** Every person's request: so many a minute, in groups, each with as much time as it has in the function. */
const arriving = (perMinute: number, minutes: number) =>
  Effect.gen(function* () {
    const groups = minutes * 20
    const answers: Array<Fiber.RuntimeFiber<RequestRecord, unknown>> = []
    for (let group = 0; group < groups; group += 1) {
      for (let at = 0; at < perMinute / 20; at += 1) answers.push(yield* Effect.fork(submission(answers.length)))
      yield* Effect.sleep("3 seconds")
    }
    return yield* Fiber.join(Fiber.all(answers))
  })

const encode = Schema.encodeSync(Schema.parseJson(FallbackMessage))

/** One batch of the queue; the messages of it that come again. */
const delivered = (messages: ReadonlyArray<FallbackMessage>) => {
  const records = messages.map((message, at) => ({ messageId: String(at), body: encode(message) }))
  const invocation = { requestId: "lambda-1", answerAtDeadline: () => undefined }
  return Effect.map(MParticleRetry.handle({ Records: records }, invocation), ({ batchItemFailures }) => {
    const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier))
    return messages.filter((_, at) => failed.has(String(at)))
  })
}

/** The queue's poller: a few batches at a time, until nothing is left; how many rounds that took. */
const draining = (queue: ReadonlyArray<FallbackMessage>, round = 0): Effect.Effect<number, unknown, MParticle> =>
  Effect.gen(function* () {
    if (queue.length === 0 || round === 100) return round
    const batches = [0, 1, 2, 3, 4].map((at) => queue.slice(at * 10, at * 10 + 10)).filter(({ length }) => length > 0)
    const running = yield* Effect.forEach(batches, (batch) => Effect.fork(delivered(batch)))
    const again = yield* Fiber.join(Fiber.all(running))
    yield* Effect.sleep("5 seconds")
    return yield* draining([...queue.slice(50), ...again.flat()], round + 1)
  })

const newRequest: SubmitRequest = {
  regulation: "gdpr",
  subject_request_id: "request-1",
  subject_request_type: "erasure",
  submitted_time: "2024-01-15T10:30:00.000Z",
  subject_identities: { controller_customer_id: { value: "person-1", encoding: "raw" } },
  api_version: "3.0",
  status_callback_urls: [],
  group_id: "person-1",
  extensions: { "opendsr.mparticle.com": { skip_waiting_period: true } }
}

describe("mParticle's quota", () => {
  it("is more than we ever use of it in any minute, or in a day", () => {
    const { burst, perDay, perMinute } = RateLimiter.mparticle
    assert.isAtMost(perMinute, 800)
    assert.isAtMost(perMinute + burst, 1_000)
    assert.isAtMost(perDay ?? Number.POSITIVE_INFINITY, 80_000)
  })

  it.effect("T-70 counts new requests for the day, and no questions", () =>
    Effect.gen(function* () {
      const fake = yield* Upstream
      fake.lookup = known("pending")
      const openDsr = yield* OpenDsr.make({ ...RateLimiter.mparticle, perDay: 1 })
      yield* Effect.replicateEffect(openDsr.get("a", []), 5)
      yield* openDsr.submit(newRequest)
      const refused = yield* Effect.flip(openDsr.submit(newRequest))
      assert.strictEqual(refused._tag, "RateLimited")
      yield* openDsr.get("a", [])
      assert.deepStrictEqual([fake.calls.length, fake.lookups.length], [1, 6])
    }).pipe(
      Effect.provide(Layer.mergeAll(http, parameters(), layerOf(settings))),
      Effect.provideService(Upstream, freshUpstream())
    )
  )

  it.effect(
    "L-01 a thousand requests a minute, for three minutes: below the quota, the rest in the queue, and none lost",
    () =>
      Effect.gen(function* () {
        const fake = yield* upstream
        const { records } = yield* MemoryStore
        const answers = yield* arriving(1_000, 3)
        assert.lengthOf(answers, 3_000)
        const waiting = answers.filter(({ status }) => status === "queued").map(({ id }) => id)
        assert.deepStrictEqual(new Set(fake.queued.map(({ payload }) => payload.requestId)), new Set(waiting))
        assert.strictEqual(fake.queued.length, waiting.length, "each of them once")
        assert.isAbove(waiting.length, 300, "it was too much for the quota")
        assert.isAbove(fake.calls.length, 2_300, "and the quota was made use of")
        assert.isTrue(fake.queued.every(({ originalError }) => originalError.code === "RATE_LIMITED"))

        assert.isBelow(yield* draining(fake.queued), 100)
        assert.strictEqual(records.size, 3_000)
        for (const { status } of records.values()) assert.strictEqual(status, "submitted")
        const sent = fake.calls.map(({ body }) => (body as { readonly subject_request_id: string }).subject_request_id)
        assert.strictEqual(new Set(sent).size, 3_000)
        assert.lengthOf(sent, 3_000, "each of them once")
        assert.isAtMost(mostInAMinute(callsAt(fake)), 1_000)
      }).pipe(inMemory(), Effect.withClock(jumpingClock(0))),
    180_000
  )
})
