import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { MParticleApiError, NetworkError } from "../../../src/schemas/MParticleError.ts"
import { CallTimeout, CircuitOpen, RateLimited } from "../../../src/schemas/ResilienceError.ts"
import * as Deadline from "../../../src/services/Deadline.ts"
import * as Retry from "../../../src/services/Resilience/Retry.ts"
import * as Schedules from "../../../src/services/Resilience/Schedules.ts"

type Failure = MParticleApiError | NetworkError | CallTimeout | CircuitOpen | RateLimited

const unavailable = new MParticleApiError({ status: 503 })

const options: Retry.RetryOptions<Failure> = {
  schedule: Schedules.mparticle,
  while: (error) => error.retryable,
  retryAfterMillis: (error) =>
    error._tag === "MParticleApiError" && error.retryAfterSeconds !== undefined
      ? error.retryAfterSeconds * 1_000
      : undefined
}

/** A call whose n-th attempt fails with the n-th error, and succeeds when there is none left; it notes when. */
const callOf = (errors: ReadonlyArray<Failure>) => {
  const at: Array<number> = []
  const call = Effect.flatMap(Clock.currentTimeMillis, (now) => {
    at.push(now)
    const error = errors[at.length - 1]
    return error === undefined ? Effect.succeed(42) : Effect.fail(error)
  })
  return { at, call }
}

const always = (error: Failure) => callOf(Array.from({ length: 100 }, () => error))

/** Runs while the clock moves on, as far as needed. */
const run = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(Effect.either(effect))
    yield* TestClock.adjust("1 day")
    return yield* Fiber.join(fiber)
  })

const gaps = (at: ReadonlyArray<number>): ReadonlyArray<number> =>
  at.slice(1).map((time, index) => time - (at[index] ?? 0))

describe("retry", () => {
  it.effect("R-01 tries four times and fails with the last error", () =>
    Effect.gen(function* () {
      const last = new MParticleApiError({ status: 504 })
      const { at, call } = callOf([unavailable, unavailable, unavailable, last])
      const result = yield* run(Retry.retry(call, options))
      assert.isTrue(result._tag === "Left" && result.left === last)
      assert.lengthOf(at, 4)
      gaps(at).forEach((gap, index) => {
        const base = 1_000 * 2 ** index
        assert.isTrue(gap >= base && gap <= base * 1.1 + 1, `${gap} after ${base}`)
      })
    })
  )

  it.effect("R-02 does not try again what will not pass", () =>
    Effect.gen(function* () {
      const { at, call } = always(new MParticleApiError({ status: 400 }))
      assert.strictEqual((yield* run(Retry.retry(call, options)))._tag, "Left")
      assert.lengthOf(at, 1)
    })
  )

  it.effect("R-04 never waits longer than the cap, jitter included", () =>
    Effect.gen(function* () {
      const { at, call } = always(unavailable)
      const schedule = Schedules.make({ ...Schedules.mparticle, retries: 12 })
      yield* run(call.pipe(Retry.retry({ ...options, schedule })))
      assert.lengthOf(at, 13)
      assert.isTrue(gaps(at).every((gap) => gap <= 10_000))
      assert.strictEqual(gaps(at).at(-1), 10_000)
    })
  )

  it.effect("R-05 stops at the first success", () =>
    Effect.gen(function* () {
      const { at, call } = callOf([unavailable])
      assert.deepStrictEqual(yield* run(Retry.retry(call, options)), Either.right(42))
      assert.lengthOf(at, 2)
    })
  )

  it.effect("R-07 tries again an answer without a status, a broken connection, a timeout and a 429", () =>
    Effect.gen(function* () {
      const errors = [
        new MParticleApiError({}),
        new NetworkError({ upstream: "mparticle" }),
        new CallTimeout({ upstream: "mparticle", milliseconds: 1 })
      ]
      const first = callOf(errors)
      assert.strictEqual((yield* run(Retry.retry(first.call, options)))._tag, "Right")
      assert.lengthOf(first.at, 4)
      const second = callOf([new MParticleApiError({ status: 429 })])
      assert.strictEqual((yield* run(Retry.retry(second.call, options)))._tag, "Right")
      assert.lengthOf(second.at, 2)
    })
  )

  it.effect("R-08 never tries again while the circuit is open, whatever the predicate says", () =>
    Effect.gen(function* () {
      const { at, call } = always(new CircuitOpen({ upstream: "mparticle", retryAfterMillis: 1 }))
      yield* run(Retry.retry(call, { ...options, while: () => true }))
      assert.lengthOf(at, 1)
    })
  )

  it.effect("R-10 does not begin a wait that cannot end in time", () =>
    Effect.gen(function* () {
      const { at, call } = always(unavailable)
      // 1 s and 2 s fit into 5.4 s with their jitter, 4 s do not: the error comes without a wait for them.
      const fiber = yield* Effect.fork(Effect.either(Deadline.within(5_400)(Retry.retry(call, options))))
      yield* TestClock.adjust("3300 millis")
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "Left")
      assert.lengthOf(at, 3)
      assert.isTrue(Chunk.isEmpty(yield* TestClock.sleeps()))
    })
  )

  it.effect("R-10 stops at once when the budget is 2 s and the next delay 4 s", () =>
    Effect.gen(function* () {
      const { at, call } = always(unavailable)
      const schedule = Schedules.make({ ...Schedules.mparticle, baseMillis: 4_000 })
      const result = yield* Effect.either(Deadline.within(2_000)(Retry.retry(call, { ...options, schedule })))
      assert.isTrue(result._tag === "Left" && result.left === unavailable)
      assert.lengthOf(at, 1)
    })
  )

  it.effect("R-11 stops at once when it is interrupted while it waits", () =>
    Effect.gen(function* () {
      const { at, call } = always(unavailable)
      const fiber = yield* Effect.fork(Retry.retry(call, options))
      yield* TestClock.adjust("500 millis")
      assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(fiber)))
      yield* TestClock.adjust("1 hour")
      assert.lengthOf(at, 1)
    })
  )

  it.effect("waits at least as long as a Retry-After asks, beyond the cap too", () =>
    Effect.gen(function* () {
      const { at, call } = callOf([
        new MParticleApiError({ status: 429, retryAfterSeconds: 60 }),
        new MParticleApiError({ status: 429, retryAfterSeconds: 0 })
      ])
      assert.strictEqual((yield* run(Retry.retry(call, options)))._tag, "Right")
      const [first = 0, second = 0] = gaps(at)
      assert.strictEqual(first, 60_000)
      assert.isTrue(second >= 2_000)
    })
  )

  it.effect("B-19 does not wait for a Retry-After that ends after the deadline", () =>
    Effect.gen(function* () {
      const { at, call } = always(new MParticleApiError({ status: 429, retryAfterSeconds: 3_600 }))
      assert.strictEqual((yield* Effect.either(Deadline.within(25_000)(Retry.retry(call, options))))._tag, "Left")
      assert.lengthOf(at, 1)
    })
  )

  it.effect("waits for our own quota as long as it says", () =>
    Effect.gen(function* () {
      const { at, call } = callOf([new RateLimited({ upstream: "mparticle", retryAfterMillis: 12_345 })])
      assert.strictEqual((yield* run(Retry.retry(call, options)))._tag, "Right")
      assert.deepStrictEqual(gaps(at), [12_345])
    })
  )

  it.effect("leaves defects alone", () =>
    Effect.gen(function* () {
      let calls = 0
      const call: Effect.Effect<never, Failure> = Effect.suspend(() => {
        calls += 1
        return Effect.die("bug")
      })
      const exit = yield* Effect.exit(Retry.retry(call, options))
      assert.deepStrictEqual(exit, Exit.die("bug"))
      assert.strictEqual(calls, 1)
    })
  )
})

