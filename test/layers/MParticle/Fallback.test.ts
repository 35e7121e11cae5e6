import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import { handle } from "../../../src/handlers/Baton.ts"
import * as AlertsLayer from "../../../src/layers/Observability/Alerts.ts"
import { MParticle } from "../../../src/services/MParticle.ts"
import { Alerts } from "../../../src/services/Alerts.ts"
import {
  during,
  inMemory,
  initiateWith,
  measured,
  payload,
  recordOf,
  refused,
  succeeded,
  upstream
} from "../../support/baton.ts"
import { accepted, failing, inTurn, known } from "../../support/mparticle.ts"
import { MemoryStore } from "../../support/memoryStore.ts"

const reset = () => "reset" as const
const silence = () => "silence" as const

describe("falling back to the queue", () => {
  it.effect("B-17 F-01 after four attempts: one message without personal data, one alert", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      yield* TestClock.setTime(Date.UTC(2024, 0, 15))
      fake.reply = failing(500)
      const { names, value } = yield* measured(during("10 seconds")(initiateWith({ correlationId: "c-17" })))
      const answer = succeeded(value)
      assert.deepStrictEqual([answer.status, answer.correlationId], ["queued", "c-17"])
      assert.lengthOf(fake.calls, 4)
      const [message, ...more] = fake.queued
      assert.lengthOf(more, 0)
      assert.match(message?.firstFailedAt ?? "", /^2024-01-15T00:00:07\.\d{3}Z$/)
      assert.deepStrictEqual(message, {
        type: "DSR_RETRY",
        schemaVersion: 1,
        payload: { requestId: answer.mparticleRequestId },
        originalError: { code: "MPARTICLE_API_ERROR", status: 500 },
        correlationId: "c-17",
        firstFailedAt: message?.firstFailedAt ?? "",
        attempt: 1
      })
      assert.deepStrictEqual(fake.alerts, [
        {
          severity: "HIGH",
          subject: "mparticle-degraded",
          message: "mParticle service degraded, using fallback queue",
          context: { dsrRequestId: answer.mparticleRequestId, code: "MPARTICLE_API_ERROR" }
        }
      ])
      assert.strictEqual((yield* recordOf(answer.mparticleRequestId)).status, "queued")
      assert.strictEqual(names().filter((name) => name === "FallbackQueued").length, 1)
      assert.notInclude(names(), "BatonRequestsFailed")
    }).pipe(inMemory())
  )

  it.effect("B-17 leaves the request to whoever comes next: the lease is given back", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const wanted = { action: "initiate", payload: yield* payload() }
      fake.reply = failing(500)
      const queued = succeeded(yield* during("10 seconds")(handle(wanted)))
      fake.reply = accepted
      const { mparticleRequestId, status } = succeeded(yield* handle(wanted))
      assert.deepStrictEqual([mparticleRequestId, status], [queued.mparticleRequestId, "submitted"])
      assert.lengthOf(fake.queued, 1)
    }).pipe(inMemory())
  )

  it.effect("B-19 B-20 whatever kept mParticle from taking it, by its code", () =>
    Effect.gen(function* () {
      for (const [reply, originalError] of [
        [failing(429), { code: "MPARTICLE_API_ERROR" as const, status: 429 }],
        [reset, { code: "NETWORK_ERROR" as const }],
        [() => new Response("<html>", { status: 201 }), { code: "MPARTICLE_API_ERROR" as const }]
      ] as const) {
        yield* Effect.gen(function* () {
          const fake = yield* upstream
          fake.reply = reply
          assert.strictEqual(succeeded(yield* during("10 seconds")(initiateWith())).status, "queued")
          assert.deepStrictEqual(fake.queued[0]?.originalError, originalError)
        }).pipe(inMemory())
      }
    })
  )

  it.effect("B-17 a silent mParticle is left in time to queue the request and to answer Baton", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      fake.reply = silence
      fake.lookup = silence
      fake.event = silence
      const began = yield* Clock.currentTimeMillis
      const answer = succeeded(yield* during("25 seconds")(initiateWith()))
      assert.strictEqual(answer.status, "queued")
      assert.deepStrictEqual(fake.queued[0]?.originalError, { code: "TIMEOUT" })
      assert.isAtMost(Date.parse(answer.timestamp) - began, 22_000)
    }).pipe(inMemory())
  )

  it.effect("CB-02 F-08 while the breaker is open, with no call to mParticle", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      fake.reply = failing(500)
      yield* during("10 seconds")(initiateWith())
      yield* during("10 seconds")(initiateWith())
      assert.lengthOf(fake.calls, 5, "the fifth failure opens the breaker")
      const answer = succeeded(yield* initiateWith())
      assert.strictEqual(answer.status, "queued")
      assert.lengthOf(fake.calls, 5)
      assert.deepStrictEqual(
        fake.queued.map(({ originalError }) => originalError.code),
        ["MPARTICLE_API_ERROR", "CIRCUIT_OPEN", "CIRCUIT_OPEN"]
      )
    }).pipe(inMemory())
  )

  it.effect("F-02 nothing that is not valid or not wanted", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      fake.reply = failing(400, "Invalid workspace configuration")
      refused(yield* initiateWith())
      refused(yield* initiateWith({ email: "nobody" }))
      refused(yield* handle({ action: "initiate" }))
      assert.lengthOf(fake.queued, 0)
      assert.lengthOf(fake.alerts, 0)
    }).pipe(inMemory())
  )

  it.effect("B-34 is a failure that may be tried again when the queue takes nothing either", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      fake.queueTakes = false
      fake.reply = failing(503, "maintenance")
      const wanted = { action: "initiate", payload: yield* payload() }
      const { error } = refused(yield* during("10 seconds")(handle(wanted)))
      assert.strictEqual(error.code, "SUBMISSION_FAILED")
      assert.deepStrictEqual(error.details, {
        retryable: true,
        requestId: error.details.requestId ?? "",
        mparticleError: "maintenance"
      })
      assert.strictEqual((yield* recordOf(error.details.requestId)).status, "received")
      assert.lengthOf(fake.alerts, 0)
      fake.reply = accepted
      const later = succeeded(yield* handle(wanted))
      assert.strictEqual(later.mparticleRequestId, error.details.requestId)
      assert.strictEqual(later.status, "submitted")
    }).pipe(inMemory())
  )

  const sinkless = Layer.succeed(Alerts, { raise: () => Effect.die(new Error("no sink")) })

  it.effect("B-35 stays queued, once, when the alert cannot be raised", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      fake.reply = failing(500)
      assert.strictEqual(succeeded(yield* during("10 seconds")(initiateWith())).status, "queued")
      assert.lengthOf(fake.queued, 1)
    }).pipe(inMemory({ alerts: sinkless }))
  )

  it.effect("B-35 stays queued, once, when the record cannot be marked so", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const memory = yield* MemoryStore
      fake.reply = failing(500)
      memory.fails = (operation) => operation === "transition"
      const answer = succeeded(yield* during("10 seconds")(initiateWith()))
      assert.strictEqual(answer.status, "queued")
      assert.lengthOf(fake.queued, 1)
      assert.strictEqual(fake.queued[0]?.payload.requestId, answer.mparticleRequestId)
    }).pipe(inMemory())
  )

  it.effect("F-11 raises one alert for 50 requests in a minute", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      fake.reply = failing(500)
      const { seen } = yield* measured(
        Effect.gen(function* () {
          const running = yield* Effect.forEach(Array.from({ length: 50 }), () =>
            Effect.zipLeft(Effect.fork(initiateWith()), TestClock.adjust("1 seconds"))
          )
          yield* TestClock.adjust("10 seconds")
          for (const answer of yield* Fiber.join(Fiber.all(running)))
            assert.strictEqual(succeeded(answer).status, "queued")
        })
      )
      assert.lengthOf(fake.queued, 50)
      assert.lengthOf(
        seen.filter(({ name }) => name === "Alerts"),
        1
      )
    }).pipe(inMemory({ alerts: AlertsLayer.layer }))
  )
})

