import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import { CircuitOpen, RateLimited } from "../../../src/schemas/ResilienceError.ts"
import * as Rules from "../../../src/services/Resilience/CircuitBreaker/Rules.ts"
import * as Settings from "../../../src/services/Resilience/CircuitBreaker/Settings.ts"
import { type HalfOpen, initial, type Open } from "../../../src/services/Resilience/CircuitBreaker/State.ts"
import * as Tally from "../../../src/services/Resilience/CircuitBreaker/Tally.ts"

const open: Open = { _tag: "Open", generation: 3, since: 1_000, until: 31_000 }
const halfOpen: HalfOpen = { _tag: "HalfOpen", generation: 4, since: 40_000, until: 100_000, prober: "a" }

describe("Settings", () => {
  it("CB-13 has the documented defaults, and mParticle's own", () => {
    assert.deepInclude(Settings.defaults, {
      trip: { _tag: "Consecutive", failures: 5 },
      timeoutMillis: 60_000,
      resetMillis: 30_000
    })
    assert.deepInclude(Settings.mparticle, {
      trip: { _tag: "Consecutive", failures: 5 },
      timeoutMillis: 10_000,
      resetMillis: 60_000
    })
  })

  it("refuses numbers that make no sense where they are written", () => {
    const rate = { _tag: "Rate", failureRate: 0.5, window: 10, minimumCalls: 5 } as const
    const bad: ReadonlyArray<Partial<Settings.BreakerSettings>> = [
      { trip: { _tag: "Consecutive", failures: 0 } },
      { trip: { _tag: "Consecutive", failures: 2.5 } },
      { trip: { ...rate, failureRate: 0 } },
      { trip: { ...rate, failureRate: 1.1 } },
      { trip: { ...rate, minimumCalls: 11 } },
      { trip: { ...rate, window: 0 } },
      { resetMillis: 0 },
      { timeoutMillis: Number.NaN },
      { maxPauseMillis: -1 }
    ]
    for (const options of bad) assert.throws(() => Settings.settings(options), RangeError, "must be")
    assert.deepStrictEqual(Settings.settings({ trip: rate }).trip, rate)
  })
})

describe("Tally", () => {
  it("counts consecutive failures, and any success starts over", () => {
    const tally = Tally.make({ _tag: "Consecutive", failures: 3 })
    assert.deepStrictEqual([tally.failure(), tally.failure()], [false, false])
    tally.success()
    assert.strictEqual(tally.failures(), 0)
    assert.deepStrictEqual([tally.failure(), tally.failure(), tally.failure()], [false, false, true])
    tally.reset()
    assert.strictEqual(tally.failures(), 0)
  })

  it("judges a rate over the last calls once there are enough of them", () => {
    const tally = Tally.make({ _tag: "Rate", failureRate: 0.5, window: 4, minimumCalls: 3 })
    assert.deepStrictEqual([tally.failure(), tally.failure()], [false, false])
    tally.success()
    assert.isTrue(tally.failure(), "3 of 4")
    tally.reset()
    assert.strictEqual(tally.failures(), 0)
    for (let call = 0; call < 4; call += 1) tally.success()
    assert.isFalse(tally.failure(), "1 of 4")
    assert.isTrue(tally.failure(), "2 of 4")
    tally.success()
    tally.success()
    assert.strictEqual(tally.failures(), 2)
    tally.success()
    assert.strictEqual(tally.failures(), 1, "the oldest failure has left the window")
  })
})