describe("makeBudget", () => {
  it.effect("keeps an outage from being amplified: 100 retries for any number of calls", () =>
    Effect.gen(function* () {
      const budget = yield* Retry.makeBudget()
      const { at, call } = callOf(Array.from({ length: 10_000 }, () => unavailable))
      const schedule = Schedules.make({ ...Schedules.mparticle, baseMillis: 0 })
      for (let caller = 0; caller < 1_000; caller += 1) {
        yield* Effect.either(Retry.retry(call, { ...options, schedule, budget }))
      }
      assert.lengthOf(at, 1_000 + 100)
      assert.strictEqual(yield* budget.tokens, 0)
    })
  )

  it.effect("takes 5 for a retry and 10 after a timeout; gives back the last cost on success, else 1", () =>
    Effect.gen(function* () {
      const budget = yield* Retry.makeBudget({ capacity: 20 })
      const timeout = new CallTimeout({ upstream: "mparticle", milliseconds: 1 })
      yield* run(Retry.retry(callOf([unavailable, timeout]).call, { ...options, budget }))
      assert.strictEqual(yield* budget.tokens, 20 - 5 - 10 + 10)
      yield* run(Retry.retry(callOf([]).call, { ...options, budget }))
      assert.strictEqual(yield* budget.tokens, 16)
      for (let call = 0; call < 10; call += 1) yield* run(Retry.retry(callOf([]).call, { ...options, budget }))
      assert.strictEqual(yield* budget.tokens, 20)
    })
  )

  it.effect("does not charge for a retry that the deadline forbids", () =>
    Effect.gen(function* () {
      const budget = yield* Retry.makeBudget()
      yield* Effect.either(Deadline.within(500)(Retry.retry(always(unavailable).call, { ...options, budget })))
      assert.strictEqual(yield* budget.tokens, 500)
    })
  )

  it.effect("dies of sizes that make no sense", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(Retry.makeBudget({ retryCost: -5 }))
      assert.isTrue(Exit.isFailure(exit) && exit.cause._tag === "Die" && exit.cause.defect instanceof RangeError)
    })
  )
})
