/** Rows 43 and 44: whoever follows is told of every id once, over a real queue, and what was not taken is known. */
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { layer, makeSqs } from "../../../src/layers/IdMinter/Downstream.ts"
import type { CanonicalId } from "../../../src/schemas/IdMinter.ts"
import { withCorrelation } from "../../../src/services/Correlation.ts"
import { Downstream } from "../../../src/services/Downstream.ts"
import { LogSink } from "../../../src/services/LogSink.ts"
import { DownstreamQueue, downstreamQueue, type DownstreamQueueShape } from "../../support/downstreamQueue.ts"
import { movableClock } from "../../support/movableClock.ts"
import { canonicalId, minterWorld } from "../../support/minter.ts"
import { listed, notification, sqs } from "../../support/minterCalls.ts"

const idsOf = (count: number): ReadonlyArray<CanonicalId> =>
  Array.from({ length: count }, (_, index) => canonicalId(index + 1))

/** Retries are not waited for; how long they would have been is kept. */
const impatient = (waits: Array<number> = []) => {
  const clock = movableClock(0)
  return Effect.withClock({
    ...clock,
    sleep: (duration) => {
      const millis = Duration.toMillis(duration)
      // A longer one is a limit of time.
      return millis < 1_000 ? Effect.sync(() => void waits.push(millis)) : clock.sleep(duration)
    }
  })
}

/** Tells of ids, and answers what was taken and what was not, with the number of the calls. */
const notify = (queue: DownstreamQueueShape, ids: Iterable<CanonicalId>, waits: Array<number> = []) =>
  Effect.gen(function* () {
    const sent: Array<CanonicalId> = []
    const refused = yield* makeSqs(queue.client, queue.url).notify(ids, (id) => void sent.push(id))
    return {
      sent: sent.toSorted(),
      refused: Object.fromEntries([...refused].map(([id, { reason }]) => [id, reason])),
      calls: queue.calls.length
    }
  }).pipe(impatient(waits))

const bodiesOf = (ids: ReadonlyArray<string>) => ids.map((Message) => ({ Message }))

/** The bodies in the queue, in the order of the ids. */
const bodiesIn = (queue: DownstreamQueueShape) =>
  Effect.map(queue.received, (messages) =>
    messages
      .map(({ body }) => body as { readonly Message: string })
      .toSorted((a, b) => (a.Message < b.Message ? -1 : 1))
  )

const fresh = Effect.tap(DownstreamQueue, ({ reset }) => reset)

const named = (name: string, status: number): Error =>
  Object.assign(new Error("with a body in it"), { name, $metadata: { httpStatusCode: status } })

