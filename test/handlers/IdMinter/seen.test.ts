/** Contract 1.10: the metrics and log lines of the id minter, and what must never be in them. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import { DatabaseTransient } from "../../../src/schemas/DatabaseError.ts"
import type { Measurement } from "../../../src/services/Metrics.ts"
import { minterWorld } from "../../support/minter.ts"
import { measuring, message, notification, sqs, stepFunction } from "../../support/minterCalls.ts"
import { type Line, written } from "../../support/logs.ts"

const first = "Work[sierra-system-number/b1161044x]"
const second = "Work[miro-image-number/V0044178ER]"

const lost = new DatabaseTransient({ errno: 1213, reason: "ER_LOCK_DEADLOCK" })

/** What a batch is measured by, where it took no time. */
const figures = (name: string, size: number, successes: number): ReadonlyArray<Measurement> => {
  const dimensions = { interface: name }
  return [
    { name: "id_minter.processing_time", unit: "Milliseconds", value: 0, dimensions },
    { name: "id_minter.batch_size", unit: "Count", value: size, dimensions },
    { name: "id_minter.success_count", unit: "Count", value: successes, dimensions },
    { name: "id_minter.failure_count", unit: "Count", value: size - successes, dimensions }
  ]
}

describe("the metrics", () => {
  it.effect("of a request count its works once, however often and however spelled they are in it", () =>
    Effect.gen(function* () {
      const sourceIdentifiers = [first, "gone", `${first}\n`, second, first]
      const { measurements } = yield* measuring(stepFunction(minterWorld(first, second), { sourceIdentifiers }))
      assert.deepStrictEqual(measurements, figures("stepfunction", 3, 2))
    })
  )

  it.effect("of a request that is thrown count all of its works as failures", () =>
    Effect.gen(function* () {
      const world = minterWorld(first, second)
      world.identifiers.lookup = () => Effect.fail(lost)
      const { answer, measurements } = yield* measuring(stepFunction(world, { sourceIdentifiers: [first, second] }))
      assert.strictEqual(answer._tag, "Left")
      assert.deepStrictEqual(measurements, figures("stepfunction", 2, 0))
    })
  )

  it.effect("of a mistake in the code count all works as failures, too", () =>
    Effect.gen(function* () {
      const world = minterWorld(first)
      world.works.fetch = () => Effect.die(new TypeError("a mistake"))
      const { answer, measurements } = yield* measuring(
        Effect.exit(stepFunction(world, { sourceIdentifiers: [first] }))
      )
      assert.isTrue(Exit.isFailure(yield* answer))
      assert.deepStrictEqual(measurements, figures("stepfunction", 1, 0))
    })
  )

  it.effect("of a batch of messages count a work that nobody could be told of as a failure", () =>
    Effect.gen(function* () {
      const world = minterWorld(first, second)
      world.untellable.add(second)
      const Records = [first, second, first, "gone"].map((text, index) => notification(`m-${index}`, text))
      const { measurements } = yield* measuring(sqs(world, [...Records, message("m-bad", "no JSON")]))
      assert.deepStrictEqual(measurements, figures("sqs", 3, 1))
    })
  )

  it.effect("are none of a request that breaks a rule, of a batch without a work, and of a health check", () =>
    Effect.gen(function* () {
      const world = minterWorld()
      const ill = minterWorld()
      ill.identifiers.ping = Effect.fail(lost)
      const check = { sourceIdentifiers: ["test-health-check"], jobId: "health-check" }
      const calls: ReadonlyArray<Effect.Effect<unknown, unknown>> = [
        stepFunction(world, { sourceIdentifiers: [] }),
        stepFunction(world, null),
        stepFunction(world, check),
        stepFunction(ill, check),
        sqs(world, []),
        sqs(world, [message("m-1", "no JSON")])
      ]
      for (const call of calls) assert.deepStrictEqual((yield* measuring(call)).measurements, [])
    })
  )

  it.effect("become one document of CloudWatch's format, by the interface alone", () =>
    Effect.gen(function* () {
      const { text } = yield* written(stepFunction(minterWorld(first), { sourceIdentifiers: [first, "gone"] }))
      const documents = text.split("\n").filter((line) => line.includes('"_aws"'))
      assert.lengthOf(documents, 1)
      assert.deepInclude(JSON.parse(documents[0] ?? "null"), {
        interface: "stepfunction",
        "id_minter.processing_time": 0,
        "id_minter.batch_size": 2,
        "id_minter.success_count": 1,
        "id_minter.failure_count": 1
      })
    })
  )
})

const atDebug = Logger.withMinimumLogLevel(LogLevel.Debug)

const about = (lines: ReadonlyArray<Line>, message: string): ReadonlyArray<Line> =>
  lines.filter((line) => line["message"] === message)

