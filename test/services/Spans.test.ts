import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Spans from "../../src/services/Spans.ts"

const root = "Root=1-5759e988-bd862e3fe1be46a994272793"
const traceId = "5759e988bd862e3fe1be46a994272793"

const work = Effect.withSpan(Effect.withSpan(Effect.void, "inner", { kind: "client" }), "outer")

const namesIn = (header: string | undefined, ratio: number) =>
  Effect.gen(function* () {
    const { finished, record } = yield* Spans.begin(header, ratio)
    yield* record(work)
    return finished.map(({ name }) => name)
  })

describe("the spans of an invocation", () => {
  it.effect("continue the caller's trace, under the caller's span", () =>
    Effect.gen(function* () {
      const { finished, record } = yield* Spans.begin(`${root};Parent=53995c3f42cd8ad8;Sampled=1`, 0)
      yield* record(work)
      const [inner, outer] = finished
      assert.deepStrictEqual([inner?.name, outer?.name], ["inner", "outer"])
      assert.deepStrictEqual([inner?.traceId, outer?.traceId], [traceId, traceId])
      assert.strictEqual(Option.getOrThrow(outer?.parent ?? Option.none()).spanId, "53995c3f42cd8ad8")
      assert.strictEqual(Option.getOrThrow(inner?.parent ?? Option.none()).spanId, outer?.spanId)
      assert.notStrictEqual(inner?.spanId, outer?.spanId)
      assert.match(String(inner?.spanId), /^[0-9a-f]{16}$/)
    })
  )

  it.effect("begin a trace where the caller has none", () =>
    Effect.gen(function* () {
      const { finished, record } = yield* Spans.begin(undefined, 1)
      yield* record(work)
      assert.match(String(finished[1]?.traceId), /^[0-9a-f]{32}$/)
      assert.deepStrictEqual(finished[1]?.parent, Option.none())
    })
  )

  it.effect("are recorded as the caller has decided, whatever the share", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* namesIn(`${root};Sampled=0`, 1), [])
      assert.deepStrictEqual(yield* namesIn(`${root};Sampled=1`, 0), ["inner", "outer"])
    })
  )

  it.effect("are recorded in the asked share of traces, the same ones everywhere", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* namesIn(undefined, 0), [])
      assert.deepStrictEqual(yield* namesIn(undefined, 1), ["inner", "outer"])
      let recorded = 0
      for (let index = 0; index < 2_000; index += 1) {
        const id = (yield* Random.nextIntBetween(0, 0xffff_ffff)).toString(16).padStart(8, "0")
        const header = `Root=1-5759e988-bd862e3f${id}${id}`
        const [first, second] = [yield* namesIn(header, 0.25), yield* namesIn(header, 0.25)]
        assert.deepStrictEqual(first, second)
        recorded += first.length / 2
      }
      assert.isAbove(recorded, 400)
      assert.isBelow(recorded, 600)
    })
  )

  it.effect("are bounded in number", () =>
    Effect.gen(function* () {
      const { finished, record } = yield* Spans.begin(undefined, 1)
      yield* record(Effect.replicateEffect(Effect.withSpan(Effect.void, "one"), 1_500, { discard: true }))
      assert.lengthOf(finished, 1_000)
    })
  )

  it.effect("end with the work that they stand for when it is interrupted", () =>
    Effect.gen(function* () {
      const { finished, record } = yield* Spans.begin(undefined, 1)
      yield* Effect.exit(record(Effect.withSpan(Effect.interrupt, "stopped")))
      assert.strictEqual(finished[0]?.status._tag, "Ended")
    })
  )

  it.effect("tell what is at hand to whoever sends something", () =>
    Effect.gen(function* () {
      assert.isTrue(Option.isNone(yield* Spans.current))
      const { record } = yield* Spans.begin(`${root};Sampled=1`, 0)
      const current = yield* record(Effect.withSpan(Spans.current, "one"))
      assert.include(Option.getOrThrow(current), { traceId, sampled: true })
    })
  )
})