describe("a queue", () => {
  it.layer(downstreamQueue, { timeout: 30_000 })((it) => {
    it.effect("IM-44 gets 25 ids in calls of ten, ten and five, each id once", () =>
      Effect.gen(function* () {
        const queue = yield* fresh
        const ids = idsOf(25)
        assert.deepStrictEqual(yield* notify(queue, ids), { sent: [...ids], refused: {}, calls: 3 })
        assert.sameMembers(
          queue.calls.map((call) => call.length),
          [10, 10, 5]
        )
        assert.sameMembers(queue.calls.flat(), [...ids])
        assert.deepStrictEqual(yield* bodiesIn(queue), bodiesOf(ids))
      })
    )

    it.effect("is not called at all for no id", () =>
      Effect.gen(function* () {
        const queue = yield* fresh
        assert.deepStrictEqual(yield* notify(queue, []), { sent: [], refused: {}, calls: 0 })
      })
    )

    it.effect("gets an id once that it is given several times", () =>
      Effect.gen(function* () {
        const queue = yield* fresh
        assert.deepStrictEqual(
          yield* notify(
            queue,
            Array.from({ length: 12 }, () => canonicalId(1))
          ),
          {
            sent: [canonicalId(1)],
            refused: {},
            calls: 1
          }
        )
        assert.deepStrictEqual(yield* bodiesIn(queue), bodiesOf([canonicalId(1)]))
      })
    )

    it.effect("gets the correlation id of the batch with each message", () =>
      Effect.gen(function* () {
        const queue = yield* fresh
        yield* notify(queue, idsOf(2)).pipe(withCorrelation("r-1"))
        const messages = yield* queue.received
        assert.deepStrictEqual(
          messages.map(({ correlationId }) => correlationId),
          ["r-1", "r-1"]
        )
      })
    )

    it.effect("IM-43 that will not have a message is not asked again: the sender is at fault", () =>
      Effect.gen(function* () {
        const queue = yield* fresh
        const ids = idsOf(12)
        queue.refuse = (id) =>
          id === canonicalId(3) ? { code: "InvalidMessageContents", senderFault: true } : undefined
        assert.deepStrictEqual(yield* notify(queue, ids), {
          sent: ids.filter((id) => id !== canonicalId(3)),
          refused: { [canonicalId(3)]: "InvalidMessageContents" },
          calls: 2
        })
        assert.lengthOf(yield* queue.received, 11)
      })
    )

    it.effect("IM-43 is asked again for those messages alone that it could not take", () =>
      Effect.gen(function* () {
        const queue = yield* fresh
        const waits: Array<number> = []
        const ids = idsOf(10)
        const throttled = [canonicalId(2), canonicalId(9)]
        queue.refuse = (id, call) =>
          (call === 1 && throttled.some((one) => one === id)) || (call === 2 && id === canonicalId(9))
            ? { code: "ThrottlingException" }
            : undefined
        assert.deepStrictEqual(yield* notify(queue, ids, waits), { sent: [...ids], refused: {}, calls: 3 })
        assert.deepStrictEqual(queue.calls.slice(1), [throttled, [canonicalId(9)]])
        assert.lengthOf(waits, 2)
        assert.deepStrictEqual(yield* bodiesIn(queue), bodiesOf(ids))
      })
    )

    it.effect("IM-43 is not asked for ever", () =>
      Effect.gen(function* () {
        const queue = yield* fresh
        const waits: Array<number> = []
        queue.refuse = (id) => (id === canonicalId(1) ? { code: "InternalFailure" } : undefined)
        assert.deepStrictEqual(yield* notify(queue, idsOf(3), waits), {
          sent: [canonicalId(2), canonicalId(3)],
          refused: { [canonicalId(1)]: "InternalFailure" },
          calls: 4
        })
        for (const [index, base] of [50, 100, 200].entries()) {
          assert.isAtLeast(waits[index] ?? 0, base * 0.8)
          assert.isAtMost(waits[index] ?? 0, base * 1.2)
        }
      })
    )

    it.effect("that does not name a message in its answer may have lost it: it is sent again", () =>
      Effect.gen(function* () {
        const queue = yield* fresh
        queue.answer = (answer, call) =>
          call === 1 ? { ...answer, Successful: (answer.Successful ?? []).slice(1) } : answer
        assert.deepStrictEqual(yield* notify(queue, idsOf(3)), { sent: [...idsOf(3)], refused: {}, calls: 2 })
        assert.deepStrictEqual(queue.calls[1], [canonicalId(1)])
        // Told twice is harmless, told never is not.
        assert.lengthOf(yield* queue.received, 4)
      })
    )

    it.effect("that never names a message has not taken it", () =>
      Effect.gen(function* () {
        const queue = yield* fresh
        queue.answer = ({ $metadata }) => ({ $metadata, Successful: undefined, Failed: undefined })
        const refused = { [canonicalId(1)]: "unknown" }
        assert.deepStrictEqual(yield* notify(queue, idsOf(1)), { sent: [], refused, calls: 4 })
      })
    )

    it.effect("IM-43 that fails for a moment is called again with all of the messages", () =>
      Effect.gen(function* () {
        const queue = yield* fresh
        queue.fail = (call) => (call <= 2 ? named("ServiceUnavailable", 503) : undefined)
        assert.deepStrictEqual(yield* notify(queue, idsOf(2)), { sent: [...idsOf(2)], refused: {}, calls: 3 })
      })
    )

    it.effect("IM-43 that keeps failing fails the messages of that call, and no others", () =>
      Effect.gen(function* () {
        const queue = yield* fresh
        const ids = idsOf(15)
        queue.fail = (call) =>
          queue.calls[call - 1]?.includes(canonicalId(15)) === true ? named("InternalFailure", 500) : undefined
        const { calls, refused, sent } = yield* notify(queue, ids)
        assert.deepStrictEqual(sent, ids.slice(0, 10))
        assert.deepStrictEqual(refused, Object.fromEntries(ids.slice(10).map((id) => [id, "InternalFailure"])))
        assert.strictEqual(calls, 5)
      })
    )

    it.effect("IM-43 that does not exist is not called again, and fails every message", () =>
      Effect.gen(function* () {
        const queue = yield* fresh
        const gone = { ...queue, url: `${queue.url}-that-nobody-made`, calls: queue.calls }
        const { refused, sent, calls } = yield* notify(gone, idsOf(2))
        assert.deepStrictEqual([sent, Object.keys(refused), calls], [[], [...idsOf(2)], 1])
      })
    )

    it.effect("IM-43 IM-44 behind the function: the messages of what it did not take come again, no others", () =>
      Effect.gen(function* () {
        const queue = yield* fresh
        const works = Array.from({ length: 25 }, (_, index) => `Work[a/${index + 1}]`)
        const world = minterWorld(...works)
        world.downstream.notify = makeSqs(queue.client, queue.url).notify
        queue.refuse = (id) =>
          id === canonicalId(7) ? { code: "InvalidMessageContents", senderFault: true } : undefined
        const Records = works.map((work, index) => notification(`m-${index + 1}`, work))
        assert.deepStrictEqual(listed(yield* sqs(world, Records).pipe(impatient())), ["m-7"])
        assert.lengthOf(queue.calls, 3)
        assert.deepStrictEqual(yield* bodiesIn(queue), bodiesOf(idsOf(25).filter((id) => id !== canonicalId(7))))
      })
    )
  })
})

