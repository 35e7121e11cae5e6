import {
  type GetItemCommandInput,
  GetItemCommand,
  PutItemCommand,
  type PutItemCommandInput
} from "@aws-sdk/client-dynamodb"
import { marshall } from "@aws-sdk/util-dynamodb"
import { assert, layer } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { tables } from "../../../local/src/resources.ts"
import * as DynamoStore from "../../../src/layers/Resilience/CircuitBreaker/DynamoStore.ts"
import { CircuitOpen } from "../../../src/schemas/ResilienceError.ts"
import { BreakerStoreUnavailable } from "../../../src/services/Resilience/CircuitBreaker.ts"
import type { CircuitState } from "../../../src/services/Resilience/CircuitBreaker/State.ts"
import * as Uuid from "../../../src/services/Uuid.ts"
import { breakerOf, call, calls, outage, reading } from "../../support/breaker.ts"
import { clockAt, underKey } from "../../support/breakerFleet.ts"
import { Dynamo, intercepted, layer as dynamo } from "../../support/dynamo.ts"
import { movableClock } from "../../support/movableClock.ts"

const table = tables("CODE").breaker.name

/** A store over the engine's table. */
const storeOf = (options: Partial<DynamoStore.DynamoStoreOptions> = {}) =>
  Effect.flatMap(Dynamo, (client) => DynamoStore.make(client, { table, ...options }))

const open: CircuitState = { _tag: "Open", generation: 1, since: 1_000, until: 31_000, pause: 1 }
const halfOpen: CircuitState = {
  _tag: "HalfOpen",
  generation: 2,
  since: 31_001,
  until: 91_001,
  pause: 1,
  prober: "a-b-1"
}
const closed: CircuitState = { _tag: "Closed", generation: 3 }

const itemOf = (own: string) =>
  Effect.flatMap(Dynamo, (client) =>
    Effect.promise(() => client.send(new GetItemCommand({ TableName: table, Key: marshall({ key: own }) })))
  ).pipe(Effect.map(({ Item }) => Item))

const put = (item: object) =>
  Effect.flatMap(Dynamo, (client) =>
    Effect.promise(() => client.send(new PutItemCommand({ TableName: table, Item: marshall(item) })))
  )

/** Lets the write through, and then breaks the connection. */
const losingAnswers = (times: number) =>
  Effect.gen(function* () {
    const client = yield* Dynamo
    let lost = 0
    let passing = false
    return yield* intercepted("PutItemCommand", async (input: PutItemCommandInput) => {
      if (passing || lost >= times) return undefined
      lost += 1
      passing = true
      // Not even a lost condition is heard of.
      await client.send(new PutItemCommand(input)).catch(() => undefined)
      passing = false
      throw Object.assign(new Error(), { code: "ECONNRESET" })
    })
  })

