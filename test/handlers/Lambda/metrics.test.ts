/** What an invocation measured is in the log when it has been answered, however it ended. */
import { afterEach, assert, describe, it, vi } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Lambda from "../../../src/handlers/Lambda.ts"
import * as Metrics from "../../../src/services/Metrics.ts"
import { type EmfDocument, emfFaults, measurementsIn } from "../../support/emf.ts"

class Refused extends Schema.TaggedError<Refused>()("Refused", {}) {}

const context = (awsRequestId: string, remaining = 5_000): Lambda.LambdaContext => ({
  awsRequestId,
  functionName: "test-function",
  getRemainingTimeInMillis: () => remaining
})

const handling = <B, E>(handle: (event: unknown, invocation: Lambda.Invocation<B>) => Effect.Effect<B, E>) =>
  Lambda.make({ layer: Layer.empty, warmUp: Metrics.count("Warmed"), namespace: "Test", event: Schema.Unknown, handle })

/** The lines that were written to stdout while the test ran. */
const output = (): (() => ReadonlyArray<string>) => {
  const written: Array<string> = []
  vi.spyOn(process.stdout, "write").mockImplementation((chunk) => written.push(String(chunk)) > 0)
  return () =>
    written
      .join("")
      .split("\n")
      .filter((line) => line.startsWith("{"))
}

/** The metric documents among lines; CloudWatch takes each of them. */
const documents = (lines: ReadonlyArray<string>): ReadonlyArray<EmfDocument> =>
  lines
    .filter((line) => line.includes('"_aws"'))
    .map((line) => {
      assert.deepStrictEqual(emfFaults(line), [])
      return JSON.parse(line) as EmfDocument
    })

const measured = (lines: ReadonlyArray<string>): ReadonlyArray<readonly [string, number]> =>
  documents(lines)
    .flatMap(measurementsIn)
    .map(({ name, value }) => [name, value])

/** The name of what an invocation failed with. */
const failure = (answer: Promise<unknown>): Promise<string> =>
  answer.then(
    () => "none",
    (error: unknown) => (error instanceof Error ? error.name : typeof error)
  )

const started = Metrics.count("Started")

