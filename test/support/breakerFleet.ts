/** Many environments with a breaker each over one store, and what has to hold whatever they do. */
import { assert } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { CircuitOpen } from "../../src/schemas/ResilienceError.ts"
import type { BreakerStoreShape, CircuitBreaker } from "../../src/services/Resilience/CircuitBreaker.ts"
import type { CircuitSnapshot, CircuitState } from "../../src/services/Resilience/CircuitBreaker/State.ts"
import { badRequest, breakerOf, outage, reading, tooMany, type UpstreamFailure } from "./breaker.ts"

/** Milliseconds that a clock may be off in either direction. */
export const skewMillis = 300

export const settings = {
  trip: { _tag: "Consecutive", failures: 2 },
  timeoutMillis: 500,
  resetMillis: 1_000,
  maxPauseMillis: 3_000
} as const

const longestWait = settings.maxPauseMillis + 2 * skewMillis + 1

/** A store with a way to break it for all, and to look into it past the fault. */
export interface FleetStore {
  readonly cacheMillis: number
  /** The store as one more process has it. */
  readonly join: Effect.Effect<BreakerStoreShape>
  readonly setDown: (down: boolean) => void
  readonly peek: Effect.Effect<CircuitState>
}

export type Outcome = "ok" | "outage" | "badRequest" | "tooMany" | "interrupted"

export type Command =
  | { readonly _tag: "Call"; readonly environment: number; readonly outcome: Exclude<Outcome, "interrupted"> }
  | { readonly _tag: "Everyone"; readonly outcome: "ok" | "outage" }
  | { readonly _tag: "Hang"; readonly environment: number }
  | { readonly _tag: "Finish"; readonly running: number; readonly outcome: Outcome }
  | { readonly _tag: "Die"; readonly running: number }
  | { readonly _tag: "Advance"; readonly millis: number }
  | { readonly _tag: "Store"; readonly down: boolean }

type Gate = Deferred.Deferred<"ok", UpstreamFailure>

/** A call that has reached the upstream. */
interface Begun {
  readonly environment: Environment
  readonly seen: CircuitSnapshot
  /** Whether the store has been there for long enough that everybody goes by it. */
  readonly coordinated: boolean
  ended: boolean
}

interface Hanging {
  readonly begun: Begun
  readonly gate: Gate
  readonly fiber: Fiber.RuntimeFiber<"ok", UpstreamFailure | CircuitOpen>
}

interface Environment {
  readonly breaker: CircuitBreaker
  readonly clock: Clock.Clock
  readonly skew: number
}

/** A clock whose sleepers never wake up: nothing in here may depend on one. */
export const clockAt = (now: () => number): Clock.Clock => ({
  [Clock.ClockTypeId]: Clock.ClockTypeId,
  unsafeCurrentTimeMillis: now,
  unsafeCurrentTimeNanos: () => BigInt(now()) * 1_000_000n,
  currentTimeMillis: Effect.sync(now),
  currentTimeNanos: Effect.sync(() => BigInt(now()) * 1_000_000n),
  sleep: () => Effect.never
})

/** A store whose breakers all have the record with this key, so that tests do not meet in one table. */
export const underKey = (store: BreakerStoreShape, own: string): BreakerStoreShape => ({
  cacheMillis: store.cacheMillis,
  load: () => store.load(own),
  compareAndSet: (_, generation, next) => store.compareAndSet(own, generation, next)
})

const endOf = (outcome: Exclude<Outcome, "interrupted">): Exit.Exit<"ok", UpstreamFailure> => {
  if (outcome === "ok") return Exit.succeed("ok")
  if (outcome === "badRequest") return Exit.fail(badRequest)
  return Exit.fail(outcome === "outage" ? outage : tooMany(2_000))
}

/** The environments at work. */
export class Fleet {
  now = 1_000_000
  private upSince = Number.NEGATIVE_INFINITY
  private everDown = false
  private readonly environments: Array<Environment> = []
  private readonly begun: Array<Begun> = []
  private hanging: Array<Hanging> = []
  private readonly store: FleetStore
  private readonly skews: ReadonlyArray<number>

  constructor(store: FleetStore, skews: ReadonlyArray<number>) {
    this.store = store
    this.skews = skews
  }

  private readonly isUp = (): boolean => this.upSince !== Number.POSITIVE_INFINITY

  private readonly fresh = (index: number): Effect.Effect<void> =>
    Effect.gen(this, function* () {
      const skew = this.skews[index] ?? 0
      const breaker = yield* breakerOf(settings, yield* this.store.join)
      this.environments[index] = { breaker, skew, clock: clockAt(() => this.now + skew) }
    })

  /** Starts all environments. */
  readonly start: Effect.Effect<void> = Effect.suspend(() =>
    Effect.forEach(this.skews, (_, index) => this.fresh(index), { discard: true })
  )

  private readonly at = (index: number): Environment => {
    const found = this.environments[index % this.environments.length]
    assert.isDefined(found)
    return found
  }

