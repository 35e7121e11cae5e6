import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import { batch } from "../../../src/handlers/Lambda/Sqs.ts"
import type { SqsBatchResult, SqsRecord } from "../../../src/schemas/LambdaEvent.ts"
import { Correlation } from "../../../src/services/Correlation.ts"
import { Deadline } from "../../../src/services/Deadline.ts"

const Message = Schema.Struct({ name: Schema.String })

const record = (messageId: string, body: unknown, group?: string): SqsRecord => ({
  messageId,
  body: typeof body === "string" ? body : JSON.stringify(body),
  ...(group === undefined ? {} : { attributes: { MessageGroupId: group } }),
  messageAttributes: { correlationId: { stringValue: `correlation-${messageId}` } }
})

const named = (name: string) => record(name, { name })

/** Keeps the last answer set for the deadline. */
const invocation = () => {
  const answers: Array<SqsBatchResult> = []
  return { answers, requestId: "r-1", answerAtDeadline: (answer: SqsBatchResult) => void answers.push(answer) }
}

const failures = (result: SqsBatchResult | undefined): ReadonlyArray<string> =>
  (result?.batchItemFailures ?? []).map(({ itemIdentifier }) => itemIdentifier)

const failOn = (...names: ReadonlyArray<string>) =>
  batch({
    message: Message,
    concurrency: 2,
    handle: ({ name }) => (names.includes(name) ? Effect.fail(`${name} failed`) : Effect.void)
  })

describe("an SQS batch", () => {
  it.effect("F-10 answers an empty batch with nothing to retry", () =>
    Effect.map(failOn()({ Records: [] }, invocation()), (result) =>
      assert.deepStrictEqual(result, { batchItemFailures: [] })
    )
  )

  it.effect("lists exactly the messages that failed", () =>
    Effect.map(failOn("b")({ Records: ["a", "b", "c"].map(named) }, invocation()), (result) =>
      assert.deepStrictEqual(failures(result), ["b"])
    )
  )

  it.effect("lets a poison body fail alone, whatever is in it", () =>
    Effect.gen(function* () {
      const Records = [named("a"), record("poison", "{not json"), record("wrong", { name: 7 }), named("z")]
      assert.deepStrictEqual(failures(yield* failOn()({ Records }, invocation())), ["poison", "wrong"])
    })
  )

  it.effect("lets a defect fail its message only", () =>
    Effect.gen(function* () {
      const run = batch({
        message: Message,
        concurrency: 1,
        handle: ({ name }) => (name === "b" ? Effect.die(new Error("bug")) : Effect.void)
      })
      assert.deepStrictEqual(failures(yield* run({ Records: ["a", "b", "c"].map(named) }, invocation())), ["b"])
    })
  )

  it.effect("stops a FIFO group at its first failure and goes on with the others", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const run = batch({
        message: Message,
        concurrency: 1,
        fifo: true,
        handle: ({ name }) => {
          seen.push(name)
          return name === "g2" ? Effect.fail("no") : Effect.void
        }
      })
      const Records = [
        record("g1", { name: "g1" }, "g"),
        record("h1", { name: "h1" }, "h"),
        record("g2", { name: "g2" }, "g"),
        record("g3", { name: "g3" }, "g"),
        record("h2", { name: "h2" }, "h")
      ]
      assert.deepStrictEqual(failures(yield* run({ Records }, invocation())), ["g2", "g3"])
      assert.deepStrictEqual(seen, ["g1", "g2", "h1", "h2"])
      // Nothing is remembered: the same batch again starts over.
      assert.deepStrictEqual(failures(yield* run({ Records: [named("g3")] }, invocation())), [])
    })
  )

  it.effect("does not start a message without time for it", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const run = batch({
        message: Message,
        concurrency: 1,
        minimumMillis: 400,
        handle: ({ name }) =>
          Effect.zipRight(
            Effect.sync(() => seen.push(name)),
            Effect.sleep("300 millis")
          )
      })
      const now = yield* Clock.currentTimeMillis
      const running = yield* Effect.fork(
        Effect.provideService(run({ Records: ["a", "b", "c", "d"].map(named) }, invocation()), Deadline, now + 1_000)
      )
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(failures(yield* Fiber.join(running)), ["d"])
      assert.deepStrictEqual(seen, ["a", "b", "c"])
    })
  )

  it.effect("has an answer ready for the deadline at any moment: what is not done comes again", () =>
    Effect.gen(function* () {
      const seen = invocation()
      const run = batch({
        message: Message,
        concurrency: 1,
        handle: ({ name }) => (name === "b" ? Effect.never : Effect.void)
      })
      const running = yield* Effect.fork(run({ Records: ["a", "b", "c"].map(named) }, seen))
      yield* TestClock.adjust("1 seconds")
      assert.deepStrictEqual(failures(seen.answers.at(0)), ["a", "b", "c"])
      assert.deepStrictEqual(failures(seen.answers.at(-1)), ["b", "c"])
      yield* Fiber.interrupt(running)
    })
  )

  it.effect("gives each message its own correlation id", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const run = batch({
        message: Message,
        concurrency: 3,
        handle: () => Effect.map(Correlation, (id) => void seen.push(id))
      })
      yield* run({ Records: ["a", "b"].map(named) }, invocation())
      assert.deepStrictEqual(seen.toSorted(), ["correlation-a", "correlation-b"])
    })
  )
})
