import { afterEach, assert, describe, it, vi } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import * as Lambda from "../../src/handlers/Lambda.ts"
import { withCorrelation } from "../../src/services/Correlation.ts"
import { remainingMillis } from "../../src/services/Deadline.ts"
import * as Metrics from "../../src/services/Metrics.ts"

class Greeting extends Context.Tag("test/Greeting")<Greeting, { readonly text: string }>() {}

class Refused extends Schema.TaggedError<Refused>()("Refused", {}) {}

const greeting = Layer.succeed(Greeting, { text: "hello" })

const base = { layer: greeting, warmUp: Effect.void, namespace: "Test" }

const context = (awsRequestId: string, remaining = 5_000): Lambda.LambdaContext => ({
  awsRequestId,
  functionName: "test-function",
  getRemainingTimeInMillis: () => remaining
})

/** Everything that was written to stdout while the test ran. */
const output = (): { readonly lines: () => ReadonlyArray<Record<string, unknown>>; readonly text: () => string } => {
  const written: Array<string> = []
  vi.spyOn(process.stdout, "write").mockImplementation((chunk) => {
    written.push(String(chunk))
    return true
  })
  const text = (): string => written.join("")
  return {
    text,
    lines: () =>
      text()
        .split("\n")
        .filter((line) => line.startsWith("{"))
        .map((line) => JSON.parse(line) as Record<string, unknown>)
  }
}

const rejection = async (promise: Promise<unknown>): Promise<Error> => {
  const failed = await promise.then(
    () => undefined,
    (error: unknown) => error
  )
  assert.instanceOf(failed, Error)
  return failed
}