  /** What has to hold when a call reaches the upstream. */
  private readonly note = (environment: Environment, seen: CircuitSnapshot): Effect.Effect<Begun> =>
    Effect.gen(this, function* () {
      const coordinated = this.now - this.upSince >= this.store.cacheMillis
      const begun: Begun = { environment, seen, coordinated, ended: false }
      if (seen._tag === "HalfOpen" && coordinated) {
        const probes = this.begun.filter((other) => other.coordinated && other.seen._tag === "HalfOpen")
        assert.isEmpty(
          probes.filter((other) => other.seen.generation === seen.generation),
          "one probe per half-open period"
        )
        if (!this.everDown) assert.isEmpty(probes.filter(this.holdsItsLease), "one probe per lease")
      }
      if (seen._tag === "Closed" && coordinated) {
        const stored = yield* this.store.peek
        if (stored._tag !== "Closed") {
          assert.isAtMost(
            this.now - stored.since,
            this.store.cacheMillis + 2 * skewMillis,
            "an opening is known to all within a cache lifetime"
          )
        }
      }
      this.begun.push(begun)
      return begun
    })

  private readonly holdsItsLease = ({ ended, environment, seen }: Begun): boolean =>
    !ended && seen._tag === "HalfOpen" && this.now < seen.until - environment.skew - 2 * skewMillis

  /** Sends a call off; it has reached the upstream, or ended, when this returns. */
  private readonly send = (environment: Environment, gate: Gate) =>
    Effect.gen(this, function* () {
      const reached = yield* Deferred.make<Begun>()
      const upstream = Effect.gen(this, function* () {
        const begun = yield* this.note(environment, yield* environment.breaker.state)
        yield* Deferred.succeed(reached, begun)
        return yield* Effect.onExit(Deferred.await(gate), () => Effect.sync(() => void (begun.ended = true)))
      })
      const before = yield* environment.breaker.state
      // A fiber of its own, which nobody ends when its environment dies.
      const fiber = yield* Effect.forkDaemon(
        Effect.withClock(environment.breaker.protect(upstream, reading), environment.clock)
      )
      const first = yield* Effect.raceFirst(Deferred.await(reached), Fiber.await(fiber))
      if (!Exit.isExit(first)) return { begun: first, fiber }
      const refusal = yield* Effect.flip(first).pipe(Effect.orDieWith(() => new Error("it ended before it began")))
      assert.instanceOf(refusal, CircuitOpen)
      assert.isTrue(this.isUp() || before._tag !== "Closed", "nobody is refused because the store is down")
      return undefined
    })

  private readonly call = (environment: Environment, outcome: Exclude<Outcome, "interrupted">) =>
    Effect.gen(this, function* () {
      const gate: Gate = yield* Deferred.make<"ok", UpstreamFailure>()
      yield* Deferred.done(gate, endOf(outcome))
      const sent = yield* this.send(environment, gate)
      if (sent !== undefined) yield* Fiber.await(sent.fiber)
      return sent !== undefined
    })

  private readonly finish = ({ begun, fiber, gate }: Hanging, outcome: Outcome) =>
    Effect.gen(this, function* () {
      const { breaker } = begun.environment
      const before = yield* breaker.state
      if (outcome === "interrupted") yield* Fiber.interrupt(fiber)
      else yield* Deferred.done(gate, endOf(outcome))
      yield* Fiber.await(fiber)
      const isStale = before.generation !== begun.seen.generation
      if (isStale) assert.deepStrictEqual(yield* breaker.state, before, "a late result is ignored")
    })

  private readonly take = (index: number): Hanging | undefined =>
    this.hanging.splice(index % Math.max(1, this.hanging.length), 1)[0]

  /** Carries a command out. */
  readonly run = (command: Command): Effect.Effect<unknown> =>
    Effect.gen(this, function* () {
      switch (command._tag) {
        case "Call":
          return yield* this.call(this.at(command.environment), command.outcome)
        case "Everyone":
          return yield* Effect.forEach(this.environments, (one) => this.call(one, command.outcome), {
            concurrency: "unbounded"
          })
        case "Hang": {
          const gate: Gate = yield* Deferred.make<"ok", UpstreamFailure>()
          const sent = yield* this.send(this.at(command.environment), gate)
          return sent === undefined ? 0 : this.hanging.push({ ...sent, gate })
        }
        case "Finish": {
          const call = this.take(command.running)
          return call === undefined ? undefined : yield* this.finish(call, command.outcome)
        }
        case "Die": {
          const dead = this.take(command.running)?.begun.environment
          if (dead === undefined) return undefined
          this.hanging = this.hanging.filter(({ begun }) => begun.environment !== dead)
          const index = this.environments.indexOf(dead)
          return index < 0 ? undefined : yield* this.fresh(index)
        }
        case "Advance":
          this.now += command.millis
          return undefined
        case "Store":
          this.store.setDown(command.down)
          this.everDown ||= command.down
          if (command.down) this.upSince = Number.POSITIVE_INFINITY
          else if (!this.isUp()) this.upSince = this.now
          return undefined
      }
    })

  /** The upstream is well and the store is there: everybody's calls go through when all waits and one cache lifetime are over. */
  readonly recover: Effect.Effect<void> = Effect.gen(this, function* () {
    yield* this.run({ _tag: "Store", down: false })
    this.now += longestWait + this.store.cacheMillis
    const { call } = this
    yield* Effect.forEach(this.environments, (one) => call(one, "ok"))
    this.now += this.store.cacheMillis
    const through = yield* Effect.forEach(this.environments, (one) => call(one, "ok"))
    assert.deepStrictEqual(new Set(through), new Set([true]))
    const states = yield* Effect.forEach(this.environments, ({ breaker }) => breaker.state)
    const { generation } = yield* this.store.peek
    for (const state of states) assert.deepStrictEqual(state, { _tag: "Closed", generation, failures: 0 })
    for (const late of this.hanging) yield* this.finish(late, "outage")
  })
}
