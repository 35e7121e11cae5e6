import type { DynamoDBClient } from "@aws-sdk/client-dynamodb"
import { assert, layer } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { tables } from "../../../local/src/resources.ts"
import * as CircuitBreaker from "../../../src/layers/Resilience/CircuitBreaker.ts"
import * as DynamoStore from "../../../src/layers/Resilience/CircuitBreaker/DynamoStore.ts"
import { CircuitOpen } from "../../../src/schemas/ResilienceError.ts"
import { BreakerStore } from "../../../src/services/Resilience/CircuitBreaker.ts"
import { call, calls, outage } from "../../support/breaker.ts"
import { clientOf, Dynamo, layer as dynamo } from "../../support/dynamo.ts"
import { type Line, written } from "../../support/logs.ts"
import { movableClock } from "../../support/movableClock.ts"

const definition = tables("CODE").breaker

/** One of the keys that the metrics know. */
const key = "mparticle-events"

/** A client that can be told to misbehave, and notes what it is asked. */
const clientAt = (endpoint: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const client = clientOf(endpoint)
      const asked: Array<string> = []
      const fault: { answer: (() => Promise<never>) | undefined } = { answer: undefined }
      client.middlewareStack.add(
        (next, context) => (args) => {
          asked.push(String(context["commandName"]))
          return fault.answer === undefined ? next(args) : fault.answer()
        },
        { step: "initialize", name: "misbehave" }
      )
      return { asked, client, fault }
    }),
    ({ client }) => Effect.sync(() => client.destroy())
  )

const endpointOf = (client: DynamoDBClient): Effect.Effect<string> =>
  Effect.promise(async () => {
    const endpoint = await client.config.endpoint?.()
    return endpoint === undefined ? "" : `${endpoint.protocol}//${endpoint.hostname}:${endpoint.port}`
  })

const engine = Effect.flatMap(Dynamo, endpointOf)
const rejecting = (name: string) => () => Promise.reject(Object.assign(new Error(), { name }))

/** How the table can be out of reach. */
const faults = {
  "refuses the connection": clientAt("http://127.0.0.1:1"),
  "does not answer": Effect.tap(Effect.flatMap(engine, clientAt), ({ fault }) =>
    Effect.sync(() => {
      fault.answer = () => new Promise<never>(() => undefined)
    })
  ),
  "is throttled": Effect.tap(Effect.flatMap(engine, clientAt), ({ fault }) =>
    Effect.sync(() => {
      fault.answer = rejecting("ThrottlingException")
    })
  ),
  "is not there": Effect.flatMap(engine, clientAt)
}

const breakerOver = (client: DynamoDBClient, table: string) =>
  Effect.gen(function* () {
    const store = yield* DynamoStore.make(client, { table })
    const breakers = yield* Effect.provideService(CircuitBreaker.make({ settings: {} }), BreakerStore, store)
    return yield* breakers.get(key)
  })

const saying = (lines: ReadonlyArray<Line>, words: string): number =>
  lines.filter(({ message }) => String(message).includes(words)).length

/** How long an effect takes, on a clock of its own. */
const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const began = performance.now()
    const value = yield* effect
    return { value, millis: performance.now() - began }
  })

