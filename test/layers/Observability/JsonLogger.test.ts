import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import * as JsonLogger from "../../../src/layers/Observability/JsonLogger.ts"
import { redact, redacted, redactText } from "../../../src/layers/Observability/redact.ts"
import { RequestNotFound } from "../../../src/schemas/MParticleError.ts"
import { withCorrelation } from "../../../src/services/Correlation.ts"
import { LogSink } from "../../../src/services/LogSink.ts"
import { trace } from "../../../src/services/Trace.ts"

type Line = Readonly<Record<string, unknown>>

/** The lines that an effect logs. */
const logged = (effect: Effect.Effect<unknown, unknown>): Effect.Effect<ReadonlyArray<Line>> =>
  Effect.suspend(() => {
    const lines: Array<Line> = []
    const sink = Layer.succeed(LogSink, { writeLine: (line) => void lines.push(JSON.parse(line) as Line) })
    return effect.pipe(Effect.exit, Effect.provide(Layer.provide(JsonLogger.layer, sink)), Effect.as(lines))
  })

describe("the JSON logger", () => {
  it.effect("writes time, level, message, annotations and the correlation id", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(Date.UTC(2024, 0, 15))
      const [line, other] = yield* logged(
        Effect.zipRight(
          Effect.logInfo("hello").pipe(Effect.annotateLogs("requestId", "r-1"), withCorrelation("c-1")),
          Effect.logWarning("and", { more: [1, true, null] })
        )
      )
      assert.deepStrictEqual(line, {
        timestamp: "2024-01-15T00:00:00.000Z",
        level: "INFO",
        message: "hello",
        correlationId: "c-1",
        requestId: "r-1"
      })
      assert.deepInclude(other, {
        level: "WARN",
        message: ["and", { more: [1, true, null] }],
        correlationId: "unknown"
      })
    })
  )

  it.effect("shows our own errors by tag, code and message", () =>
    Effect.gen(function* () {
      const [line] = yield* logged(Effect.logError("x", Cause.fail(new RequestNotFound({ requestId: "abc" }))))
      assert.deepInclude(line, {
        error: "mParticle request ID not found",
        errorType: "RequestNotFound",
        code: "REQUEST_NOT_FOUND"
      })
    })
  )

  it.effect("shows a decode error by path and expectation, and other errors by name alone", () =>
    Effect.gen(function* () {
      const decode = Schema.decodeUnknown(Schema.Struct({ ssn: Schema.Number }))({ ssn: "123-45-6789" })
      const [parse, foreign, text, odd] = yield* logged(
        Effect.gen(function* () {
          yield* Effect.logError(yield* Effect.flip(Effect.sandbox(decode)))
          yield* Effect.logError(Cause.die(new RangeError("who@example.com")))
          yield* Effect.logError(Cause.fail("call who@example.com"))
          yield* Effect.logError(Cause.fail(7))
        })
      )
      assert.deepInclude(parse, { error: "ssn: expected a number", errorType: "ParseError" })
      assert.deepInclude(foreign, { error: "RangeError", defect: true })
      assert.isArray(foreign?.["stack"])
      assert.strictEqual(text?.["error"], `call ${redacted}`)
      assert.strictEqual(odd?.["errorType"], "number")
      assert.notMatch(JSON.stringify([parse, foreign, text]), /123-45|who@/)
    })
  )
})

describe("trace", () => {
  it.effect("O-01 logs START and SUCCESS with a duration", () =>
    Effect.gen(function* () {
      const lines = yield* logged(trace("work")(TestClock.adjust("25 millis")).pipe(withCorrelation("c-1")))
      assert.deepStrictEqual(
        lines.map(({ correlationId, duration, operation }) => [operation, correlationId, duration]),
        [
          ["work_START", "c-1", undefined],
          ["work_SUCCESS", "c-1", 25]
        ]
      )
    })
  )

  it.effect("O-01 O-04 logs FAILURE for an error, a throw and an interruption", () =>
    Effect.gen(function* () {
      const failures = [
        Effect.fail(new RequestNotFound({ requestId: "a" })),
        Effect.suspend((): Effect.Effect<void> => {
          throw new TypeError("x")
        }),
        Effect.interrupt
      ]
      const lines = yield* logged(Effect.forEach(failures, (effect) => Effect.exit(trace("work")(effect))))
      assert.deepStrictEqual(
        lines.filter(({ operation }) => operation === "work_FAILURE").map(({ error, level }) => [level, error]),
        [
          ["ERROR", "mParticle request ID not found"],
          ["ERROR", "TypeError"],
          ["ERROR", "interrupted"]
        ]
      )
    })
  )
})

describe("redact", () => {
  it("takes addresses, telephone numbers and credentials out of texts", () => {
    assert.strictEqual(
      redactText("mail a.b+c@example.co.uk or whatsapp:+447700900001 with Basic a2V5OnNlY3JldA== now"),
      `mail ${redacted} or ${redacted} with ${redacted} now`
    )
  })

  it("takes sensitive keys out of objects, in any case and at any depth", () => {
    assert.deepStrictEqual(redact({ Email: "x", nested: [{ AUTHORIZATION: "y", ok: "z", n: 1n }], f: () => 1 }), {
      Email: redacted,
      nested: [{ AUTHORIZATION: redacted, ok: "z", n: "1" }],
      f: "[function]"
    })
  })

  it("ends at a depth, and shows an error by its name", () => {
    const deep = Array.from({ length: 20 }).reduce((inner: unknown) => ({ inner }), "end")
    assert.include(JSON.stringify(redact(deep)), "[nested]")
    assert.strictEqual(redact(new TypeError("who@example.com")), "TypeError")
  })
})
