/** Whether everything that the service needs answers. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { ParametersUnavailable } from "../../../src/services/Parameters.ts"
import { during, upstream } from "../../support/baton.ts"
import { ask, inWorld } from "../../support/http.ts"
import { MemoryStore } from "../../support/memoryStore.ts"
import { failing, known, type UpstreamShape } from "../../support/mparticle.ts"

const health = ask("GET", "/health")

const expected = (parts: {
  readonly mparticle?: boolean
  readonly dynamodb?: boolean
  readonly parameterStore?: boolean
}) => ({
  mparticle: { healthy: parts.mparticle ?? true },
  dynamodb: { healthy: parts.dynamodb ?? true },
  parameterStore: { healthy: parts.parameterStore ?? true }
})

const unavailable = Effect.fail(new ParametersUnavailable({ reason: "TimeoutError" }))

describe("GET /health", () => {
  it.effect("answers 200 when everything does, and asks mParticle without credentials", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      fake.lookup = known("pending")
      yield* TestClock.setTime(Date.UTC(2024, 0, 15))
      const answer = yield* health
      assert.deepStrictEqual(
        [answer.status, answer.body],
        [200, { status: "healthy", timestamp: "2024-01-15T00:00:00.000Z", checks: expected({}) }]
      )
      assert.deepStrictEqual(
        fake.lookups.map(({ headers, url }) => [url, headers["authorization"]]),
        [["https://opendsr.example.com/v3/discovery", undefined]]
      )
    }).pipe(inWorld())
  )

  const outages: ReadonlyArray<readonly [what: string, lookup: UpstreamShape["lookup"]]> = [
    ["answers 503", failing(503)],
    ["answers 500", failing(500)],
    ["cuts the connection", () => "reset"],
    ["is silent", () => "silence"]
  ]

  it.effect.each(outages)(
    "answers 503 and says that it is mParticle, when that %s, within its two seconds",
    ([, lookup]) =>
      Effect.gen(function* () {
        const fake = yield* upstream
        fake.lookup = lookup
        const answer = yield* during("2 seconds")(health)
        assert.strictEqual(answer.status, 503)
        assert.deepInclude(answer.body, { status: "unhealthy", checks: expected({ mparticle: false }) })
      }).pipe(inWorld())
  )

  it.effect("counts an mParticle that answers as there, whatever it says of the caller", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      fake.lookup = failing(429)
      assert.strictEqual((yield* health).status, 200)
    }).pipe(inWorld())
  )

  it.effect("answers 503 and says that it is DynamoDB", () =>
    Effect.gen(function* () {
      const memory = yield* MemoryStore
      memory.fails = (operation) => operation === "get"
      const answer = yield* health
      assert.deepStrictEqual([answer.status, answer.body["checks"]], [503, expected({ dynamodb: false })])
    }).pipe(inWorld())
  )

  it.effect.each([
    ["does not answer", unavailable],
    ["hangs", Effect.never],
    ["meets a defect", Effect.die("a defect")]
  ] as const)("answers 503 and says that it is the parameter store, when that %s", ([, probe]) =>
    Effect.gen(function* () {
      const answer = yield* during("2 seconds")(health)
      assert.deepStrictEqual([answer.status, answer.body["checks"]], [503, expected({ parameterStore: false })])
    }).pipe(inWorld({ probe }))
  )

  it.effect("answers 503 when all of them are out, and waits for them together", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const memory = yield* MemoryStore
      fake.lookup = () => "silence"
      memory.fails = () => true
      const answer = yield* during("2 seconds")(health)
      assert.deepStrictEqual(
        [answer.status, answer.body["checks"]],
        [503, expected({ mparticle: false, dynamodb: false, parameterStore: false })]
      )
    }).pipe(inWorld({ probe: Effect.never }))
  )

  it.effect("keeps what it saw for a second, good or bad: the route is public, the quota is not", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      fake.lookup = failing(503)
      const first = yield* health
      fake.lookup = known("pending")
      yield* TestClock.adjust("999 millis")
      const kept = yield* health
      assert.deepStrictEqual([first.status, kept.status, fake.lookups.length], [503, 503, 1])
      assert.strictEqual(kept.body["timestamp"], "1970-01-01T00:00:00.999Z", "the time of the answer")
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual([(yield* health).status, fake.lookups.length], [200, 2])
    }).pipe(inWorld())
  )

  it.effect("asks once for a hundred callers at a time, and again when the one who asked is gone", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const answers = yield* during("2 seconds")(
        Effect.all(
          Array.from({ length: 100 }, () => health),
          { concurrency: "unbounded" }
        )
      )
      assert.isTrue(answers.every(({ status }) => status === 200))
      assert.lengthOf(fake.lookups, 1)
      yield* TestClock.adjust("1 seconds")
      fake.lookup = () => "silence"
      const gone = yield* Effect.fork(health)
      yield* TestClock.adjust("1 seconds")
      const waiting = yield* Effect.fork(health)
      yield* TestClock.adjust("500 millis")
      fake.lookup = known("pending")
      yield* Fiber.interrupt(gone)
      assert.strictEqual((yield* Fiber.join(waiting)).status, 200)
    }).pipe(inWorld())
  )
})