describe("when the store fails after mParticle has taken the request", () => {
  it.effect("T-20 answers success, and the queue's consumer writes it down", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const memory = yield* MemoryStore
      memory.fails = (operation) => operation === "transition"
      const answer = succeeded(yield* initiateWith())
      assert.strictEqual(answer.status, "submitted")
      assert.deepStrictEqual(
        fake.queued.map(({ originalError, payload: body }) => [body.requestId, originalError.code]),
        [[answer.mparticleRequestId, "DATABASE_ERROR"]]
      )
      assert.strictEqual((yield* recordOf(answer.mparticleRequestId)).status, "received")
      memory.fails = () => false
      fake.lookup = known("pending")
      yield* TestClock.adjust("10 seconds")
      const mparticle = yield* MParticle
      yield* mparticle.resubmit(answer.mparticleRequestId)
      assert.strictEqual((yield* recordOf(answer.mparticleRequestId)).status, "submitted")
      assert.lengthOf(fake.calls, 1)
    }).pipe(inMemory())
  )

  it.effect("T-20 without the queue asks Baton to come again, and then finds it at mParticle", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const memory = yield* MemoryStore
      memory.fails = (operation) => operation === "transition"
      fake.queueTakes = false
      const wanted = { action: "initiate", payload: yield* payload() }
      const { error } = refused(yield* handle(wanted))
      assert.deepInclude(error, { code: "DATABASE_ERROR" })
      assert.isTrue(error.details.retryable)
      memory.fails = () => false
      fake.lookup = known("pending")
      assert.strictEqual(succeeded(yield* during("11 seconds")(handle(wanted))).status, "submitted")
      assert.lengthOf(fake.calls, 1)
    }).pipe(inMemory())
  )

  it.effect("B-32 sends nothing again that it cannot hold the lease of", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const memory = yield* MemoryStore
      fake.reply = inTurn(failing(500), accepted)
      memory.fails = (operation) => operation === "acquire"
      const { error } = refused(yield* during("10 seconds")(initiateWith()))
      assert.strictEqual(error.code, "DATABASE_ERROR")
      assert.isTrue(error.details.retryable)
      assert.lengthOf(fake.calls, 1)
    }).pipe(inMemory({ settings: { leaseMillis: 1_000, attemptMillis: 500 } }))
  )
})
