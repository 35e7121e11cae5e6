/** Writing works to the simulated target index, over real connections. */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { http, impatient, indexes, simulatedWorks } from "../../support/elasticsearch.ts"
import { indexed, work, works } from "../../support/minterBulk.ts"
import { idOf } from "../../support/minterWorks.ts"

it.layer(http)("the target index", (it) => {
  it.scoped("gets a batch in one call, each work under its id with its version", () =>
    Effect.gen(function* () {
      const { received, target, works: shape } = yield* simulatedWorks()
      const outcomes = yield* indexed(shape, works(100))
      assert.isTrue(outcomes.every((outcome) => outcome === "indexed"))
      const calls = received()
      assert.lengthOf(calls, 1)
      assert.deepInclude(calls[0], { method: "POST", path: "/_bulk" })
      assert.include(calls[0]?.headers["content-type"], "application/x-ndjson")
      const [action, source] = (calls[0]?.body ?? "").split("\n")
      assert.deepStrictEqual(JSON.parse(action ?? ""), {
        index: { _index: indexes.target, _id: idOf(0), version: 1_000, version_type: "external_gte" }
      })
      assert.strictEqual(source, '{"number":0}')
      assert.deepInclude(target().get(idOf(99)), { version: 1_000, source: '{"number":99}' })
    })
  )

  it.scoped("IM-59 keeps the newer of two copies, and the later of two that are as new: all of them are there", () =>
    Effect.gen(function* () {
      const { target, works: shape } = yield* simulatedWorks()
      const write = (version: number, text: string) =>
        indexed(shape, [work(1, { version, json: `{"text":"${text}"}` })])
      for (const [version, text, stays] of [
        [2_000, "first", "first"],
        [1_000, "older", "first"],
        [2_000, "as new", "as new"],
        [2_001, "newer", "newer"],
        [0, "oldest", "newer"]
      ] as const) {
        assert.deepStrictEqual(yield* write(version, text), ["indexed"])
        assert.strictEqual(target().get(idOf(1))?.source, `{"text":"${stays}"}`)
      }
      assert.strictEqual(target().get(idOf(1))?.version, 2_001)
    })
  )

  it.scoped("IM-67 keeps the newer of two works with one id, and both are there", () =>
    Effect.gen(function* () {
      const { target, works: shape } = yield* simulatedWorks()
      for (const [one, other] of [
        [5, 6],
        [6, 5]
      ] as const) {
        const pair = [work(1, { version: one }), work(2, { version: other, canonicalId: idOf(1) })]
        assert.deepStrictEqual(yield* indexed(shape, pair), ["indexed", "indexed"])
        assert.deepInclude(target().get(idOf(1)), { version: 6, source: `{"number":${one > other ? 1 : 2}}` })
        assert.strictEqual(target().size, 1)
      }
    })
  )

  it.scoped("refuses single works: those fail, the others do not", () =>
    Effect.gen(function* () {
      const { send, target, works: shape } = yield* simulatedWorks()
      const properties = { number: { type: "long" }, title: { type: "keyword" } }
      yield* send("PUT", `/${indexes.target}`, { mappings: { dynamic: "strict", properties } })
      const all = [
        work(0),
        work(1, { json: '{"number":"x"}' }),
        work(2, { json: '{"unknown":1}' }),
        work(3, { json: '{"title":"t"}' })
      ]
      assert.deepStrictEqual(yield* indexed(shape, all), [
        "indexed",
        "document_parsing_exception 400",
        "strict_dynamic_mapping_exception 400",
        "indexed"
      ])
      assert.deepStrictEqual([...target().keys()], [idOf(0), idOf(3)])
    })
  )

  it.scoped("IM-61 that takes no more than so much at once gets it in parts", () =>
    Effect.gen(function* () {
      const { received, target, works: shape } = yield* simulatedWorks({ limitBytes: 3_000 })
      const outcomes = yield* indexed(shape, works(100))
      assert.isTrue(outcomes.every((outcome) => outcome === "indexed"))
      assert.strictEqual(target().size, 100)
      assert.isBelow(received().length, 20)
    })
  )

  it.scoped("IM-61 does not take one giant: that one fails, be it first, last or between", () =>
    Effect.gen(function* () {
      const giant = `{"text":"${"x".repeat(5_000)}"}`
      for (const at of [0, 7, 14]) {
        const { target, works: shape } = yield* simulatedWorks({ limitBytes: 5_000 })
        const all = works(15).map((one, number) => (number === at ? { ...one, json: giant } : one))
        const outcomes = yield* indexed(shape, all)
        assert.deepStrictEqual(
          outcomes.map((outcome, number) => [number, outcome]).filter(([, outcome]) => outcome !== "indexed"),
          [[at, "request_entity_too_large 413"]]
        )
        assert.strictEqual(target().size, 14)
      }
    })
  )

  it.scoped("may have taken works although its answer was lost: they are written again", () =>
    Effect.gen(function* () {
      const { received, sandbox, target, works: shape } = yield* simulatedWorks()
      for (const fault of [{ commitThenReset: true }, { truncate: 20 }, { reset: true }, { status: 503 }]) {
        sandbox.clear()
        sandbox.faults.add({ match: { operation: "bulk" }, fault })
        assert.deepStrictEqual(yield* indexed(shape, works(3)), ["indexed", "indexed", "indexed"])
        assert.lengthOf(received(), 2)
        assert.strictEqual(target().size, 3)
      }
    }).pipe(impatient)
  )
})
