import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { CallTimeout } from "../../../src/schemas/ResilienceError.ts"
import { callTimeout } from "../../../src/services/Resilience/callTimeout.ts"

const limit = { upstream: "mparticle", milliseconds: 10_000 }

describe("callTimeout", () => {
  it.effect("CB-10 fails with TIMEOUT, interrupts the call and leaves no timer", () =>
    Effect.gen(function* () {
      let interrupted = false
      const call = Effect.onInterrupt(Effect.never, () =>
        Effect.sync(() => {
          interrupted = true
        })
      )
      const fiber = yield* Effect.fork(Effect.flip(callTimeout(call, limit)))
      yield* TestClock.adjust("9999 millis")
      assert.isFalse(interrupted)
      yield* TestClock.adjust("1 millis")
      const error = yield* Fiber.join(fiber)
      assert.deepStrictEqual(error, new CallTimeout(limit))
      assert.strictEqual(error.code, "TIMEOUT")
      assert.isTrue(interrupted)
      assert.isTrue(Chunk.isEmpty(yield* TestClock.sleeps()))
    })
  )

  it.live("leaves no timer behind a call that ends in time, however it ends", () =>
    Effect.gen(function* () {
      const timers = Effect.sync(() => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length)
      yield* Effect.sleep("50 millis")
      const before = yield* timers
      assert.strictEqual(yield* Effect.succeed(42).pipe(callTimeout(limit)), 42)
      assert.strictEqual(yield* Effect.flip(callTimeout(Effect.fail("no"), limit)), "no")
      const fiber = yield* Effect.fork(callTimeout(Effect.never, limit))
      yield* Effect.sleep("5 millis")
      assert.strictEqual(yield* timers, before + 1)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(yield* timers, before)
    })
  )

  it.effect("aborts what was started with the fiber's signal", () =>
    Effect.gen(function* () {
      const signals: Array<AbortSignal> = []
      const call = Effect.promise((signal) => {
        signals.push(signal)
        return new Promise<never>(() => undefined)
      })
      const fiber = yield* Effect.fork(Effect.exit(callTimeout(call, limit)))
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(
        signals.map((signal) => signal.aborted),
        [true]
      )
    })
  )
})
