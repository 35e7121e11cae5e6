import { describe, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import { tables } from "../../../local/src/resources.ts"
import * as DynamoStore from "../../../src/layers/Resilience/CircuitBreaker/DynamoStore.ts"
import * as MemoryStore from "../../../src/layers/Resilience/CircuitBreaker/MemoryStore.ts"
import { type BreakerStoreShape, BreakerStoreUnavailable } from "../../../src/services/Resilience/CircuitBreaker.ts"
import * as Uuid from "../../../src/services/Uuid.ts"
import { key } from "../../support/breaker.ts"
import { type Command, Fleet, type FleetStore, type Outcome, skewMillis, underKey } from "../../support/breakerFleet.ts"
import { breathe } from "../../support/breathe.ts"
import { depth } from "../../support/depth.ts"
import { Dynamo, intercepted, layer as dynamo } from "../../support/dynamo.ts"

const cacheMillis = 200

/** In memory, where other environments come in between before each operation. */
const inMemory: Effect.Effect<FleetStore> = Effect.gen(function* () {
  const memory = yield* MemoryStore.make(cacheMillis)
  let isDown = false
  const reached = Effect.zipRight(
    Effect.promise(() => Promise.resolve()),
    Effect.suspend(() => (isDown ? new BreakerStoreUnavailable({ reason: "down" }) : Effect.void))
  )
  const store: BreakerStoreShape = {
    cacheMillis,
    load: (name) => Effect.zipRight(reached, memory.load(name)),
    compareAndSet: (...change) => Effect.zipRight(reached, memory.compareAndSet(...change))
  }
  return {
    cacheMillis,
    join: Effect.succeed(store),
    setDown: (down) => {
      isDown = down
    },
    peek: Effect.orDie(memory.load(key))
  }
})

/** In a table of the engine, under a key of its own. */
const inDynamo = Effect.gen(function* () {
  const client = yield* Dynamo
  const own = yield* Uuid.v4
  let isDown = false
  const refused = () =>
    isDown ? Promise.reject(Object.assign(new Error(), { name: "ResourceNotFoundException" })) : undefined
  yield* intercepted("GetItemCommand", refused)
  yield* intercepted("PutItemCommand", refused)
  const join = Effect.map(DynamoStore.make(client, { table: tables("CODE").breaker.name, cacheMillis }), (store) =>
    underKey(store, own)
  )
  const onlooker = yield* join
  const fleetStore: FleetStore = {
    cacheMillis,
    join,
    setDown: (down) => {
      isDown = down
    },
    peek: Effect.orDie(onlooker.load(key))
  }
  return fleetStore
})

// Mostly the same few, so that one of them fails often enough to open its breaker.
const environment = FastCheck.oneof(
  { weight: 3, arbitrary: FastCheck.nat({ max: 2 }) },
  { weight: 1, arbitrary: FastCheck.nat({ max: 49 }) }
)
const running = FastCheck.nat({ max: 9 })
const tag = <const Tag extends string>(name: Tag) => FastCheck.constant(name)
const oneOf = <A extends Outcome>(...outcomes: ReadonlyArray<A>) => FastCheck.constantFrom(...outcomes)
const weighted = <A>(weight: number, arbitrary: FastCheck.Arbitrary<A>) => ({ weight, arbitrary })

const command: FastCheck.Arbitrary<Command> = FastCheck.oneof(
  weighted(
    12,
    FastCheck.record({
      _tag: tag("Call"),
      environment,
      outcome: oneOf("ok", "outage", "outage", "outage", "badRequest", "tooMany")
    })
  ),
  weighted(1, FastCheck.record({ _tag: tag("Everyone"), outcome: oneOf("ok", "outage") })),
  weighted(5, FastCheck.record({ _tag: tag("Hang"), environment })),
  weighted(
    4,
    FastCheck.record({
      _tag: tag("Finish"),
      running,
      outcome: oneOf("ok", "outage", "badRequest", "tooMany", "interrupted")
    })
  ),
  weighted(2, FastCheck.record({ _tag: tag("Die"), running })),
  weighted(
    6,
    FastCheck.record({
      _tag: tag("Advance"),
      millis: FastCheck.constantFrom(1, 100, 199, 200, 499, 501, 999, 1_001, 1_301, 3_001)
    })
  )
)

const commands = (maxLength: number): FastCheck.Arbitrary<ReadonlyArray<Command>> =>
  FastCheck.array(command, { minLength: 10, maxLength, size: "max" })

const outages = FastCheck.array(
  FastCheck.oneof(
    weighted(6, command),
    weighted(1, FastCheck.record({ _tag: tag("Store"), down: FastCheck.boolean() }))
  ),
  { minLength: 10, maxLength: 60, size: "max" }
)

const skews = FastCheck.array(FastCheck.integer({ min: -skewMillis, max: skewMillis }), {
  minLength: 50,
  maxLength: 50
})

const play = (store: FleetStore, clocks: ReadonlyArray<number>, script: ReadonlyArray<Command>) =>
  Effect.gen(function* () {
    const fleet = new Fleet(store, clocks)
    yield* fleet.start
    yield* Effect.forEach(script, fleet.run, { discard: true })
    yield* fleet.recover
    yield* breathe
  })

describe("50 environments over one store in memory", () => {
  it.effect.prop(
    "one probe per half-open period and lease, and all close when the upstream is well again",
    [skews, commands(80)],
    ([clocks, script]) => Effect.flatMap(inMemory, (store) => play(store, clocks, script)),
    { fastCheck: { numRuns: depth(40, 100) }, timeout: 120_000 }
  )

  it.effect.prop(
    "nobody is refused because the store is down, and all agree when it is back",
    [skews, outages],
    ([clocks, script]) => Effect.flatMap(inMemory, (store) => play(store, clocks, script)),
    { fastCheck: { numRuns: depth(40, 100) }, timeout: 120_000 }
  )
})

layer(dynamo)("50 environments over one table", (it) => {
  it.effect.prop(
    "one probe per half-open period and lease, and all close when the upstream is well again",
    [skews, commands(40)],
    ([clocks, script]) => Effect.scoped(Effect.flatMap(inDynamo, (store) => play(store, clocks, script))),
    { fastCheck: { numRuns: depth(6, 12) }, timeout: 120_000 }
  )

  it.effect.prop(
    "nobody is refused because the table cannot be used, and all agree when it can",
    [skews, outages],
    ([clocks, script]) => Effect.scoped(Effect.flatMap(inDynamo, (store) => play(store, clocks, script))),
    { fastCheck: { numRuns: depth(6, 12) }, timeout: 120_000 }
  )
})
