import type { BatchGetItemInput, BatchGetItemOutput, QueryInput } from "@aws-sdk/client-dynamodb"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { DatabaseError } from "../../../src/schemas/MParticleError.ts"
import { RequestStore } from "../../../src/services/RequestStore.ts"
import { intercepted, layer as dynamo, tableNames } from "../../support/dynamo.ts"
import { parameters, store } from "../../support/mparticle.ts"
import { claimed, lease, live, request } from "../../support/requests.ts"

const keysOf = (input: BatchGetItemInput): ReadonlyArray<string> =>
  (input.RequestItems?.[tableNames.dsr]?.Keys ?? []).map((key) => key["id"]?.S ?? "")

/** Lets a fiber go on until it sleeps until this moment of the test's clock. */
const sleepsUntil = (millis: number) =>
  Effect.yieldNow().pipe(
    Effect.zipRight(TestClock.sleeps()),
    Effect.repeat({ until: (moments) => [...moments].includes(millis) })
  )

layer(live)("reading many requests", (it) => {
  it.scoped("D-07 asks for an id once and answers it wherever it was asked for, in order", () =>
    Effect.gen(function* () {
      const requests = yield* RequestStore
      const inputs = yield* intercepted<BatchGetItemInput, BatchGetItemOutput>("BatchGetItemCommand")
      const [one, two] = [yield* claimed(), yield* claimed()]
      const { id: missing } = yield* request()
      assert.deepStrictEqual(yield* requests.getMany([one.id, two.id, missing, one.id, one.id]), [
        Option.some(one),
        Option.some(two),
        Option.none(),
        Option.some(one),
        Option.some(one)
      ])
      assert.deepStrictEqual(inputs.map(keysOf), [[one.id, two.id, missing]])
    })
  )

  it.scoped("D-07 asks for at most a hundred at a time, and for nothing when nothing is asked", () =>
    Effect.gen(function* () {
      const requests = yield* RequestStore
      const inputs = yield* intercepted<BatchGetItemInput, BatchGetItemOutput>("BatchGetItemCommand")
      const wanted = yield* Effect.replicateEffect(request(), 250)
      const last = wanted[249]
      assert.isDefined(last)
      const { record } = yield* requests.claim(last, lease)
      const found = yield* requests.getMany(wanted.map(({ id }) => id))
      assert.lengthOf(found, 250)
      assert.deepStrictEqual(found[249], Option.some(record))
      assert.isTrue(found.slice(0, 249).every(Option.isNone))
      assert.deepStrictEqual(inputs.map((input) => keysOf(input).length).toSorted(), [100, 100, 50])
      assert.deepStrictEqual(yield* requests.getMany([]), [])
      assert.lengthOf(inputs, 3)
    })
  )

  it.scoped("D-08 asks again, with growing pauses, for what DynamoDB left unprocessed", () =>
    Effect.gen(function* () {
      const requests = yield* RequestStore
      yield* TestClock.setTime(0)
      const records = [yield* claimed(), yield* claimed()]
      const inputs = yield* intercepted<BatchGetItemInput, BatchGetItemOutput>("BatchGetItemCommand", (input, call) =>
        call <= 2 && input.RequestItems !== undefined ? { UnprocessedKeys: input.RequestItems } : undefined
      )
      const running = yield* Effect.fork(requests.getMany(records.map(({ id }) => id)))
      yield* sleepsUntil(100)
      yield* TestClock.setTime(100)
      yield* sleepsUntil(300)
      yield* TestClock.setTime(300)
      assert.deepStrictEqual(yield* Fiber.join(running), records.map(Option.some))
      assert.deepStrictEqual(
        inputs.map((input) => keysOf(input).length),
        [2, 2, 2]
      )
    })
  )

  it.scoped("D-08 says so when DynamoDB never answers some keys, and does not call them missing", () =>
    Effect.gen(function* () {
      const requests = yield* RequestStore
      yield* TestClock.setTime(0)
      const { id } = yield* claimed()
      const inputs = yield* intercepted<BatchGetItemInput, BatchGetItemOutput>("BatchGetItemCommand", (input) =>
        input.RequestItems === undefined ? undefined : { Responses: {}, UnprocessedKeys: input.RequestItems }
      )
      const running = yield* Effect.fork(Effect.flip(requests.getMany([id])))
      for (const moment of [100, 300, 700, 1_500, 3_100]) {
        yield* sleepsUntil(moment)
        yield* TestClock.setTime(moment)
      }
      assert.deepStrictEqual(
        yield* Fiber.join(running),
        new DatabaseError({ operation: "getMany", reason: "keys stayed unprocessed" })
      )
      assert.lengthOf(inputs, 6)
    })
  )
})

layer(live)("finding by e-mail", (it) => {
  it.scoped("D-10 answers the newest 50 of 60, newest first, from the index", () =>
    Effect.gen(function* () {
      const requests = yield* RequestStore
      const inputs = yield* intercepted<QueryInput, object>("QueryCommand")
      const days = Array.from({ length: 60 }, (_, index) => new Date(index * 86_400_000).toISOString())
      // Filed in another order than they are answered.
      const shuffled = days.toSorted((one, other) => (one.slice(8, 10) < other.slice(8, 10) ? -1 : 1))
      yield* Effect.forEach(shuffled, (submittedAt) => claimed({ email: "many@example.com", submittedAt }), {
        concurrency: 10
      })
      const found = yield* requests.findByEmail("many@example.com")
      assert.deepStrictEqual(
        found.map(({ submittedAt }) => submittedAt),
        days.toReversed().slice(0, 50)
      )
      // One for the address, and one for the hash that an erased person's records have in its place.
      assert.lengthOf(inputs, 2)
      for (const query of inputs) {
        assert.deepInclude(query, { IndexName: "EmailIndex", ScanIndexForward: false, Limit: 50 })
      }
    })
  )

  it.effect("D-11 finds an address in whatever spelling", () =>
    Effect.gen(function* () {
      const requests = yield* RequestStore
      const record = yield* claimed({ email: "spelled@example.com" })
      for (const spelling of ["spelled@example.com", "Spelled@Example.COM ", "\tSPELLED@EXAMPLE.COM"]) {
        assert.deepStrictEqual(yield* requests.findByEmail(spelling), [record], spelling)
      }
      assert.deepStrictEqual(yield* requests.findByEmail("unspelled@example.com"), [])
    })
  )
})

layer(store.pipe(Layer.provide(Layer.merge(dynamo, parameters({ "dynamodb-table-name": "no-such-table" })))))(
  "reading without a table",
  (it) => {
    it.effect("B-32 fails with DATABASE_ERROR and the store's own error name", () =>
      Effect.gen(function* () {
        const requests = yield* RequestStore
        const { id } = yield* request()
        const reason = "ResourceNotFoundException"
        assert.deepStrictEqual(yield* Effect.flip(requests.get(id)), new DatabaseError({ operation: "get", reason }))
        const many = yield* Effect.flip(requests.getMany([id]))
        assert.deepStrictEqual(many, new DatabaseError({ operation: "getMany", reason }))
        const byEmail = yield* Effect.flip(requests.findByEmail("user@example.com"))
        assert.deepStrictEqual(byEmail, new DatabaseError({ operation: "findByEmail", reason }))
      })
    )
  }
)
