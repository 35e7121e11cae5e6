/** Row 25: processing that does not end is stopped before Lambda stops it, and what is known by then is answered. */
import { afterEach, assert, describe, it, vi } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import * as Sqs from "../../../src/handlers/IdMinter/Sqs.ts"
import * as StepFunction from "../../../src/handlers/IdMinter/StepFunction.ts"
import * as Lambda from "../../../src/handlers/Lambda.ts"
import { bounded, DeadlineExceeded } from "../../../src/handlers/Lambda/invocation.ts"
import type { MintResponse } from "../../../src/schemas/IdMinter.ts"
import { type SqsBatchResult, SqsEvent } from "../../../src/schemas/LambdaEvent.ts"
import { canonicalId, invocationOf, minterOver, type MinterWorld, minterWorld } from "../../support/minter.ts"
import { failureOf, listed, measuring, notification, sqs, stepFunction } from "../../support/minterCalls.ts"

const works = ["Work[a/1]", "Work[a/2]", "Work[a/3]"]

/** A world whose target index takes a number of works, and then says nothing any more. */
const hangingAfter = (count: number): MinterWorld => {
  const world = minterWorld(...works)
  const { index } = world.works
  world.works.index = (all, onIndexed) => Effect.zipRight(index(all.slice(0, count), onIndexed), Effect.never)
  return world
}

/** A world in which whoever follows takes a number of ids, and then says nothing any more. */
const untoldAfter = (count: number): MinterWorld => {
  const world = minterWorld(...works)
  const { notify } = world.downstream
  world.downstream.notify = (ids, onSent) => Effect.zipRight(notify([...ids].slice(0, count), onSent), Effect.never)
  return world
}

/** Runs a call as the adapter does, with half a minute until Lambda's limit, and tells what it measured. */
const outOfTime = <A, E, R>(call: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const running = yield* Effect.fork(measuring(bounded(call, { budgetMillis: 29_500, graceMillis: 250 })))
    yield* TestClock.adjust("29499 millis")
    assert.isTrue(Option.isNone(yield* Fiber.poll(running)))
    yield* TestClock.adjust("1 millis")
    const { answer, measurements } = yield* Fiber.join(running)
    const { exit, hung } = yield* answer
    assert.isFalse(hung)
    assert.isTrue(Exit.isFailure(exit) && Cause.squash(exit.cause) instanceof DeadlineExceeded)
    return Object.fromEntries(measurements.map(({ name, value }) => [name.replace("id_minter.", ""), value]))
  })

const payload = { sourceIdentifiers: [...works, "gone"], jobId: "j", includeCanonicalIds: true }

describe("a request that runs out of time", () => {
  const hanging: ReadonlyArray<readonly [what: string, world: () => MinterWorld]> = [
    [
      "the source index",
      () => {
        const world = minterWorld(...works)
        world.works.fetch = () => Effect.never
        return world
      }
    ],
    [
      "the database",
      () => {
        const world = minterWorld(...works)
        world.identifiers.mint = () => Effect.never
        return world
      }
    ],
    ["the target index", () => hangingAfter(0)]
  ]
  for (const [what, world] of hanging) {
    it.effect(`IM-25 is thrown when ${what} never answers, and no answer stands in for it`, () =>
      Effect.gen(function* () {
        const invocation = invocationOf<MintResponse>()
        const figures = yield* outOfTime(stepFunction(world(), payload, invocation))
        assert.deepStrictEqual(invocation.answers, [])
        assert.deepStrictEqual(figures, { processing_time: 29_500, batch_size: 4, success_count: 0, failure_count: 4 })
      })
    )
  }

  it.effect("IM-25 is answered with what was indexed by then, and all others as failures", () =>
    Effect.gen(function* () {
      const invocation = invocationOf<MintResponse>()
      const figures = yield* outOfTime(stepFunction(hangingAfter(2), payload, invocation))
      assert.lengthOf(invocation.answers, 2)
      assert.deepStrictEqual(invocation.answers.at(-1), {
        successes: works.slice(0, 2),
        failures: ["Work[a/3]", "gone"].map(failureOf),
        identifiers: works.slice(0, 2).map((sourceIdentifier, index) => ({
          sourceIdentifier,
          canonicalId: canonicalId(index + 1)
        })),
        jobId: "j"
      })
      assert.deepStrictEqual(figures, { processing_time: 29_500, batch_size: 4, success_count: 2, failure_count: 2 })
    })
  )

  it.effect("IM-25 is thrown as the health check, too, when a dependency never answers", () =>
    Effect.gen(function* () {
      const world = minterWorld()
      world.identifiers.ping = Effect.never
      const invocation = invocationOf<MintResponse>()
      const check = { sourceIdentifiers: ["test-health-check"], jobId: "health-check" }
      assert.deepStrictEqual(yield* outOfTime(stepFunction(world, check, invocation)), {})
      assert.deepStrictEqual(invocation.answers, [])
    })
  )
})