describe("Lambda.make", () => {
  afterEach(() => void vi.restoreAllMocks())

  it("builds the layer once and answers with what the handler returns", async () => {
    let builds = 0
    const layer = Layer.effect(
      Greeting,
      Effect.sync(() => ({ text: `built ${(builds += 1)}` }))
    )
    const handler = await Lambda.make({
      ...base,
      layer,
      event: Schema.Struct({ name: Schema.String }),
      handle: ({ name }) => Effect.map(Greeting, ({ text }) => `${text} for ${name}`)
    })
    assert.strictEqual(builds, 1)
    assert.strictEqual(await handler({ name: "a" }, context("1")), "built 1 for a")
    assert.strictEqual(await handler({ name: "b" }, context("2")), "built 1 for b")
    assert.strictEqual(builds, 1)
  })

  it("answers a script that calls it without a context", async () => {
    const handler = await Lambda.make({ ...base, event: Schema.Unknown, handle: () => remainingMillis })
    assert.isAbove((await handler({})) as number, 29_000)
  })

  it("rejects a start that fails, and remembers nothing of it", async () => {
    let attempts = 0
    const layer = Layer.effect(
      Greeting,
      Effect.suspend(() => ((attempts += 1) === 1 ? Effect.fail(new Refused()) : Effect.succeed({ text: "up" })))
    )
    const options = { ...base, layer, event: Schema.Unknown, handle: () => Effect.map(Greeting, ({ text }) => text) }
    const failed = await rejection(Lambda.make(options))
    assert.strictEqual(failed.name, "StartFailed")
    const handler = await Lambda.make(options)
    assert.strictEqual(await handler({}, context("1")), "up")
  })

  it("names the settings that stop a start, and never their values", async () => {
    vi.stubEnv("PORT_UNDER_TEST", "hunter2")
    vi.stubEnv("EMPTY_UNDER_TEST", "")
    const start = (setting: Config.Config<unknown>) =>
      Lambda.make({
        ...base,
        layer: Layer.effect(Greeting, Effect.as(setting, { text: "" })),
        event: Schema.Unknown,
        handle: () => Effect.void
      })
    const invalid = await rejection(start(Config.integer("PORT_UNDER_TEST")))
    const missing = await rejection(start(Config.string("EMPTY_UNDER_TEST")))
    vi.unstubAllEnvs()
    assert.strictEqual(invalid.message, "The function cannot start: PORT_UNDER_TEST is not valid")
    assert.strictEqual(missing.message, "The function cannot start: EMPTY_UNDER_TEST is missing")
  })

  it("fails an event of the wrong shape with paths and expectations, without its values", async () => {
    const seen = output()
    const handler = await Lambda.make({
      ...base,
      event: Schema.Struct({ person: Schema.Struct({ age: Schema.Number }) }),
      handle: () => Effect.void
    })
    const failed = await rejection(handler({ person: { age: "secret@example.com" } }, context("1")))
    assert.strictEqual(failed.name, "InvalidEvent")
    assert.strictEqual(failed.message, "The event is not valid: person.age: expected a number")
    assert.notInclude(seen.text() + String(failed.stack), "secret@example.com")
  })

  it("rejects with the handler's own error, so that Lambda's errorType is its tag", async () => {
    output()
    const handler = await Lambda.make({ ...base, event: Schema.Unknown, handle: () => Effect.fail(new Refused()) })
    assert.strictEqual((await rejection(handler({}, context("1")))).name, "Refused")
  })

  it("logs a defect as one, with its stack and without its message", async () => {
    const seen = output()
    const handler = await Lambda.make({
      ...base,
      event: Schema.Unknown,
      handle: () => Effect.die(new TypeError("person@example.com is not iterable"))
    })
    assert.strictEqual((await rejection(handler({}, context("r-9")))).name, "TypeError")
    const line = seen.lines().find(({ defect }) => defect === true)
    assert.include(line, { level: "ERROR", requestId: "r-9", function: "test-function", errorType: "TypeError" })
    assert.notInclude(seen.text(), "person@example.com")
  })

  it("keeps the correlation ids of 30 concurrent invocations apart (O-02)", async () => {
    const seen = output()
    const gate = Effect.runSync(Deferred.make<void>())
    let waiting = 0
    const handler = await Lambda.make({
      ...base,
      event: Schema.Struct({ id: Schema.String }),
      handle: ({ id }) =>
        Effect.gen(function* () {
          waiting += 1
          if (waiting === 30) yield* Deferred.succeed(gate, undefined)
          yield* Deferred.await(gate)
          yield* Effect.logInfo(`work of ${id}`)
          return id
        }).pipe(withCorrelation(id))
    })
    const ids = Array.from({ length: 30 }, (_, index) => `c-${index}`)
    const answers = await Promise.all(ids.map((id) => handler({ id }, context(`r-${id}`))))
    assert.deepStrictEqual(answers, ids)
    const lines = seen.lines()
    assert.lengthOf(lines, 30)
    for (const line of lines) {
      assert.strictEqual(line["message"], `work of ${String(line["correlationId"])}`)
      assert.strictEqual(line["requestId"], `r-${String(line["correlationId"])}`)
    }
  })

  it("gives the handler the time that is left, less the reserve", async () => {
    const handler = await Lambda.make({ ...base, event: Schema.Unknown, handle: () => remainingMillis })
    const left = await handler({}, context("1", 3_000))
    assert.isNumber(left)
    assert.isAtMost(left as number, 2_500)
    assert.isAbove(left as number, 2_000)
  })

  it("interrupts a handler that runs out of time and answers DeadlineExceeded", async () => {
    const seen = output()
    let released = false
    const handler = await Lambda.make({
      ...base,
      event: Schema.Unknown,
      handle: () => Effect.never.pipe(Effect.ensuring(Effect.sync(() => (released = true))))
    })
    const failed = await rejection(handler({}, context("1", 550)))
    assert.strictEqual(failed.name, "DeadlineExceeded")
    assert.isTrue(released)
    assert.isTrue(seen.lines().some(({ message }) => JSON.stringify(message).includes("ran out of time")))
  })

  it("serves an invocation whose time seems to be over as it begins: our clock is wrong then", async () => {
    const handler = await Lambda.make({
      ...base,
      event: Schema.Unknown,
      handle: () => Effect.delay(Effect.succeed("served"), "20 millis")
    })
    for (const remaining of [0, -15_000]) assert.strictEqual(await handler({}, context("r-1", remaining)), "served")
  })

  it("answers what the handler set for the deadline", async () => {
    output()
    const handler = await Lambda.make({
      ...base,
      event: Schema.Unknown,
      handle: (_, invocation: Lambda.Invocation<string>) => {
        invocation.answerAtDeadline("half done")
        return Effect.never
      }
    })
    assert.strictEqual(await handler({}, context("1", 500)), "half done")
  })

  it("flushes an invocation's metrics, also when it is interrupted", async () => {
    const seen = output()
    const handler = await Lambda.make({
      ...base,
      event: Schema.Unknown,
      handle: () => Effect.zipRight(Metrics.count("Started", { Type: "x" }), Effect.never)
    })
    await rejection(handler({}, context("1", 510)))
    const metric = seen.lines().find((line) => "_aws" in line)
    assert.include(metric, { Started: 1, Type: "x", requestId: "1" })
  })

  it("W-01 answers a warm-up without touching the handler, and a scheduled event only where asked", async () => {
    let warmed = 0
    const options = {
      ...base,
      warmUp: Effect.sync(() => void (warmed += 1)),
      event: Schema.Unknown,
      handle: () => Effect.succeed("handled")
    }
    const scheduled = { source: "aws.events", "detail-type": "Scheduled Event", detail: {} }
    const plain = await Lambda.make(options)
    assert.deepStrictEqual(await plain({ warmup: true }, context("1")), { warmed: true })
    assert.strictEqual(await plain(scheduled, context("2")), "handled")
    assert.strictEqual(await plain({ warmup: "true" }, context("3")), "handled")
    const both = await Lambda.make({ ...options, scheduledWarmUp: true })
    assert.deepStrictEqual(await both(scheduled, context("4")), { warmed: true })
    assert.strictEqual(warmed, 2)
  })

  it("draws randomness from the operating system", async () => {
    const handler = await Lambda.make({
      ...base,
      event: Schema.Unknown,
      handle: () =>
        Effect.all([Random.next, Random.nextIntBetween(3, 5), Random.nextBoolean, Random.shuffle([1, 2, 3])])
    })
    const draw = await handler({}, context("1"))
    assert.notDeepEqual(draw, await handler({}, context("2")))
  })
})
