/** Parked messages that stay: when they are tried again, and that a run tries each of them once. */
import { ReceiveMessageCommand } from "@aws-sdk/client-sqs"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { functions } from "../../../src/handlers/Functions.ts"
import * as SweeperLayer from "../../../src/layers/Staging/Sweeper.ts"
import { StagingQueues } from "../../../src/services/StagingQueues.ts"
import { conversation, inStaging } from "../../support/staging.ts"
import { breaking, depthOf, Engines, engines, mended, operations, quietly, seed } from "../../support/stagingEngines.ts"
import { nothing, parked, parking, sweep } from "../../support/stagingSweep.ts"

/** Its conversation is being worked on: it stays. */
const locked = seed(conversation({ conversation_status: "processing_reply" }))

/** Receives what is parked, as earlier runs did. */
const received = (times: number) =>
  quietly(async ({ queueUrls, sqs }) => {
    for (let count = 0; count < times; count += 1) {
      await sqs.send(new ReceiveMessageCommand({ QueueUrl: queueUrls.parking, VisibilityTimeout: 0 }))
    }
  })

const inputsOf = (operation: string) =>
  Effect.map(Engines, ({ calls }) => calls.filter((call) => call.operation === operation).map(({ input }) => input))

const hiddenFor = Effect.map(inputsOf("ChangeMessageVisibility"), (inputs) =>
  inputs.map((input) => input["VisibilityTimeout"])
)

describe("a parked message that stays", () => {
  it.layer(engines, { timeout: 30_000 })((it) => {
    for (const [before, seconds] of [
      [0, 30],
      [59, 30],
      [60, 300],
      [400, 300]
    ] as const) {
      it.effect(`is seen again after ${seconds} s when it was tried ${before} times before`, () =>
        Effect.gen(function* () {
          yield* locked
          yield* parking()
          yield* received(before)
          assert.deepStrictEqual(yield* sweep, { ...nothing, kept: 1 })
          assert.deepStrictEqual(yield* hiddenFor, [seconds])
          assert.strictEqual(yield* depthOf("parking"), 1)
        }).pipe(inStaging())
      )
    }

    it.effect("is no other run's while one works on it, which may take as long as its function has", () =>
      Effect.gen(function* () {
        yield* parking()
        yield* sweep
        const [input] = yield* inputsOf("ReceiveMessage")
        assert.strictEqual(input?.["VisibilityTimeout"], functions["staging-sweeper"].timeoutSeconds)
      }).pipe(inStaging())
    )

    it.effect("is tried once for all of its copies, and they are all seen again", () =>
      Effect.gen(function* () {
        yield* locked
        for (let count = 0; count < 4; count += 1) yield* parking()
        assert.deepStrictEqual(yield* sweep, { ...nothing, kept: 4 })
        assert.deepStrictEqual(yield* hiddenFor, [30, 30, 30, 30])
        assert.lengthOf(
          (yield* operations).filter((operation) => operation === "GetItem"),
          2,
          "the conversation and the tombstone, once each"
        )
      }).pipe(inStaging())
    )

    it.effect("is counted and left when the queue will not hear when to give it again", () =>
      Effect.gen(function* () {
        yield* locked
        yield* parking()
        yield* breaking("ChangeMessageVisibility", { error: "AccessDenied" })
        assert.deepStrictEqual(yield* sweep, { ...nothing, kept: 1 })
        yield* mended
        assert.strictEqual(yield* depthOf("parking"), 1)
      }).pipe(inStaging())
    )

    it.effect("is met once in a run, although the queue gives it again and again", () =>
      Effect.gen(function* () {
        yield* locked
        const real = yield* StagingQueues
        let looks = 0
        const generous = {
          ...real,
          parked: Effect.sync(() => {
            looks += 1
            return ["1", "2"].map((id) => ({ id, handle: `${id}-${looks}`, receives: looks, message: parked() }))
          }),
          keep: () => Effect.void
        }
        const world = Layer.provide(SweeperLayer.layer, Layer.succeed(StagingQueues, generous))
        assert.deepStrictEqual(yield* Effect.provide(sweep, world), { ...nothing, kept: 2 })
        assert.strictEqual(looks, 2)
      }).pipe(inStaging())
    )
  })
})
