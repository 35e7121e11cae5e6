/** {@link CircuitBreakers}: makes each breaker when it is first asked for, and tells its changes to stream and metric. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import * as Metrics from "../../services/Metrics.ts"
import {
  BreakerStore,
  type CircuitBreaker,
  CircuitBreakers,
  type CircuitBreakersShape
} from "../../services/Resilience/CircuitBreaker.ts"
import * as Settings from "../../services/Resilience/CircuitBreaker/Settings.ts"
import type { CircuitChange, CircuitState } from "../../services/Resilience/CircuitBreaker/State.ts"
import * as Circuit from "./CircuitBreaker/Circuit.ts"
import * as MemoryStore from "./CircuitBreaker/MemoryStore.ts"

/** How the breakers behave. */
export interface CircuitBreakersOptions {
  /** By key. */
  readonly settings: Readonly<Record<string, Settings.BreakerSettings>>
  /** Where a key is not named; {@link Settings.defaults} where nothing is said. */
  readonly otherwise?: Settings.BreakerSettings
}

/** Changes that a slow reader of the stream may be behind before it misses the oldest. */
const bufferedChanges = 64

/** What the metric `CircuitState` says. */
const levels: Record<CircuitState["_tag"], number> = { Closed: 0, HalfOpen: 1, Open: 2 }

/** The breakers of this process, over the store it is given. */
export const make = (options: CircuitBreakersOptions): Effect.Effect<CircuitBreakersShape, never, BreakerStore> =>
  Effect.gen(function* () {
    const store = yield* BreakerStore
    const published = yield* PubSub.sliding<CircuitChange>(bufferedChanges)
    const process = yield* Effect.replicateEffect(Random.nextIntBetween(0, 0x1_0000_0000), 2)
    const changes = Stream.fromPubSub(published)
    const breakers = new Map<string, CircuitBreaker>()
    let elections = 0

    const newProber = (): string => {
      elections += 1
      return [...process, elections].map((part) => part.toString(36)).join("-")
    }
    // A sink that breaks its promise not to throw must not keep a breaker from changing.
    const announce = (change: CircuitChange): Effect.Effect<void> =>
      Effect.zipRight(
        PubSub.publish(published, change),
        Effect.map(Metrics.Metrics, (metrics) =>
          metrics.put({
            name: "CircuitState",
            unit: "None",
            value: levels[change.to._tag],
            dimensions: { Upstream: change.key }
          })
        )
      ).pipe(Effect.catchAllDefect(() => Effect.void))

    const open = (key: string): CircuitBreaker => {
      const settings = options.settings[key] ?? options.otherwise ?? Settings.defaults
      const circuit = Circuit.make({ key, settings, store, newProber, announce })
      const breaker = { ...circuit, changes: Stream.filter(changes, (change) => change.key === key) }
      breakers.set(key, breaker)
      return breaker
    }
    return { get: (key) => Effect.sync(() => breakers.get(key) ?? open(key)), changes }
  })

/** {@link CircuitBreakers} over a shared store. */
export const layer = (options: CircuitBreakersOptions): Layer.Layer<CircuitBreakers, never, BreakerStore> =>
  Layer.effect(CircuitBreakers, make(options))

/** {@link CircuitBreakers} of this process alone. */
export const layerMemory = (options: CircuitBreakersOptions): Layer.Layer<CircuitBreakers> =>
  Layer.provide(layer(options), MemoryStore.layer())