layer(dynamo)("DynamoStore, when the table", (it) => {
  for (const [fault, broken] of Object.entries(faults)) {
    it.effect(`${fault}: calls go through, and one per cache lifetime waits a moment`, () =>
      Effect.gen(function* () {
        const clock = movableClock(1_000_000)
        const { asked, client } = yield* broken
        const breaker = yield* breakerOver(client, fault === "is not there" ? "no-such-table" : definition.name)
        const { lines, text } = yield* written(
          Effect.gen(function* () {
            const first = yield* timed(call(breaker))
            assert.strictEqual(first.value, "ok")
            // The limit is 300 ms; the rest is for a machine that has other things to do.
            assert.isBelow(first.millis, 1_500)
            const tries = asked.length
            assert.isAtMost(tries, 2, "one retry at most")
            yield* calls(breaker, 100)
            yield* calls(breaker, 5, outage)
            assert.instanceOf(yield* call(breaker), CircuitOpen, "it goes on by itself")
            assert.lengthOf(asked, tries, "the table is left alone")
            clock.now += 4_999
            yield* call(breaker)
            assert.lengthOf(asked, tries)
            clock.now += 30_001
            // The probe: what it waits for the table is the cache lifetime's one wait, though it reads and writes twice.
            const probe = yield* timed(call(breaker))
            assert.strictEqual(probe.value, "ok")
            assert.isBelow(probe.millis, 1_500)
            assert.lengthOf(asked, 2 * tries)
            assert.strictEqual((yield* breaker.state)._tag, "Closed")
          })
        ).pipe(Effect.withClock(clock))
        assert.strictEqual(saying(lines, "goes on by itself"), 1)
        assert.include(text, "CircuitStoreFailures")
      }).pipe(Effect.scoped)
    )
  }

  it.effect("is back: the breaker goes by it again, and says so once", () =>
    Effect.gen(function* () {
      const clock = movableClock(1_000_000)
      const { client, fault } = yield* Effect.flatMap(engine, clientAt)
      const breaker = yield* breakerOver(client, definition.name)
      const store = yield* Effect.flatMap(Dynamo, (other) => DynamoStore.make(other, { table: definition.name }))
      const { lines } = yield* written(
        Effect.gen(function* () {
          for (const name of ["ThrottlingException", "AccessDeniedException"]) {
            fault.answer = rejecting(name)
            yield* call(breaker)
            clock.now += 5_000
            yield* call(breaker)
            clock.now += 5_000
          }
          fault.answer = undefined
          const { generation } = yield* store.load(key)
          const next = {
            _tag: "Open",
            generation: generation + 1,
            since: clock.now,
            until: clock.now + 30_000
          } as const
          assert.isTrue(yield* store.compareAndSet(key, generation, next))
          assert.instanceOf(yield* call(breaker), CircuitOpen)
          clock.now += 30_001
          yield* call(breaker)
          assert.strictEqual((yield* store.load(key))._tag, "Closed")
        })
      ).pipe(Effect.withClock(clock))
      assert.strictEqual(saying(lines, "goes on by itself"), 1)
      assert.strictEqual(saying(lines, "has its shared state again"), 1)
    }).pipe(Effect.scoped)
  )

  it.effect("failed for one upstream: the others do not wait for it either", () =>
    Effect.gen(function* () {
      const { asked, client, fault } = yield* Effect.flatMap(engine, clientAt)
      const store = yield* DynamoStore.make(client, { table: definition.name })
      fault.answer = rejecting("AccessDeniedException")
      yield* Effect.flip(store.load("one"))
      yield* Effect.flip(store.load("two"))
      yield* Effect.flip(store.compareAndSet("two", 0, { _tag: "Closed", generation: 1 }))
      assert.lengthOf(asked, 1)
    }).pipe(Effect.scoped)
  )

  it.effect("failed before the clock was set back: it is not left alone until the clock has caught up", () =>
    Effect.gen(function* () {
      const clock = movableClock(1_000_000)
      const { asked, client, fault } = yield* Effect.flatMap(engine, clientAt)
      const store = yield* DynamoStore.make(client, { table: definition.name })
      fault.answer = rejecting("AccessDeniedException")
      yield* Effect.gen(function* () {
        yield* Effect.flip(store.load("k"))
        clock.now -= 500_000
        fault.answer = undefined
        assert.deepStrictEqual(yield* store.load("k"), { _tag: "Closed", generation: 0 })
        assert.lengthOf(asked, 2)
      }).pipe(Effect.withClock(clock))
    }).pipe(Effect.scoped)
  )

  it.effect("is not named: each process goes by itself", () =>
    Effect.gen(function* () {
      const cacheOf = (environment: ReadonlyArray<readonly [string, string]>) =>
        Effect.map(BreakerStore, ({ cacheMillis }) => cacheMillis).pipe(
          Effect.provide(
            Layer.provide(DynamoStore.layer, Layer.setConfigProvider(ConfigProvider.fromMap(new Map(environment))))
          )
        )
      assert.strictEqual(yield* cacheOf([]), Number.POSITIVE_INFINITY)
      assert.strictEqual(yield* cacheOf([["BREAKER_TABLE", ""]]), Number.POSITIVE_INFINITY)
      assert.strictEqual(yield* cacheOf([["BREAKER_TABLE", "circuit-breakers-code"]]), 5_000)
    })
  )
})
