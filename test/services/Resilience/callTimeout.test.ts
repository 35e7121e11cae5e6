import { assert, describe, it, vi } from "@effect/vitest"
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

  it.scopedLive("leaves no timer behind a call that ends in time, however it ends", () =>
    Effect.gen(function* () {
      const set = vi.spyOn(globalThis, "setTimeout")
      const cleared = vi.spyOn(globalThis, "clearTimeout")
      yield* Effect.addFinalizer(() => Effect.sync(() => vi.restoreAllMocks()))
      const running = () => {
        const ids = set.mock.results.filter((_, index) => set.mock.calls[index]?.[1] === limit.milliseconds)
        return ids.filter((timer) => !cleared.mock.calls.some(([id]) => id === timer.value)).length
      }
      assert.strictEqual(yield* Effect.succeed(42).pipe(callTimeout(limit)), 42)
      assert.strictEqual(yield* Effect.flip(callTimeout(Effect.fail("no"), limit)), "no")
      assert.strictEqual(running(), 0)
      const fiber = yield* Effect.fork(callTimeout(Effect.never, limit))
      yield* Effect.sleep("5 millis")
      assert.strictEqual(running(), 1)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(running(), 0)
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