describe("the lines of a request", () => {
  it.effect("carry its job and its interface, and are found by the job", () =>
    Effect.gen(function* () {
      const world = minterWorld(first)
      const { lines } = yield* written(stepFunction(world, { sourceIdentifiers: [first, "gone"], jobId: "job-1" }))
      assert.lengthOf(lines, 1)
      assert.include(lines[0], {
        level: "INFO",
        message: "batch",
        jobId: "job-1",
        interface: "stepfunction",
        correlationId: "job-1",
        requested: 2,
        fetched: 1,
        keys: 1,
        looked_up: 0,
        inherited: 0,
        minted: 1,
        races_lost: 0,
        indexed: 1,
        failed: 1,
        fetch_ms: 0,
        db_ms: 0,
        index_ms: 0
      })
    })
  )

  it.effect("are found by Lambda's id of the invocation where there is no job, or a blank one", () =>
    Effect.gen(function* () {
      for (const job of [{}, { jobId: null }, { jobId: "" }, { jobId: " " }, { jobId: 7 }]) {
        const { lines } = yield* written(stepFunction(minterWorld(first), { sourceIdentifiers: [first], ...job }))
        assert.lengthOf(lines, 1)
        assert.include(lines[0], { correlationId: "lambda-1", interface: "stepfunction" })
        assert.doesNotHaveAnyKeys(lines[0], ["jobId"])
      }
    })
  )

  it.effect("carry no more of a job's name than anybody looks for", () =>
    Effect.gen(function* () {
      const jobId = "x".repeat(10_000)
      const { lines } = yield* written(stepFunction(minterWorld(first), { sourceIdentifiers: [first], jobId }))
      assert.include(lines[0], { jobId: "x".repeat(256), correlationId: "x".repeat(256) })
    })
  )

  it.effect("are a warning with the rule where it breaks one, without what it sent", () =>
    Effect.gen(function* () {
      const sourceIdentifiers = [7, "a-value-that-was-sent"]
      const { lines, text } = yield* written(stepFunction(minterWorld(), { sourceIdentifiers, jobId: "job-1" }))
      assert.lengthOf(lines, 1)
      assert.include(lines[0], {
        level: "WARN",
        message: "a request was refused: Each source identifier must be a valid string",
        jobId: "job-1"
      })
      assert.notInclude(text, "a-value-that-was-sent")
    })
  )

  it.effect("name single works for whoever looks closer only, with why they failed", () =>
    Effect.gen(function* () {
      const world = minterWorld(first, second)
      world.unindexable.add(second)
      const call = stepFunction(world, { sourceIdentifiers: [first, "gone", second] })
      const usual = yield* written(call)
      for (const name of [first, second, "gone"]) assert.notInclude(usual.text, name)
      const { lines } = yield* written(atDebug(call))
      const single = lines.filter(({ level }) => level === "DEBUG")
      assert.deepStrictEqual(
        single.map(({ errorType, sourceIdentifier }) => [sourceIdentifier, errorType]),
        [
          ["gone", "WorkNotFound"],
          [second, "IndexItemRejected"]
        ]
      )
    })
  )

  it.effect("have one error for all works that one trouble kept from being minted", () =>
    Effect.gen(function* () {
      const world = minterWorld(first, second)
      world.identifiers.mint = () => Effect.fail(lost)
      const { lines } = yield* written(stepFunction(world, { sourceIdentifiers: [first, second] }))
      const errors = lines.filter(({ level }) => level === "ERROR")
      assert.lengthOf(errors, 1)
      assert.include(errors[0], { errorType: "DatabaseTransient", error: lost.message })
    })
  )
})

describe("the lines of a batch of messages", () => {
  it.effect("carry its interface and the invocation's id", () =>
    Effect.gen(function* () {
      const { lines } = yield* written(sqs(minterWorld(first), [notification("m-1", first)]))
      assert.lengthOf(lines, 1)
      assert.include(lines[0], {
        message: "batch",
        interface: "sqs",
        awsRequestId: "lambda-1",
        correlationId: "lambda-1",
        requested: 1
      })
    })
  )

  it.effect("name a message that cannot be read and what is wrong with it, never what is in it", () =>
    Effect.gen(function* () {
      const bodies = ['{"Message": 7, "secret": "s3cret"}', '{"text": "s3cret"}', "s3cret, no JSON", '{"Message": " "}']
      const Records = bodies.map((body, index) => message(`m-${index}`, body))
      const { lines, text } = yield* written(atDebug(sqs(minterWorld(), Records)))
      assert.deepStrictEqual(
        lines.map(({ level, message, messageId }) => [level, messageId, message]),
        [
          ["ERROR", "m-0", "the message cannot be read: Message: expected a string"],
          ["ERROR", "m-1", "the message cannot be read: Message: is missing"],
          ["ERROR", "m-2", "the message cannot be read: expected valid JSON"],
          ["ERROR", "m-3", "the message cannot be read: Message: expected a text that is not blank"]
        ]
      )
      assert.notInclude(text, "s3cret")
    })
  )

  it.effect("have one error for all works that nobody could be told of, and name them at a closer look", () =>
    Effect.gen(function* () {
      const world = minterWorld(first, second)
      world.untellable.add(first).add(second)
      const call = sqs(world, [notification("m-1", first), notification("m-2", second)])
      const { lines } = yield* written(atDebug(call))
      const errors = about(lines, "nobody was told of works that are indexed")
      assert.lengthOf(errors, 1)
      assert.include(errors[0], { level: "ERROR", errorType: "DownstreamFailed" })
      assert.deepStrictEqual(
        about(lines, "nobody was told of the work").map(({ sourceIdentifier }) => sourceIdentifier),
        [first, second]
      )
      assert.notInclude((yield* written(call)).text, first)
    })
  )
})
