/** Rows 29 to 47: which messages of a batch come again, and who is told of which works. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { DatabaseTransient } from "../../../src/schemas/DatabaseError.ts"
import { ElasticsearchTransient } from "../../../src/schemas/ElasticsearchError.ts"
import { IdPoolExhausted } from "../../../src/schemas/IdMinterError.ts"
import { CircuitOpen } from "../../../src/schemas/ResilienceError.ts"
import { canonicalId, document, type MinterWorld, minterWorld, sourceIdentifier } from "../../support/minter.ts"
import { listed, message, notification, sqs } from "../../support/minterCalls.ts"

const good = "Work[sierra-system-number/b1161044x]"
const other = "Work[miro-image-number/V0044178ER]"
const bad = "this_work_id_does_not_exist"

describe("a batch of messages", () => {
  it.effect("IM-29 mints the work, stores it under its id and tells of it", () =>
    Effect.gen(function* () {
      const world = minterWorld(good)
      assert.deepStrictEqual(yield* sqs(world, [notification("m-1", good)]), { batchItemFailures: [] })
      assert.deepStrictEqual(world.told, [canonicalId(1)])
      assert.deepStrictEqual([...world.target.keys()], [canonicalId(1)])
      assert.deepNestedInclude(world.target.get(canonicalId(1)), { "state.canonicalId": canonicalId(1) })
      assert.deepStrictEqual(world.calls, ["fetch", "lookup", "mint", "index", "notify"])
    })
  )

  it.effect("IM-31 lists the message whose work is not there, and tells of the other alone", () =>
    Effect.gen(function* () {
      const world = minterWorld(good)
      const result = yield* sqs(world, [notification("m-good", good), notification("m-bad", bad)])
      assert.deepStrictEqual(result, { batchItemFailures: [{ itemIdentifier: "m-bad" }] })
      assert.deepStrictEqual(world.told, [canonicalId(1)])
    })
  )

  it.effect("IM-32 lists every message when all works fail; nothing is indexed or told, nothing thrown", () =>
    Effect.gen(function* () {
      const world = minterWorld()
      const result = yield* sqs(world, [notification("m-1", bad), notification("m-2", other)])
      assert.deepStrictEqual(listed(result), ["m-1", "m-2"])
      assert.deepStrictEqual(world.calls, ["fetch"])
    })
  )

  it.effect("IM-34 mints a redirected work with the target of its redirection", () =>
    Effect.gen(function* () {
      const world = minterWorld()
      const redirectTarget = { sourceIdentifier: sourceIdentifier("Work", "miro-image-number", "V0044178ER") }
      world.source.set(good, document(good, { type: "Redirected", redirectTarget }))
      assert.deepStrictEqual(listed(yield* sqs(world, [notification("m-1", good)])), [])
      const [id] = world.told
      const stored = world.target.get(String(id)) as { readonly redirectTarget: { readonly canonicalId: string } }
      assert.match(stored.redirectTarget.canonicalId, /^m\d{7}$/)
      assert.notStrictEqual(stored.redirectTarget.canonicalId, id)
    })
  )

  it.effect("IM-35 lists every message of a work that fails, and none of one that does not", () =>
    Effect.gen(function* () {
      const Records = [bad, good, bad, good, `${bad}\n`].map((text, index) => notification(`m-${index}`, text))
      const world = minterWorld(good)
      assert.deepStrictEqual(listed(yield* sqs(world, Records)), ["m-0", "m-2", "m-4"])
      assert.deepStrictEqual(world.told, [canonicalId(1)])
    })
  )

  it.effect("writes and tells once of a work that has five messages", () =>
    Effect.gen(function* () {
      const world = minterWorld(good)
      const Records = Array.from({ length: 5 }, (_, index) => notification(`m-${index}`, good))
      assert.deepStrictEqual(listed(yield* sqs(world, Records)), [])
      assert.deepStrictEqual(world.told, [canonicalId(1)])
      assert.strictEqual(world.target.size, 1)
    })
  )

  it.effect("IM-40 answers an empty batch without a call", () =>
    Effect.gen(function* () {
      const world = minterWorld()
      assert.deepStrictEqual(yield* sqs(world, []), { batchItemFailures: [] })
      assert.deepStrictEqual(world.calls, [])
    })
  )

  it.effect("IM-41 finds a work in spite of the line end after it; one that is not there fails alone", () =>
    Effect.gen(function* () {
      const world = minterWorld(good)
      const Records = [notification("m-1", `${good}\n`), notification("m-2", ` ${bad}\r\n`)]
      assert.deepStrictEqual(listed(yield* sqs(world, Records)), ["m-2"])
      assert.deepStrictEqual(world.told, [canonicalId(1)])
    })
  )

  it.effect("IM-43 lists the messages of a work that nobody could be told of", () =>
    Effect.gen(function* () {
      const world = minterWorld(good, other)
      world.untellable.add(other)
      const Records = [notification("m-1", other), notification("m-2", good), notification("m-3", other)]
      assert.deepStrictEqual(listed(yield* sqs(world, Records)), ["m-1", "m-3"])
      assert.deepStrictEqual([...world.target.keys()], [canonicalId(1), canonicalId(2)])
      world.untellable.clear()
      // The message comes again: the work keeps its id, and the word gets through.
      assert.deepStrictEqual(listed(yield* sqs(world, [notification("m-1", other)])), [])
      assert.deepStrictEqual(world.told, [canonicalId(2), canonicalId(1)])
    })
  )

  it.effect("IM-46 tells nobody of a work that could not be indexed", () =>
    Effect.gen(function* () {
      const world = minterWorld(good, other)
      world.unindexable.add(good)
      assert.deepStrictEqual(listed(yield* sqs(world, [notification("m-1", good), notification("m-2", other)])), [
        "m-1"
      ])
      assert.deepStrictEqual(world.told, [canonicalId(2)])
    })
  )

  it.effect("tells once of two works with one id, and lists neither", () =>
    Effect.gen(function* () {
      const world = minterWorld(good)
      const successor = "Work[calm-record-id/77b9dab1]"
      const state = {
        sourceIdentifier: sourceIdentifier("Work", "calm-record-id", "77b9dab1"),
        predecessorIdentifier: sourceIdentifier("Work", "sierra-system-number", "b1161044x"),
        sourceModifiedTime: "2024-01-16T10:30:00Z"
      }
      world.source.set(successor, document(successor, { state }))
      assert.deepStrictEqual(listed(yield* sqs(world, [notification("m-1", successor), notification("m-2", good)])), [])
      assert.deepStrictEqual(world.told, [canonicalId(1)])
    })
  )
})

describe("a message that cannot be read", () => {
  const unreadable: ReadonlyArray<readonly [row: number, what: string, body: unknown]> = [
    [37, "an object without Message", { Type: "Notification", MessageId: "x" }],
    [37, "another spelling of it", { message: good }],
    [37, "no JSON", good],
    [37, "an empty body", ""],
    [37, "cut-off JSON", '{"Message":"Work['],
    [37, "null", "null"],
    [37, "an array", [{ Message: good }]],
    [37, "a text in JSON", JSON.stringify(JSON.stringify({ Message: good }))],
    [38, "a number", { Message: 7 }],
    [38, "null as Message", { Message: null }],
    [38, "an object as Message", { Message: { Message: good } }],
    [38, "an empty Message", { Message: "" }],
    [38, "a blank Message", { Message: "  " }],
    [38, "a line end as Message", { Message: "\r\n" }]
  ]
  for (const [row, what, body] of unreadable) {
    it.effect(`IM-${row} is listed, so that the queue keeps it, and fails alone: ${what}`, () =>
      Effect.gen(function* () {
        const world = minterWorld(good)
        assert.deepStrictEqual(listed(yield* sqs(world, [message("m-bad", body), notification("m-1", good)])), [
          "m-bad"
        ])
        assert.deepStrictEqual(world.told, [canonicalId(1)])
      })
    )
  }

  it.effect("IM-38 asks for nothing when there is no other in its batch", () =>
    Effect.gen(function* () {
      const world = minterWorld(good)
      const Records = unreadable.map(([, , body], index) => message(`m-${index}`, body))
      const all = Records.map(({ messageId }) => messageId)
      assert.deepStrictEqual(listed(yield* sqs(world, Records)), all)
      assert.deepStrictEqual(world.calls, [])
    })
  )
})

describe("infrastructure that fails", () => {
  const away = new ElasticsearchTransient({ cluster: "source", status: 503 })
  const faults: ReadonlyArray<readonly [what: string, happen: (world: MinterWorld) => void]> = [
    ["the source index", ({ works }) => void (works.fetch = () => Effect.fail(away))],
    [
      "the database",
      ({ identifiers }) =>
        void (identifiers.lookup = () => Effect.fail(new DatabaseTransient({ reason: "ECONNREFUSED" })))
    ],
    [
      "a breaker",
      ({ identifiers }) =>
        void (identifiers.lookup = () =>
          Effect.fail(new CircuitOpen({ upstream: "id-minter-database", retryAfterMillis: 1_000 })))
    ],
    [
      "the pool",
      ({ identifiers }) => void (identifiers.mint = () => Effect.fail(new IdPoolExhausted({ needed: 2, got: 0 })))
    ],
    [
      "the target index",
      ({ works }) =>
        void (works.index = (all) =>
          Effect.succeed(new Map(all.map(({ requestId }) => [requestId, Either.left(away)]))))
    ]
  ]
  for (const [what, happen] of faults) {
    it.effect(`IM-32 lists every message and throws nothing when it is ${what}; nobody is told`, () =>
      Effect.gen(function* () {
        const world = minterWorld(good, other)
        happen(world)
        const Records = [good, other, good].map((text, index) => notification(`m-${index}`, text))
        assert.deepStrictEqual(listed(yield* sqs(world, Records)), ["m-0", "m-1", "m-2"])
        assert.deepStrictEqual(world.told, [])
      })
    )
  }

  it.effect("lists only what was not finished, once a part is indexed", () =>
    Effect.gen(function* () {
      const world = minterWorld(good, other)
      const { index } = world.works
      world.works.index = (works, onIndexed) =>
        Effect.map(index(works.slice(0, 1), onIndexed), (outcomes) => {
          const failed = works.slice(1).map(({ requestId }) => [requestId, Either.left(away)] as const)
          return new Map([...outcomes, ...failed])
        })
      assert.deepStrictEqual(listed(yield* sqs(world, [notification("m-1", other), notification("m-2", good)])), [
        "m-2"
      ])
      assert.deepStrictEqual(world.told, [canonicalId(1)])
    })
  )
})