layer(dynamo)("DynamoStore", (it) => {
  it.effect("keeps every state as it was, one generation after the other", () =>
    Effect.gen(function* () {
      const store = yield* storeOf()
      const own = yield* Uuid.v4
      assert.deepStrictEqual(yield* store.load(own), { _tag: "Closed", generation: 0 })
      for (const [expected, state] of [open, halfOpen, closed].entries()) {
        assert.isTrue(yield* store.compareAndSet(own, expected, state))
        assert.deepStrictEqual(yield* store.load(own), state)
      }
    })
  )

  it.effect("writes nothing when the state is in another generation by now", () =>
    Effect.gen(function* () {
      const store = yield* storeOf()
      const own = yield* Uuid.v4
      assert.isFalse(yield* store.compareAndSet(own, 1, halfOpen), "a key without a record is in generation 0")
      assert.isUndefined(yield* itemOf(own))
      assert.isTrue(yield* store.compareAndSet(own, 0, open))
      assert.isFalse(yield* store.compareAndSet(own, 0, { ...open, until: 99_000 }))
      assert.isFalse(yield* store.compareAndSet(own, 2, closed))
      assert.deepStrictEqual(yield* store.load(own), open)
    })
  )

  it.effect("reads consistently, and lets a record expire a week after it says anything", () =>
    Effect.gen(function* () {
      const inputs = yield* intercepted<GetItemCommandInput, object>("GetItemCommand")
      const store = yield* storeOf()
      const own = yield* Uuid.v4
      yield* TestClock.adjust("10 seconds")
      yield* store.compareAndSet(own, 0, open)
      yield* store.load(own)
      assert.isTrue(inputs.at(-1)?.ConsistentRead)
      assert.deepStrictEqual((yield* itemOf(own))?.["expiresAt"], { N: String(31 + 7 * 86_400) })
      yield* store.compareAndSet(own, 1, { ...closed, generation: 2 })
      assert.deepStrictEqual((yield* itemOf(own))?.["expiresAt"], { N: String(10 + 7 * 86_400) })
    }).pipe(Effect.scoped)
  )

  it.effect("a record that is not ours is no state, and no reason to fail a call", () =>
    Effect.gen(function* () {
      const records: ReadonlyArray<object> = [
        {},
        { _tag: "Broken", generation: 1 },
        { ...closed, generation: -1 },
        { ...closed, generation: 1.5 },
        { ...closed, generation: "3" },
        { ...open, until: "later" },
        { ...halfOpen, prober: 5 },
        { _tag: "HalfOpen", generation: 1, since: 0, until: 1 },
        { ...open, until: 31_536_000_000 },
        { ...open, since: new Set([1]), until: null }
      ]
      for (const record of records) {
        const own = yield* Uuid.v4
        const store = yield* storeOf()
        yield* put({ ...record, key: own })
        assert.instanceOf(yield* Effect.flip(store.load(own)), BreakerStoreUnavailable)
        const breaker = yield* breakerOf({}, underKey(store, own))
        assert.strictEqual(yield* call(breaker), "ok")
        yield* calls(breaker, 5, outage)
        assert.instanceOf(yield* call(breaker), CircuitOpen, "it goes on by itself")
      }
    })
  )

  it.effect.prop(
    "whatever an item holds, it is a state or the store is unavailable",
    [
      FastCheck.dictionary(
        FastCheck.constantFrom("_tag", "generation", "since", "until", "pause", "prober", "more"),
        FastCheck.oneof(
          FastCheck.constantFrom("Closed", "Open", "HalfOpen"),
          // DynamoDB has neither of these numbers, and the SDK does not write them.
          FastCheck.double({ noNaN: true, noDefaultInfinity: true }),
          FastCheck.jsonValue()
        )
      )
    ],
    ([item]) =>
      Effect.scoped(
        Effect.gen(function* () {
          const marshalled = marshall(item, { removeUndefinedValues: true, allowImpreciseNumbers: true })
          yield* intercepted("GetItemCommand", () => ({ Item: marshalled }))
          const store = yield* storeOf()
          const read = yield* Effect.either(store.load("k"))
          if (read._tag === "Left") assert.instanceOf(read.left, BreakerStoreUnavailable)
          else assert.include(["Closed", "Open", "HalfOpen"], read.right._tag)
        })
      ),
    { fastCheck: { numRuns: 200 } }
  )

  it.effect("a prober whose claim was written and not answered probes, and what it found is kept", () =>
    Effect.gen(function* () {
      for (const times of [1, 2]) {
        const clock = movableClock(1_000_000)
        yield* Effect.gen(function* () {
          const own = yield* Uuid.v4
          const store = yield* storeOf()
          const breaker = yield* breakerOf({}, underKey(store, own))
          yield* calls(breaker, 5, outage)
          clock.now += 30_001
          yield* losingAnswers(times)
          let probes = 0
          const probe = Effect.sync(() => {
            probes += 1
          })
          yield* breaker.protect(probe, reading)
          assert.strictEqual(probes, 1)
          assert.strictEqual((yield* breaker.state)._tag, "Closed")
          const stored = yield* (yield* storeOf()).load(own)
          // With no answer at all the table was left alone, so the probe's end is not in it: the lease will lapse.
          assert.strictEqual(stored._tag, times === 1 ? "Closed" : "HalfOpen")
          clock.now += 60_001
          assert.strictEqual(yield* call(breaker), "ok")
          assert.strictEqual((yield* breaker.state)._tag, "Closed")
        }).pipe(Effect.scoped, Effect.withClock(clock))
      }
    })
  )

  it.effect("an opening that was written and not answered is nobody else's", () =>
    Effect.gen(function* () {
      const clock = movableClock(1_000_000)
      yield* Effect.gen(function* () {
        const own = yield* Uuid.v4
        yield* losingAnswers(1)
        const breaker = yield* breakerOf({}, underKey(yield* storeOf(), own))
        yield* calls(breaker, 5, outage)
        assert.deepStrictEqual(yield* breaker.state, yield* (yield* storeOf()).load(own))
        assert.strictEqual((yield* breaker.state).generation, 1)
      }).pipe(Effect.scoped, Effect.withClock(clock))
    })
  )

  it.effect("of 50 environments that come at once, one probes; when it dies, another does after its lease", () =>
    Effect.gen(function* () {
      const time = { now: 1_000_000 }
      const own = yield* Uuid.v4
      const environments = yield* Effect.replicateEffect(
        Effect.flatMap(storeOf(), (store) => breakerOf({}, underKey(store, own))),
        50
      )
      const clock = clockAt(() => time.now)
      /** Everybody calls, and the one that is let through does not come back before the gate opens. */
      const rush = (gate: Deferred.Deferred<"ok">) =>
        Effect.gen(function* () {
          let reached = 0
          const upstream = Effect.suspend(() => {
            reached += 1
            return Deferred.await(gate)
          })
          const fibers = yield* Effect.forEach(environments, (breaker) =>
            Effect.forkDaemon(Effect.withClock(Effect.merge(breaker.protect(upstream, reading)), clock))
          )
          const refused = yield* Effect.raceAll(
            fibers.map((_, left) =>
              Effect.forEach(
                fibers.filter((__, index) => index !== left),
                Fiber.join,
                { concurrency: "unbounded" }
              )
            )
          )
          for (const refusal of refused) assert.instanceOf(refusal, CircuitOpen)
          assert.strictEqual(reached, 1)
          return fibers
        })

      const [first] = environments
      assert.isDefined(first)
      yield* Effect.withClock(calls(first, 5, outage), clock)
      // Some have seen that it is open, the others come when that is over.
      yield* Effect.forEach(environments.slice(1, 25), (breaker) => Effect.withClock(call(breaker), clock))
      time.now += 30_001
      yield* rush(yield* Deferred.make<"ok">())
      time.now += 60_000
      const early = yield* Effect.forEach(environments, (breaker) => Effect.withClock(call(breaker), clock))
      for (const refusal of early) assert.instanceOf(refusal, CircuitOpen, "the lease of the dead one still holds")
      time.now += 1
      const gate = yield* Deferred.make<"ok">()
      const fibers = yield* rush(gate)
      yield* Deferred.succeed(gate, "ok")
      assert.lengthOf(
        (yield* Effect.forEach(fibers, Fiber.join)).filter((result) => result === "ok"),
        1
      )
      time.now += 5_000
      const after = yield* Effect.forEach(environments, (breaker) => Effect.withClock(call(breaker), clock))
      assert.isTrue(after.every((result) => result === "ok"))
    })
  )

  it.effect("asks once per key and cache lifetime, and writes changes only", () =>
    Effect.gen(function* () {
      const reads = yield* intercepted<GetItemCommandInput, object>("GetItemCommand")
      const writes = yield* intercepted<PutItemCommandInput, object>("PutItemCommand")
      const own = yield* Uuid.v4
      const breaker = yield* breakerOf({}, underKey(yield* storeOf(), own))
      const before = reads.length
      yield* calls(breaker, 100)
      yield* calls(breaker, 4, outage)
      yield* TestClock.adjust("4999 millis")
      yield* calls(breaker, 100)
      assert.deepStrictEqual([reads.length - before, writes.length], [1, 0])
      yield* TestClock.adjust("1 millis")
      yield* calls(breaker, 100)
      assert.deepStrictEqual([reads.length - before, writes.length], [2, 0])
    }).pipe(Effect.scoped)
  )
})