describe("Rules", () => {
  const settings = Settings.defaults

  it("rejects up to and at the boundary, and admits strictly after it", () => {
    assert.deepStrictEqual(Rules.admit(open, 1_000, undefined), { _tag: "Reject", retryAfterMillis: 30_001 })
    assert.deepStrictEqual(Rules.admit(open, 31_000, undefined), { _tag: "Reject", retryAfterMillis: 1 })
    assert.deepStrictEqual(Rules.admit(open, 31_001, undefined), { _tag: "Probe" })
    assert.deepStrictEqual(Rules.admit(halfOpen, 100_000, undefined), { _tag: "Reject", retryAfterMillis: 1 })
    assert.deepStrictEqual(Rules.admit(halfOpen, 100_001, undefined), { _tag: "Probe" })
  })

  it("lets through who waited out the pause that it was told of, and only that one", () => {
    const paused = { ...open, pause: 3 }
    const pass = { pause: 3, until: 31_000 }
    assert.strictEqual(Rules.admit(paused, 31_000, pass)._tag, "Probe")
    assert.strictEqual(Rules.admit(paused, 20_000, pass)._tag, "Reject")
    assert.strictEqual(Rules.admit({ ...halfOpen, pause: 3 }, 40_001, pass)._tag, "Guest")
    assert.strictEqual(Rules.admit({ ...halfOpen, pause: 5 }, 40_001, pass)._tag, "Reject")
    assert.strictEqual(Rules.admit(open, 31_000, pass)._tag, "Reject")
  })

  it("reads a cause: a typed error by the predicate, everything else says nothing", () => {
    const classify = { isFailure: (error: unknown) => error === "out", retryAfterMillis: () => undefined }
    const tagOf = (cause: Cause.Cause<unknown>) => Rules.outcomeOf(cause, classify)._tag
    assert.strictEqual(tagOf(Cause.fail("out")), "Failure")
    assert.strictEqual(tagOf(Cause.fail("bad request")), "Neutral")
    assert.strictEqual(tagOf(Cause.die("out")), "Neutral")
    assert.strictEqual(tagOf(Cause.empty), "Neutral")
    assert.strictEqual(tagOf(Cause.parallel(Cause.empty, Cause.fail("out"))), "Failure")
    const all = { isFailure: () => true, retryAfterMillis: () => 1_000 }
    const guards = [
      new CircuitOpen({ upstream: "a", retryAfterMillis: 1 }),
      new RateLimited({ upstream: "a", retryAfterMillis: 1 })
    ]
    for (const error of guards) assert.strictEqual(Rules.outcomeOf(Cause.fail(error), all)._tag, "Neutral")
    assert.deepStrictEqual(Rules.outcomeOf(Cause.fail("429"), all), { _tag: "Pause", millis: 1_000 })
    for (const millis of [0, -1, Number.NaN]) {
      const outcome = Rules.outcomeOf(Cause.fail("429"), { ...all, retryAfterMillis: () => millis })
      assert.strictEqual(outcome._tag, "Failure")
    }
  })

  it("makes a new generation with every change and caps a pause", () => {
    const now = 50_000
    assert.deepStrictEqual(Rules.afterCall(initial, { _tag: "Pause", millis: Infinity }, now, settings), {
      to: { _tag: "Open", generation: 1, since: now, until: now + settings.maxPauseMillis, pause: 1 },
      reason: "retryAfter"
    })
    assert.strictEqual(Rules.afterCall(initial, { _tag: "Neutral" }, now, settings), undefined)
    assert.deepStrictEqual(Rules.afterProbe(halfOpen, { _tag: "Neutral" }, now, settings).to, {
      _tag: "Open",
      generation: 5,
      since: now - 1,
      until: now - 1
    })
    assert.deepStrictEqual(Rules.probing({ ...halfOpen, pause: 3 }, now, 60_000, "b"), {
      _tag: "HalfOpen",
      generation: 5,
      since: now,
      until: now + 60_000,
      prober: "b",
      pause: 3
    })
  })

  it("begins a wait again when the clock was set back, instead of waiting until it has caught up", () => {
    assert.strictEqual(Rules.setBack(open, 1_000, 0), 0)
    assert.strictEqual(Rules.setBack(open, 5_000, 0), 0)
    assert.strictEqual(Rules.setBack(open, 400, 0), -600)
    assert.strictEqual(Rules.setBack(open, 500, -600), -600)
    assert.strictEqual(Rules.setBack(open, 100, -600), -900)
  })

  it("knows one state from another", () => {
    assert.isTrue(Rules.same(open, { ...open }))
    assert.isTrue(Rules.same(halfOpen, { ...halfOpen }))
    assert.isTrue(Rules.same(initial, { ...initial }))
    const others = [initial, { ...open, generation: 9 }, { ...open, until: 9 }, { ...open, pause: 9 }, halfOpen]
    for (const other of others) assert.isFalse(Rules.same(open, other))
    assert.isFalse(Rules.same(halfOpen, { ...halfOpen, prober: "b" }))
  })
})
