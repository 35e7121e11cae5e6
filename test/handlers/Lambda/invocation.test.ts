import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Ref from "effect/Ref"
import * as TestClock from "effect/TestClock"
import { bounded, DeadlineExceeded } from "../../../src/handlers/Lambda/invocation.ts"

const limits = { budgetMillis: 1_000, graceMillis: 250 }

const failure = <B, E>(exit: Exit.Exit<B, E>): unknown =>
  Exit.isFailure(exit) ? Cause.squash(exit.cause) : "it succeeded"

describe("bounded", () => {
  it.effect("keeps the result of a handler that is in time", () =>
    Effect.gen(function* () {
      const { exit, hung } = yield* bounded(Effect.succeed(7), limits)
      assert.deepStrictEqual(exit, Exit.succeed(7))
      assert.isFalse(hung)
    })
  )

  it.effect("keeps the error of a handler that is in time", () =>
    Effect.gen(function* () {
      const { exit } = yield* bounded(Effect.fail("no"), limits)
      assert.strictEqual(failure(exit), "no")
    })
  )

  it.effect("interrupts a handler at the deadline and lets its finalizers run", () =>
    Effect.gen(function* () {
      const released = yield* Ref.make(false)
      const handler = Effect.never.pipe(Effect.ensuring(Ref.set(released, true)))
      const running = yield* Effect.fork(bounded(handler, limits))
      yield* TestClock.adjust("999 millis")
      assert.isFalse(yield* Ref.get(released))
      yield* TestClock.adjust("1 millis")
      const { exit, hung } = yield* Fiber.join(running)
      assert.isTrue(yield* Ref.get(released))
      assert.isFalse(hung)
      assert.deepStrictEqual(failure(exit), new DeadlineExceeded({ budgetMillis: 1_000 }))
    })
  )

  it.effect("answers within the grace when the handler cannot be interrupted, and says that it hangs", () =>
    Effect.gen(function* () {
      const running = yield* Effect.fork(bounded(Effect.uninterruptible(Effect.sleep("1 hour")), limits))
      yield* TestClock.adjust("1250 millis")
      const { exit, hung } = yield* Fiber.join(running)
      assert.isTrue(hung)
      assert.instanceOf(failure(exit), DeadlineExceeded)
    })
  )

  it.effect("waits for a region that ends within the grace", () =>
    Effect.gen(function* () {
      const handler = Effect.uninterruptible(Effect.sleep("1100 millis"))
      const running = yield* Effect.fork(bounded(handler, limits))
      yield* TestClock.adjust("1000 millis")
      yield* TestClock.adjust("100 millis")
      const { exit, hung } = yield* Fiber.join(running)
      assert.instanceOf(failure(exit), DeadlineExceeded)
      assert.isFalse(hung)
    })
  )

  it.effect("answers at once when there is no time at all", () =>
    Effect.gen(function* () {
      const running = yield* Effect.fork(bounded(Effect.never, { budgetMillis: 0, graceMillis: 250 }))
      yield* TestClock.adjust("0 millis")
      const { exit } = yield* Fiber.join(running)
      assert.instanceOf(failure(exit), DeadlineExceeded)
    })
  )
})