describe("a batch of messages that runs out of time", () => {
  const Records = [...works, "Work[a/1]", "gone"].map((text, index) => notification(`m-${index}`, text))
  const all = Records.map(({ messageId }) => messageId)

  it.effect("IM-25 is answered with every message, while nobody is told of any work", () =>
    Effect.gen(function* () {
      for (const world of [hangingAfter(0), hangingAfter(2), untoldAfter(0)]) {
        const invocation = invocationOf<SqsBatchResult>()
        const figures = yield* outOfTime(sqs(world, Records, invocation))
        assert.deepStrictEqual(invocation.answers.map(listed).at(-1), all)
        assert.deepInclude(figures, { batch_size: 4, success_count: 0, failure_count: 4 })
      }
    })
  )

  it.effect("IM-25 is answered without the messages of works that somebody was told of", () =>
    Effect.gen(function* () {
      const invocation = invocationOf<SqsBatchResult>()
      const figures = yield* outOfTime(sqs(untoldAfter(2), Records, invocation))
      assert.deepStrictEqual(invocation.answers.map(listed), [all, ["m-1", "m-2", "m-4"], ["m-2", "m-4"]])
      assert.deepStrictEqual(figures, { processing_time: 29_500, batch_size: 4, success_count: 2, failure_count: 2 })
    })
  )
})

describe("the whole function, out of time", () => {
  afterEach(() => void vi.restoreAllMocks())

  /** What was written to stdout. */
  const output = (): { readonly text: () => string } => {
    const written: Array<string> = []
    vi.spyOn(process.stdout, "write").mockImplementation((chunk) => written.push(String(chunk)) > 0)
    return { text: () => written.join("") }
  }

  const context = { awsRequestId: "r-1", functionName: "id-minter", getRemainingTimeInMillis: () => 550 }

  const stepFunctionOver = (world: MinterWorld) =>
    Lambda.make({
      layer: minterOver(world),
      warmUp: StepFunction.warmUp,
      namespace: "id_minter",
      event: Schema.Unknown,
      handle: StepFunction.handle
    })

  it("IM-25 rejects a request with DeadlineExceeded, or answers it as far as it got", async () => {
    const seen = output()
    const failed = await (await stepFunctionOver(hangingAfter(0)))(payload, context).catch((error: unknown) => error)
    assert.instanceOf(failed, Error)
    assert.strictEqual(failed.name, "DeadlineExceeded")
    const answer = await (await stepFunctionOver(hangingAfter(3)))(payload, context)
    assert.deepInclude(answer, { successes: works, failures: [failureOf("gone")] })
    assert.include(seen.text(), '"id_minter.success_count":3')
  })

  it("IM-25 answers a batch of messages with those that come again", async () => {
    const seen = output()
    const handler = await Lambda.make({
      layer: minterOver(untoldAfter(1)),
      warmUp: Effect.void,
      namespace: "id_minter",
      event: SqsEvent,
      handle: Sqs.handle
    })
    const Records = works.map((text, index) => notification(`m-${index}`, text))
    assert.deepStrictEqual(await handler({ Records }, context), {
      batchItemFailures: [{ itemIdentifier: "m-1" }, { itemIdentifier: "m-2" }]
    })
    assert.include(seen.text(), '"id_minter.failure_count":2')
  })
})
