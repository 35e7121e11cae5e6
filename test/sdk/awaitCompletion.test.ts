/** Following a request to its end. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/TestClock"
import { type BatonClientShape, make, NotCompleted, RequestFailed } from "../../src/sdk/Baton.ts"
import {
  answer,
  answerText,
  crashOf,
  cutOff,
  fakeLambda,
  gaps,
  refusal,
  type Reply,
  requestId,
  silence,
  standing,
  using
} from "../support/fakeLambda.ts"

const waiting = (client: BatonClientShape) => client.awaitCompletion(requestId)
const queued = answer(standing("queued"))
const submitted = answer(standing("submitted"))
const inProgress = answer(standing("in_progress"))
const done = standing("completed", { completedAt: "2026-01-01T00:00:00.000Z", downloadUrls: ["s3://results/1.zip"] })
const completed = answer(done)
const unwell = answer(refusal("DATABASE_ERROR", { retryable: true }))

const failed = (facts: object = {}) => answer(standing("failed", facts))

const errorOf = (
  replies: readonly [Reply, ...ReadonlyArray<Reply>],
  options: Parameters<BatonClientShape["awaitCompletion"]>[1] = {}
) => using(replies, (client) => Effect.flip(client.awaitCompletion(requestId, options)))

describe("awaiting a request's end", () => {
  it.effect("asks until the request is completed, and answers what it then is", () =>
    Effect.gen(function* () {
      const { received, result } = yield* using([queued, submitted, inProgress, completed], waiting)
      assert.deepEqual<unknown>(result, done)
      assert.lengthOf(received, 4)
      for (const { event } of received) {
        assert.deepEqual(event, { action: "status", payload: { mparticleRequestId: requestId } })
      }
    })
  )

  it.effect("asks under the correlation id that is given", () =>
    Effect.gen(function* () {
      const { received } = yield* using([completed], (client) =>
        client.awaitCompletion(requestId, { correlationId: "workflow-7" })
      )
      assert.deepEqual(received[0]?.event, {
        action: "status",
        payload: { mparticleRequestId: requestId, correlationId: "workflow-7" }
      })
    })
  )

  it.effect("asks at once, after 5 s, 10 s and so on, and then every quarter of an hour", () =>
    Effect.gen(function* () {
      const { lambda, received } = yield* fakeLambda(submitted)
      const fiber = yield* Effect.fork(Effect.flatMap(make({ lambda }), waiting))
      yield* TestClock.adjust("2 hours")
      yield* Fiber.interrupt(fiber)
      const seconds = gaps(received).map((millis) => millis / 1_000)
      assert.deepEqual(seconds, [5, 10, 20, 40, 80, 160, 320, 640, 900, 900, 900, 900, 900, 900])
    })
  )

  it.effect("ends when it is interrupted", () =>
    Effect.gen(function* () {
      const { lambda, received } = yield* fakeLambda(submitted, silence)
      const fiber = yield* Effect.fork(Effect.flatMap(make({ lambda }), waiting))
      yield* TestClock.adjust("6 seconds")
      assert.lengthOf(received, 2)
      assert.isFalse(received[1]?.signal?.aborted)
      yield* Fiber.interrupt(fiber)
      assert.isTrue(received[1]?.signal?.aborted)
      yield* TestClock.adjust("1 days")
      assert.lengthOf(received, 2)
    })
  )
})

describe("a request that fails", () => {
  it.effect("ST-01 fails the waiting with its reason", () =>
    Effect.gen(function* () {
      const { received, result } = yield* errorOf([submitted, failed({ details: { reason: "CANCELLED" } })])
      assert.instanceOf(result, RequestFailed)
      assert.include(result, { requestId, reason: "CANCELLED", retryable: false })
      assert.strictEqual(result.message, `Request ${requestId} failed (CANCELLED)`)
      assert.lengthOf(received, 2)
    })
  )

  it.effect("may have none", () =>
    Effect.gen(function* () {
      const { result } = yield* errorOf([failed()])
      assert.instanceOf(result, RequestFailed)
      assert.isUndefined(result.reason)
      assert.strictEqual(result.message, `Request ${requestId} failed`)
    })
  )
})

describe("a schedule of one's own", () => {
  const twice = Schedule.intersect(Schedule.spaced("1 minute"), Schedule.recurs(2))

  it.effect("is followed, and its end is the waiting's", () =>
    Effect.gen(function* () {
      const { received, result } = yield* errorOf([submitted, inProgress], { schedule: twice })
      assert.instanceOf(result, NotCompleted)
      assert.include(result, { requestId, lastStatus: "in_progress", retryable: true })
      assert.strictEqual(result.message, `Request ${requestId} has not come to its end yet (in_progress)`)
      assert.deepEqual(gaps(received), [60_000, 60_000])
    })
  )

  it.effect("sees the status, and can go by it", () =>
    Effect.gen(function* () {
      const whileQueued = Schedule.recurWhile((status: unknown) => status === "queued")
      const { received, result } = yield* errorOf([queued, queued, submitted, completed], { schedule: whileQueued })
      assert.include(result, { _tag: "NotCompleted", lastStatus: "submitted" })
      assert.lengthOf(received, 3)
    })
  )

  it.effect("may end before any status was had", () =>
    Effect.gen(function* () {
      const { result } = yield* errorOf([unwell], { schedule: Schedule.recurs(1) })
      assert.instanceOf(result, NotCompleted)
      assert.isUndefined(result.lastStatus)
      assert.include(result.message, "(status unknown)")
    })
  )

  it.effect("that has ended does not spoil the next waiting", () =>
    Effect.gen(function* () {
      const { received } = yield* using([submitted], (client) => {
        const once = Effect.flip(client.awaitCompletion(requestId, { schedule: twice }))
        return Effect.zip(once, once)
      })
      assert.lengthOf(received, 6)
    })
  )
})

describe("what goes wrong on the way", () => {
  const outage = Array.from({ length: 4 }, () => unwell)
  const passing: Readonly<Record<string, Reply>> = {
    "a refusal that may pass": unwell,
    "a broken connection": cutOff("ECONNRESET"),
    "a crash": crashOf("Runtime.ExitError"),
    "an open circuit breaker": answer(refusal("CIRCUIT_OPEN", { retryable: true }))
  }
  for (const [what, reply] of Object.entries(passing)) {
    it.effect(`is waited out when it may pass: ${what}`, () =>
      Effect.gen(function* () {
        const { result } = yield* using([submitted, reply, reply, reply, reply, reply, completed], waiting)
        assert.strictEqual(result.status, "completed")
      })
    )
  }

  it.effect("costs the call's retries, and then the schedule's next pause", () =>
    Effect.gen(function* () {
      const { received } = yield* using([submitted, ...outage, completed], waiting)
      assert.deepEqual(gaps(received), [5_000, 500, 1_000, 2_000, 10_000])
    })
  )

  it.effect("does not hide the status that was seen before", () =>
    Effect.gen(function* () {
      const { result } = yield* errorOf([inProgress, unwell], { schedule: Schedule.recurs(2) })
      assert.include(result, { _tag: "NotCompleted", lastStatus: "in_progress" })
    })
  )

  const lasting: Readonly<Record<string, readonly [Reply, string]>> = {
    "an unknown request": [answer(refusal("REQUEST_NOT_FOUND")), "REQUEST_NOT_FOUND"],
    "a function that is switched off": [answer(refusal("INTEGRATION_DISABLED")), "INTEGRATION_DISABLED"],
    "a defect": [crashOf("TypeError"), "FunctionFailed"],
    "an answer that cannot be read": [answerText("ok"), "UndecodableAnswer"]
  }
  for (const [what, [reply, tag]] of Object.entries(lasting)) {
    it.effect(`ends the waiting when it will not pass: ${what}`, () =>
      Effect.gen(function* () {
        const { received, result } = yield* errorOf([submitted, reply, completed])
        assert.strictEqual(result._tag, tag)
        assert.lengthOf(received, 2)
      })
    )
  }
})
