import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import type * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import type { CircuitOpen } from "../../../src/schemas/ResilienceError.ts"
import type { CircuitBreaker } from "../../../src/services/Resilience/CircuitBreaker.ts"
import { breathe } from "../../support/breathe.ts"
import { badRequest, breakerOf, outage, reading, tooMany, type UpstreamFailure } from "../../support/breaker.ts"
import { movableClock } from "../../support/movableClock.ts"
import { BreakerModel, type ModelSettings, type Outcome } from "../../support/breakerModel.ts"

type Gate = Deferred.Deferred<"ok", UpstreamFailure>
type Result = Exit.Exit<"ok", UpstreamFailure | CircuitOpen>

/** A caller in a fiber of its own, that makes one call after the other: what a Retry-After told it stays with it. */
const startCaller = (breaker: CircuitBreaker) =>
  Effect.gen(function* () {
    const queue = yield* Queue.unbounded<Gate>()
    const seen: { running: boolean; result: Result | undefined } = { running: false, result: undefined }
    const callThrough = Effect.gen(function* () {
      const gate = yield* Queue.take(queue)
      const upstream = Effect.suspend(() => {
        seen.running = true
        return Deferred.await(gate)
      })
      seen.result = yield* Effect.exit(breaker.protect(upstream, reading))
      seen.running = false
    })
    const fiber = yield* Effect.fork(Effect.forever(callThrough))
    return { queue, seen, fiber }
  })

const until = (condition: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => (condition() ? Effect.void : Effect.zipRight(Effect.yieldNow(), until(condition))))

const end = (gate: Gate, outcome: Outcome): Effect.Effect<unknown> => {
  if (outcome === "ok") return Deferred.succeed(gate, "ok")
  if (outcome === "outage") return Deferred.fail(gate, outage)
  if (outcome === "badRequest") return Deferred.fail(gate, badRequest)
  if (outcome === "defect") return Deferred.die(gate, "bug")
  return outcome === "interrupted" ? Effect.void : Deferred.fail(gate, tooMany(outcome.retryAfterMillis))
}

type Command =
  | { readonly _tag: "Start"; readonly caller: number }
  | { readonly _tag: "Finish"; readonly caller: number; readonly outcome: Outcome }
  | { readonly _tag: "Advance"; readonly millis: number }

/** Runs the commands on a breaker and on the model, and compares what can be seen after each. */
const compare = (settings: ModelSettings, commands: ReadonlyArray<Command>) => {
  const clock = movableClock(1_000)
  return Effect.gen(function* () {
    const { failureRate, failures, minimumCalls, rate, window, ...times } = settings
    const breaker = yield* breakerOf({
      ...times,
      trip: rate ? { _tag: "Rate", failureRate, window, minimumCalls } : { _tag: "Consecutive", failures }
    })
    const model = new BreakerModel(settings)
    const callers = yield* Effect.replicateEffect(startCaller(breaker), 5)
    const gates = new Map<number, Gate>()

    const start = (id: number) =>
      Effect.gen(function* () {
        const caller = callers[id]
        if (caller === undefined || gates.has(id)) return
        const gate: Gate = yield* Deferred.make<"ok", UpstreamFailure>()
        caller.seen.result = undefined
        yield* Queue.offer(caller.queue, gate)
        yield* until(() => caller.seen.running || caller.seen.result !== undefined)
        const expected = model.start(id, clock.now)
        if (expected === "run") {
          assert.isTrue(caller.seen.running, "is let through")
          gates.set(id, gate)
          return
        }
        const error = yield* Effect.flip(caller.seen.result ?? Effect.die("no result"))
        assert.deepInclude(error, { _tag: "CircuitOpen", retryAfterMillis: expected })
      })

    const finish = (id: number, outcome: Outcome) =>
      Effect.gen(function* () {
        const caller = callers[id]
        const gate = gates.get(id)
        if (caller === undefined || gate === undefined) return
        gates.delete(id)
        if (outcome === "interrupted") {
          yield* Fiber.interrupt(caller.fiber)
          callers[id] = yield* startCaller(breaker)
        } else {
          yield* end(gate, outcome)
          yield* until(() => caller.seen.result !== undefined && !caller.seen.running)
        }
        model.finish(id, outcome, clock.now)
      })

    for (const command of commands) {
      if (command._tag === "Start") yield* start(command.caller)
      if (command._tag === "Finish") yield* finish(command.caller, command.outcome)
      if (command._tag === "Advance") clock.now += command.millis
      const { generation, kind, pause } = model
      const waiting = pause === undefined ? { until: model.until } : { until: model.until, pause }
      assert.deepInclude(yield* breaker.state, {
        _tag: kind,
        generation,
        ...(kind === "Closed" ? { failures: model.failures } : waiting)
      })
    }
    yield* Effect.forEach(callers, ({ fiber }) => Fiber.interrupt(fiber))
  }).pipe(Effect.withClock(clock))
}

const caller = FastCheck.nat({ max: 4 })
const outcome: FastCheck.Arbitrary<Outcome> = FastCheck.oneof(
  { weight: 3, arbitrary: FastCheck.constant("ok" as const) },
  { weight: 6, arbitrary: FastCheck.constant("outage" as const) },
  { weight: 3, arbitrary: FastCheck.constantFrom("badRequest" as const, "defect" as const, "interrupted" as const) },
  {
    weight: 2,
    arbitrary: FastCheck.record({ retryAfterMillis: FastCheck.constantFrom(1, 300, 1_000, 1_001, 9_000) })
  }
)
const commands: FastCheck.Arbitrary<ReadonlyArray<Command>> = FastCheck.array(
  FastCheck.oneof(
    { weight: 6, arbitrary: FastCheck.record({ _tag: FastCheck.constant("Start" as const), caller }) },
    { weight: 5, arbitrary: FastCheck.record({ _tag: FastCheck.constant("Finish" as const), caller, outcome }) },
    {
      weight: 3,
      arbitrary: FastCheck.record({
        _tag: FastCheck.constant("Advance" as const),
        millis: FastCheck.constantFrom(0, 1, 299, 300, 499, 500, 501, 999, 1_000, 1_001, 5_000)
      })
    }
  ),
  { minLength: 10, maxLength: 60, size: "max" }
)
const settings: FastCheck.Arbitrary<ModelSettings> = FastCheck.record({
  rate: FastCheck.boolean(),
  failures: FastCheck.integer({ min: 1, max: 4 }),
  failureRate: FastCheck.constantFrom(0.3, 0.5, 1),
  window: FastCheck.integer({ min: 3, max: 6 }),
  minimumCalls: FastCheck.integer({ min: 1, max: 3 }),
  resetMillis: FastCheck.constant(1_000),
  timeoutMillis: FastCheck.constant(500),
  maxPauseMillis: FastCheck.constant(5_000)
})

describe("CircuitBreaker", () => {
  it.effect.prop(
    "does what the reference model does, for any events in any order",
    [settings, commands],
    ([settings, commands]) => Effect.zipRight(breathe, compare(settings, commands)),
    { fastCheck: { numRuns: 600 }, timeout: 120_000 }
  )
})