describe("the setting", () => {
  /** What is written where somebody is told of ids by the layer under these settings. */
  const told = (settings: Readonly<Record<string, string>>, ids: ReadonlyArray<CanonicalId>) =>
    Effect.suspend(() => {
      const lines: Array<string> = []
      const sent: Array<string> = []
      const provider = ConfigProvider.fromMap(new Map(Object.entries(settings)))
      return Effect.flatMap(Downstream, ({ notify }) => notify(ids, (id) => void sent.push(id))).pipe(
        Effect.map((refused) => ({ lines, sent, refused: refused.size })),
        Effect.provide(
          Layer.provide(layer, [
            Layer.succeed(LogSink, { writeLine: (line) => void lines.push(line) }),
            Layer.setConfigProvider(provider)
          ])
        )
      )
    })

  const twice = [...idsOf(2), canonicalId(1)]

  it.effect("stdio writes a line for each id, once", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* told({ use_downstream: "stdio" }, twice), {
        lines: ['{"Message":"m0000001"}', '{"Message":"m0000002"}'],
        sent: [...idsOf(2)],
        refused: 0
      })
    })
  )

  it.effect("none tells nobody, and that is done", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* told({ use_downstream: "none" }, twice), {
        lines: [],
        sent: [...idsOf(2)],
        refused: 0
      })
    })
  )

  it.effect("sqs opens no connection while it is read", () =>
    Effect.gen(function* () {
      const settings = { use_downstream: "sqs", downstream_queue_url: "https://sqs.eu-west-1.amazonaws.com/0/works" }
      assert.deepStrictEqual(yield* told(settings, []), { lines: [], sent: [], refused: 0 })
    })
  )

  it.effect("sns, or sqs without a queue, is refused at the start", () =>
    Effect.gen(function* () {
      for (const settings of [{ use_downstream: "sns" }, { use_downstream: "sqs" }, {}]) {
        assert.strictEqual((yield* Effect.either(told(settings, [])))._tag, "Left")
      }
    })
  )
})
