import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import { make } from "../../../src/layers/Observability/Alerts.ts"
import * as JsonLogger from "../../../src/layers/Observability/JsonLogger.ts"
import type { Alert } from "../../../src/services/Alerts.ts"
import { LogSink } from "../../../src/services/LogSink.ts"
import { measured } from "../../support/baton.ts"

type Line = Readonly<Record<string, unknown>>

const degraded = (requestId: string): Alert => ({
  severity: "HIGH",
  subject: "mparticle-degraded",
  message: "mParticle service degraded, using fallback queue",
  context: { requestId, code: "NETWORK_ERROR" }
})

/** The alerts of an effect as lines of the log, and what was counted. */
const raised = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.suspend(() => {
    const lines: Array<Line> = []
    const sink = Layer.succeed(LogSink, { writeLine: (line) => void lines.push(JSON.parse(line) as Line) })
    return measured(effect).pipe(
      Effect.provide(Layer.provide(JsonLogger.layer, sink)),
      Effect.map(({ seen }) => ({ lines: lines.filter((line) => line["event_type"] === "alert"), seen }))
    )
  })

describe("alerts", () => {
  it.effect("B-17 are a line of the log and a metric", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(Date.UTC(2024, 0, 15))
      const alerts = yield* make
      const { lines, seen } = yield* raised(alerts.raise(degraded("r-1")))
      assert.deepStrictEqual(lines, [
        {
          timestamp: "2024-01-15T00:00:00.000Z",
          level: "ERROR",
          message: "mParticle service degraded, using fallback queue",
          correlationId: "unknown",
          event_type: "alert",
          severity: "HIGH",
          subject: "mparticle-degraded",
          requestId: "r-1",
          code: "NETWORK_ERROR"
        }
      ])
      assert.deepStrictEqual(seen, [{ name: "Alerts", unit: "Count", value: 1, dimensions: { Severity: "HIGH" } }])
    })
  )

  it.effect("F-11 are raised once for 50 failures in a minute", () =>
    Effect.gen(function* () {
      const alerts = yield* make
      const { lines, seen } = yield* raised(
        Effect.forEach(
          Array.from({ length: 50 }, (_, index) => degraded(`r-${index}`)),
          (alert) => Effect.zipRight(TestClock.adjust("1200 millis"), alerts.raise(alert))
        )
      )
      assert.deepStrictEqual(
        lines.map((line) => line["requestId"]),
        ["r-0"]
      )
      assert.lengthOf(seen, 1)
    })
  )

  it.effect("F-11 are raised once also when all come at the same moment", () =>
    Effect.gen(function* () {
      const alerts = yield* make
      const all = Effect.replicateEffect(alerts.raise(degraded("r-1")), 50, { concurrency: "unbounded" })
      assert.lengthOf((yield* raised(all)).lines, 1)
    })
  )

  it.effect("F-11 are raised again after five minutes of quiet, counted from the last one that was raised", () =>
    Effect.gen(function* () {
      const alerts = yield* make
      const { lines } = yield* raised(
        Effect.forEach(["0 seconds", "4 minutes", "59999 millis", "1 millis", "4 minutes"] as const, (pause, index) =>
          Effect.zipRight(TestClock.adjust(pause), alerts.raise(degraded(`r-${index}`)))
        )
      )
      assert.deepStrictEqual(
        lines.map((line) => line["requestId"]),
        ["r-0", "r-3"]
      )
    })
  )

  it.effect("F-11 of different subjects do not silence each other", () =>
    Effect.gen(function* () {
      const alerts = yield* make
      const other: Alert = { ...degraded("r-2"), severity: "MEDIUM", subject: "something-else" }
      const { lines } = yield* raised(Effect.all([alerts.raise(degraded("r-1")), alerts.raise(other)]))
      assert.deepStrictEqual(
        lines.map((line) => line["severity"]),
        ["HIGH", "MEDIUM"]
      )
    })
  )
})
