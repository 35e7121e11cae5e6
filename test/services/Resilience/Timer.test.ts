/** `limit` is seen by callTimeout.test.ts as well, and `promise` by the tests of what goes out to AWS. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import * as Timer from "../../../src/services/Resilience/Timer.ts"

const late = { millis: 1_000, onTimeout: () => "late" as const }

describe("start", () => {
  it.effect("runs its task when the clock of the test has come so far, once", () =>
    Effect.gen(function* () {
      let runs = 0
      Timer.start(yield* Clock.clockWith(Effect.succeed), 1_000, () => {
        runs += 1
      })
      yield* TestClock.adjust("999 millis")
      assert.strictEqual(runs, 0)
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(runs, 1)
    })
  )

  it.effect("does not run a task that was called off", () =>
    Effect.gen(function* () {
      let runs = 0
      const stop = Timer.start(yield* Clock.clockWith(Effect.succeed), 1_000, () => {
        runs += 1
      })
      stop()
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(runs, 0)
    })
  )

  it.live("runs its task by the clock of the machine, and not one that was called off", () =>
    Effect.gen(function* () {
      const ran: Array<string> = []
      const clock = yield* Clock.clockWith(Effect.succeed)
      Timer.start(clock, 5, () => ran.push("kept"))
      Timer.start(clock, 5, () => ran.push("called off"))()
      yield* Effect.sleep("50 millis")
      assert.deepStrictEqual(ran, ["kept"])
    })
  )

  for (const millis of [2 ** 31, Number.POSITIVE_INFINITY]) {
    it.live(`takes ${millis} ms for ever, and not for no time`, () =>
      Effect.gen(function* () {
        let runs = 0
        const stop = Timer.start(yield* Clock.clockWith(Effect.succeed), millis, () => {
          runs += 1
        })
        yield* Effect.sleep("20 millis")
        assert.strictEqual(runs, 0)
        stop()
      })
    )
  }
})

describe("whenSilent", () => {
  it.effect("runs its task once, when there was no sign of life for so long", () =>
    Effect.gen(function* () {
      let runs = 0
      const silence = Timer.whenSilent(yield* Clock.clockWith(Effect.succeed), 1_000, () => {
        runs += 1
      })
      for (let sign = 0; sign < 5; sign += 1) {
        yield* TestClock.adjust("900 millis")
        silence.heard()
      }
      yield* TestClock.adjust("999 millis")
      assert.strictEqual(runs, 0)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(runs, 1)
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(runs, 1)
    })
  )

  it.effect("does not run a task that was called off, with signs of life or without", () =>
    Effect.gen(function* () {
      let runs = 0
      const clock = yield* Clock.clockWith(Effect.succeed)
      const task = (): void => {
        runs += 1
      }
      const heard = Timer.whenSilent(clock, 1_000, task)
      const unheard = Timer.whenSilent(clock, 1_000, task)
      yield* TestClock.adjust("500 millis")
      heard.heard()
      unheard.stop()
      yield* TestClock.adjust("600 millis")
      heard.stop()
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(runs, 0)
    })
  )

  it.live("goes by the clock of the machine, too", () =>
    Effect.gen(function* () {
      let runs = 0
      const silence = Timer.whenSilent(yield* Clock.clockWith(Effect.succeed), 30, () => {
        runs += 1
      })
      yield* Effect.sleep("20 millis")
      silence.heard()
      yield* Effect.sleep("200 millis")
      assert.strictEqual(runs, 1)
    })
  )
})

describe("awaitFor", () => {
  it.effect("has the end of a fiber that has ended before", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(Effect.succeed(7))
      yield* Fiber.await(fiber)
      assert.deepStrictEqual(yield* Timer.awaitFor(fiber, 1_000), Option.some(Exit.succeed(7)))
    })
  )

  it.effect("leaves the fiber alone when the time is over", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(Effect.delay(Effect.succeed(7), "2 seconds"))
      const waiting = yield* Effect.fork(Timer.awaitFor(fiber, 1_000))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(waiting), Option.none())
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(fiber), 7)
    })
  )
})

describe("limit", () => {
  it.effect("waits for what cannot be interrupted, and fails all the same", () =>
    Effect.gen(function* () {
      let ended = false
      const work = Effect.uninterruptible(
        Effect.andThen(Effect.sleep("3 seconds"), () => {
          ended = true
        })
      )
      const fiber = yield* Effect.fork(Effect.flip(Timer.limit(late)(work)))
      yield* TestClock.adjust("2999 millis")
      assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* Fiber.join(fiber), "late")
      assert.isTrue(ended)
    })
  )

  it.effect("waits for the work's finalizers when it is interrupted itself", () =>
    Effect.gen(function* () {
      const ended: Array<string> = []
      const work = Effect.onInterrupt(Effect.never, () =>
        Effect.andThen(Effect.sleep("1 second"), () => ended.push("work"))
      )
      const fiber = yield* Effect.fork(
        Effect.onInterrupt(Timer.limit({ ...late, millis: 10_000 })(work), () => Effect.sync(() => ended.push("limit")))
      )
      yield* TestClock.adjust("1 millis")
      const interrupted = yield* Effect.fork(Fiber.interrupt(fiber))
      yield* TestClock.adjust("1 second")
      assert.isTrue(Exit.isInterrupted(yield* Fiber.join(interrupted)))
      assert.deepStrictEqual(ended, ["work", "limit"])
    })
  )

  it.scoped("hands on what the work has set for its fiber, and a defect", () =>
    Effect.gen(function* () {
      const ref = yield* FiberRef.make("before")
      yield* Timer.limit(late)(FiberRef.set(ref, "after"))
      assert.strictEqual(yield* FiberRef.get(ref), "after")
      const exit = yield* Effect.exit(Timer.limit(late)(Effect.die("a defect")))
      assert.deepStrictEqual(exit, Exit.die("a defect"))
    })
  )
})

describe("promise", () => {
  const asIs = { ...late, onError: (error: unknown) => error }

  it.effect("has the value, the error, and what was thrown before there was a promise", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* Timer.promise({ ...asIs, run: () => Promise.resolve(7) }), 7)
      const refused = Timer.promise({ ...asIs, run: () => Promise.reject(new Error("no")) })
      assert.deepStrictEqual(yield* Effect.flip(refused), new Error("no"))
      const thrown = Timer.promise({
        ...asIs,
        run: (): Promise<never> => {
          throw new Error("at once")
        }
      })
      assert.deepStrictEqual(yield* Effect.flip(thrown), new Error("at once"))
    })
  )

  it.effect("aborts and fails in time, and what the promise says later counts no more", () =>
    Effect.gen(function* () {
      const signals: Array<AbortSignal> = []
      const never = Timer.promise({
        ...asIs,
        run: (signal) => {
          signals.push(signal)
          return new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(new Error("aborted"))))
        }
      })
      const fiber = yield* Effect.fork(Effect.flip(never))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(fiber), "late")
      const interrupted = yield* Effect.fork(never)
      yield* TestClock.adjust("1 millis")
      yield* Fiber.interrupt(interrupted)
      assert.deepStrictEqual(
        signals.map(({ aborted }) => aborted),
        [true, true]
      )
    })
  )
})
