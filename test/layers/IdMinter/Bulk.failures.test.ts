/** Writing works to a target index that answers what the test says. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Deadline from "../../../src/services/Deadline.ts"
import type { IdentifiedWork } from "../../../src/services/IdMinter/Work.ts"
import { answering, type Answer, json, status, worksOf } from "../../support/elasticsearch.ts"
import { jumpingClock } from "../../support/jumpingClock.ts"
import { indexed, works } from "../../support/minterBulk.ts"
import { idOf } from "../../support/minterWorks.ts"

const jumping = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => Effect.withClock(effect, jumpingClock(0)))

/** Indexes over a cluster that answers so, without waiting. */
const answered = (all: ReadonlyArray<IdentifiedWork>, ...answers: ReadonlyArray<Answer>) =>
  Effect.gen(function* () {
    const fake = answering(...answers)
    const outcomes = yield* Effect.flatMap(worksOf(fake), (shape) => indexed(shape, all))
    return { outcomes, ...fake }
  }).pipe(jumping)

/** An answer to a bulk request with these items. */
const items = (...all: ReadonlyArray<readonly [status: number, type?: string]>): Response =>
  json({
    took: 1,
    errors: all.some(([, type]) => type !== undefined),
    items: all.map(([status, type]) => ({
      index: { status, ...(type === undefined ? {} : { error: { type, reason: "secret" } }) }
    }))
  })

/** The ids in a bulk request, in order. */
const idsIn = ({ body }: { readonly body: string }): ReadonlyArray<string> =>
  [...body.matchAll(/"_id":"(\w+)"/g)].map(([, id = ""]) => id)

describe("no call", () => {
  it.effect("is made for nothing", () =>
    Effect.gen(function* () {
      const { outcomes, sent } = yield* answered([], "reset")
      assert.deepStrictEqual([outcomes, sent], [[], []])
    })
  )

  it.effect("IM-62 follows the one that a single work is too large for", () =>
    Effect.gen(function* () {
      const { outcomes, sent } = yield* answered(works(1), status(413))
      assert.deepStrictEqual(outcomes, ["request_entity_too_large 413"])
      assert.lengthOf(sent, 1)
    })
  )

  it.effect("IM-62 is made more than once for each part where everything is too large", () =>
    Effect.gen(function* () {
      const { outcomes, sent } = yield* answered(works(100), status(413))
      assert.isTrue(outcomes.every((outcome) => outcome === "request_entity_too_large 413"))
      assert.lengthOf(sent, 199)
    })
  )
})

describe("an item", () => {
  it.effect("for which the index has no room now is sent again by itself", () =>
    Effect.gen(function* () {
      const { outcomes, sent } = yield* answered(
        works(4),
        items(
          [201],
          [429, "es_rejected_execution_exception"],
          [400, "mapper_parsing_exception"],
          [503, "unavailable_shards_exception"]
        ),
        items([429, "es_rejected_execution_exception"], [200]),
        items([201])
      )
      assert.deepStrictEqual(outcomes, ["indexed", "indexed", "mapper_parsing_exception 400", "indexed"])
      assert.deepStrictEqual(sent.map(idsIn), [[0, 1, 2, 3].map(idOf), [1, 3].map(idOf), [1].map(idOf)])
      for (const [index, base] of [1_000, 2_000].entries()) {
        const wait = (sent[index + 1]?.at ?? 0) - (sent[index]?.at ?? 0)
        assert.isTrue(Math.abs(wait - base) <= base / 5 + 1, `${wait}`)
      }
    })
  )

  it.effect("for which there is never room fails by itself, after four tries", () =>
    Effect.gen(function* () {
      const { outcomes, sent } = yield* answered(
        works(2),
        items([201], [429, "es_rejected_execution_exception"]),
        items([429, "es_rejected_execution_exception"])
      )
      assert.deepStrictEqual(outcomes, ["indexed", "es_rejected_execution_exception 429"])
      assert.lengthOf(sent, 4)
    })
  )

  it.effect("fails by itself also where there is never room for any", () =>
    Effect.gen(function* () {
      const full = items([429, "es_rejected_execution_exception"], [503, "unavailable_shards_exception"])
      const { outcomes } = yield* answered(works(2), full)
      assert.deepStrictEqual(outcomes, ["es_rejected_execution_exception 429", "unavailable_shards_exception 503"])
    })
  )

  it.effect("is not sent again when that would be too late", () =>
    Effect.gen(function* () {
      const busy = answering(items([429, "es_rejected_execution_exception"]))
      const shape = yield* worksOf(busy)
      assert.deepStrictEqual(yield* Deadline.within(2_000)(indexed(shape, works(1))), [
        "es_rejected_execution_exception 429"
      ])
      assert.lengthOf(busy.sent, 2)
    }).pipe(jumping)
  )

  it.effect("IM-59 that loses against a newer copy is there, and no other conflict is taken for one", () =>
    Effect.gen(function* () {
      const { outcomes } = yield* answered(
        works(3),
        items([409, "version_conflict_engine_exception"], [409, "other_exception"], [404, "index_not_found_exception"])
      )
      assert.deepStrictEqual(outcomes, ["indexed", "other_exception 409", "index_not_found_exception 404"])
    })
  )

  it.effect("that is missing in the answer is sent again, and where the answer is none it fails for now", () =>
    Effect.gen(function* () {
      const transient = "ElasticsearchTransient"
      const missed = yield* answered(works(2), items([201]), json({ items: [] }), items([201]))
      assert.deepStrictEqual(missed.outcomes, ["indexed", "indexed"])
      assert.deepStrictEqual(missed.sent.map(idsIn), [[0, 1].map(idOf), [idOf(1)], [idOf(1)]])
      for (const answer of [new Response("<html>"), json({}), json({ items: [{ create: { status: 201 } }] })]) {
        assert.deepStrictEqual((yield* answered(works(2), answer)).outcomes, [transient, transient])
      }
      const untyped = json({ items: [{ index: { status: 400 } }, { index: { status: 201, error: null } }] })
      assert.deepStrictEqual((yield* answered(works(2), untyped)).outcomes, ["unknown 400", "indexed"])
    })
  )
})

describe("a call that fails", () => {
  it.effect("IM-64 fails its works with what it failed with", () =>
    Effect.gen(function* () {
      const down = yield* answered(works(2), status(503))
      assert.deepStrictEqual(down.outcomes, ["ElasticsearchTransient", "ElasticsearchTransient"])
      assert.lengthOf(down.sent, 4)
      for (const code of [400, 401, 403, 404]) {
        const refused = yield* answered(works(2), status(code))
        assert.deepStrictEqual(refused.outcomes, ["ElasticsearchRejected", "ElasticsearchRejected"])
        assert.lengthOf(refused.sent, 1)
      }
    })
  )

  it.effect("fails its own part only, where a batch goes in parts", () =>
    Effect.gen(function* () {
      const { outcomes } = yield* answered(works(4), status(413), items([201], [201]), status(403))
      assert.deepStrictEqual(outcomes, ["indexed", "indexed", "ElasticsearchRejected", "ElasticsearchRejected"])
      const opened = yield* answered(works(4), status(413), status(503))
      assert.deepStrictEqual(opened.outcomes, [
        "ElasticsearchTransient",
        "ElasticsearchTransient",
        "CircuitOpen",
        "CircuitOpen"
      ])
    })
  )
})