describe("the metrics of an invocation", () => {
  afterEach(() => void vi.restoreAllMocks())

  it("are in the log when it has been answered, with the function's namespace and the invocation's id", async () => {
    const lines = output()
    const handler = await handling(() => Effect.as(Metrics.duration("Took", 12, { Type: "x" }), "done"))
    assert.strictEqual(await handler({}, context("r-1")), "done")
    const [document, ...rest] = documents(lines())
    assert.lengthOf(rest, 0)
    assert.include(document, { Took: 12, Type: "x", requestId: "r-1" })
    assert.strictEqual(document?._aws.CloudWatchMetrics[0]?.Namespace, "Test")
    assert.closeTo(document?._aws.Timestamp ?? 0, Date.now(), 60_000)
  })

  it("are split when there are more than 100, and none is lost", async () => {
    const lines = output()
    const handler = await handling(() =>
      Effect.forEach(
        Array.from({ length: 250 }, (_, index) => index),
        (index) => Metrics.duration(`M${index}`, index),
        { discard: true }
      )
    )
    await handler({}, context("r-1"))
    assert.deepStrictEqual(
      documents(lines()).map((document) => document._aws.CloudWatchMetrics[0]?.Metrics.length),
      [100, 100, 50]
    )
    assert.deepStrictEqual(
      measured(lines()),
      Array.from({ length: 250 }, (_, index) => [`M${index}`, index] as const)
    )
  })

  it("are split when one has more than 100 values, and none is lost", async () => {
    const lines = output()
    const handler = await handling(() => Effect.asVoid(Effect.replicateEffect(started, 250)))
    await handler({}, context("r-1"))
    assert.lengthOf(documents(lines()), 3)
    assert.lengthOf(measured(lines()), 250)
  })

  it("are there after a failure, a defect, a throw and an interruption", async () => {
    const endings: ReadonlyArray<readonly [string, Effect.Effect<never, Refused>]> = [
      ["Refused", Effect.fail(new Refused())],
      ["TypeError", Effect.die(new TypeError("broken"))],
      [
        "RangeError",
        Effect.sync(() => {
          throw new RangeError("broken")
        })
      ],
      ["InterruptedException", Effect.interrupt]
    ]
    for (const [name, ending] of endings) {
      const lines = output()
      const handler = await handling(() => Effect.zipRight(started, ending))
      assert.strictEqual(await failure(handler({}, context("r-1"))), name)
      assert.deepStrictEqual(measured(lines()), [["Started", 1]], name)
      vi.restoreAllMocks()
    }
  })

  it("are there when the time is over, with those of the handler's own end", async () => {
    const lines = output()
    const handler = await handling(() =>
      Effect.zipRight(started, Effect.never).pipe(Effect.onInterrupt(() => Metrics.count("Stopped")))
    )
    assert.strictEqual(await failure(handler({}, context("r-1", 600))), "DeadlineExceeded")
    assert.deepStrictEqual(measured(lines()), [
      ["Started", 1],
      ["Stopped", 1]
    ])
  })

  it("are there when the deadline's own answer is given", async () => {
    const lines = output()
    const handler = await handling<string, never>((_, { answerAtDeadline }) => {
      answerAtDeadline("half done")
      return Effect.zipRight(started, Effect.never)
    })
    assert.strictEqual(await handler({}, context("r-1", 600)), "half done")
    assert.deepStrictEqual(measured(lines()), [["Started", 1]])
  })

  it("are there when the handler cannot be stopped and the process ends", async () => {
    const lines = output()
    const exit = vi.spyOn(process, "exit").mockImplementation(() => {
      throw new Error("the process is gone")
    })
    const gate = Effect.runSync(Deferred.make<void>())
    const handler = await handling(() => Effect.uninterruptible(Effect.zipRight(started, Deferred.await(gate))))
    assert.strictEqual(await failure(handler({}, context("r-1", 600))), "Error")
    await Effect.runPromise(Deferred.succeed(gate, undefined))
    assert.deepStrictEqual(exit.mock.calls, [[1]])
    assert.deepStrictEqual(measured(lines()), [["Started", 1]])
  })

  it("are each invocation's own when several run at once", async () => {
    const lines = output()
    const gate = Effect.runSync(Deferred.make<void>())
    let waiting = 0
    const handler = await handling((event) =>
      Effect.gen(function* () {
        yield* Metrics.duration("Took", Number(event))
        waiting += 1
        if (waiting === 3) yield* Deferred.succeed(gate, undefined)
        yield* Deferred.await(gate)
      })
    )
    await Promise.all([1, 2, 3].map((event) => handler(event, context(`r-${event}`))))
    assert.sameDeepMembers(
      documents(lines()).map(({ Took, requestId }) => [requestId, Took]),
      [
        ["r-1", 1],
        ["r-2", 2],
        ["r-3", 3]
      ]
    )
  })

  it("are not those of the invocation before", async () => {
    const lines = output()
    const handler = await handling((event) => (event === "first" ? started : Effect.void))
    await handler("first", context("r-1"))
    await handler("second", context("r-2"))
    assert.deepStrictEqual(
      documents(lines()).map(({ requestId }) => requestId),
      ["r-1"]
    )
  })

  it("are there after a warm-up, and nothing is written when nothing was measured", async () => {
    const lines = output()
    const handler = await handling(() => Effect.void)
    await handler({}, context("r-1"))
    assert.deepStrictEqual(lines(), [])
    await handler({ warmup: true }, context("r-2"))
    assert.deepStrictEqual(measured(lines()), [["Warmed", 1]])
  })

  it("O-05 fail nothing when CloudWatch would not take one: it is counted, and the others are there", async () => {
    const lines = output()
    const handler = await handling(() =>
      Effect.all([Metrics.duration("Took", Number.NaN), Metrics.count("Type", { Type: "x" }), started])
    )
    await handler({}, context("r-1"))
    assert.deepStrictEqual(measured(lines()), [
      ["Started", 1],
      ["MetricsRefused", 2]
    ])
  })
})
