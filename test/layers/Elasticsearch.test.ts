/** A cluster's calls: what they carry, when they are made again, and what becomes of those that fail. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import { type Call, type Cluster, decoder } from "../../src/layers/Elasticsearch.ts"
import { withCorrelation } from "../../src/services/Correlation.ts"
import * as Deadline from "../../src/services/Deadline.ts"
import { answering, type Answer, clusterOf, json, status } from "../support/elasticsearch.ts"
import { jumpingClock } from "../support/jumpingClock.ts"

const search: Call = {
  method: "POST",
  path: "/_mget",
  body: { text: '{"ids":["a/b"]}', contentType: "application/json" }
}

const began = 1_700_000_000_000

/** Runs an effect on a clock that jumps over whatever is waited for. */
const jumping = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => Effect.withClock(effect, jumpingClock(began)))

const end = ({ call }: Cluster, what: Call = search) =>
  Effect.map(Effect.either(call(what)), (either) => (Either.isRight(either) ? either.right : either.left))

/** Makes one call of a cluster that gives these answers, and says how it ended and when it was tried. */
const called = (...answers: ReadonlyArray<Answer>) =>
  Effect.gen(function* () {
    const fake = answering(...answers)
    const outcome = yield* Effect.flatMap(clusterOf(fake), (cluster) => end(cluster))
    return { outcome, ...fake, waits: fake.sent.map(({ at }, try_) => at - (fake.sent[try_ - 1]?.at ?? began)) }
  }).pipe(jumping)

const login = {
  apiKey: Option.some(Redacted.make("a2V5OnNlY3JldA==")),
  user: Option.some({ name: "minter", password: Redacted.make("påsswörd:łódź") })
}

describe("a call", () => {
  it.effect("carries its body, whose it is, and who answers for it", () =>
    Effect.gen(function* () {
      const fake = answering(json({ docs: [] }))
      const cluster = yield* clusterOf(fake)
      assert.strictEqual(
        yield* withCorrelation("job 1/ü")(Effect.withSpan(cluster.call(search), "test")),
        '{"docs":[]}'
      )
      const [sent] = fake.sent
      assert.deepInclude(sent, {
        method: "POST",
        url: "https://elastic.example.com:9200/_mget",
        body: '{"ids":["a/b"]}'
      })
      assert.deepInclude(sent?.headers, {
        accept: "application/json",
        "content-type": "application/json",
        "x-opaque-id": "job%201%2F%C3%BC"
      })
      assert.match(sent?.headers["traceparent"] ?? "", /^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/)
      assert.notProperty(sent?.headers, "authorization")
      yield* cluster.call({ method: "HEAD", path: "/" })
      assert.deepInclude(fake.sent[1], { method: "HEAD", body: "" })
      assert.notProperty(fake.sent[1]?.headers, "content-type")
    })
  )

  it.effect("is authenticated by an API key, or else by a user", () =>
    Effect.gen(function* () {
      const headerOf = (options: Parameters<typeof clusterOf>[1]) =>
        Effect.gen(function* () {
          const fake = answering(json({}))
          yield* Effect.flatMap(clusterOf(fake, options), end)
          return fake.sent[0]?.headers["authorization"]
        })
      const basic = `Basic ${Buffer.from("minter:påsswörd:łódź").toString("base64")}`
      assert.strictEqual(yield* headerOf({ apiKey: login.apiKey }), "ApiKey a2V5OnNlY3JldA==")
      assert.strictEqual(yield* headerOf({ user: login.user }), basic)
      assert.strictEqual(yield* headerOf(login), "ApiKey a2V5OnNlY3JldA==")
    })
  )

  it.effect("says nothing of a password or a key where it fails", () =>
    Effect.gen(function* () {
      for (const answer of [status(403), status(503), "reset"] as const) {
        const failure = yield* jumping(Effect.flatMap(clusterOf(answering(answer), login), end))
        assert.notMatch(`${JSON.stringify(failure)} ${String(failure)}`, /a2V5|pässword/)
      }
    })
  )

  it.effect("that is interrupted leaves nothing behind", () =>
    Effect.gen(function* () {
      const fake = answering("silence")
      const cluster = yield* clusterOf(fake)
      const running = yield* Effect.fork(cluster.call(search))
      yield* TestClock.adjust(1_000)
      yield* Fiber.interrupt(running)
      assert.strictEqual(fake.interrupted.length, 1)
      yield* TestClock.adjust("1 hours")
      assert.lengthOf(fake.sent, 1)
    })
  )
})

describe("a call is made again", () => {
  it.effect("IM-64 after two answers of 503, 1 and 2 seconds later", () =>
    Effect.gen(function* () {
      const fake = answering(status(503), status(503), json({ ok: true }))
      const running = yield* Effect.fork(Effect.flatMap(clusterOf(fake), end))
      yield* TestClock.adjust(799)
      assert.lengthOf(fake.sent, 1)
      yield* TestClock.adjust(401)
      assert.lengthOf(fake.sent, 2)
      yield* TestClock.adjust(2_400)
      assert.strictEqual(yield* Fiber.join(running), '{"ok":true}')
      assert.lengthOf(fake.sent, 3)
    })
  )

  it.effect("IM-64 three times at most, and what stays is a transient failure with the status", () =>
    Effect.gen(function* () {
      for (const code of [429, 500, 502, 503, 504, 599]) {
        const { outcome, sent, waits } = yield* called(status(code))
        assert.deepInclude(outcome, { _tag: "ElasticsearchTransient", cluster: "target", status: code })
        assert.lengthOf(sent, 4)
        for (const [index, base] of [1_000, 2_000, 4_000].entries()) {
          assert.isTrue(Math.abs((waits[index + 1] ?? 0) - base) <= base / 5 + 1, String(waits))
        }
        assert.strictEqual(new Set(sent.map(({ body }) => body)).size, 1)
      }
    })
  )

  it.effect("when its connection is cut, also within an answer", () =>
    Effect.gen(function* () {
      const broken = () =>
        new Response(new ReadableStream({ start: (controller) => controller.error(new Error("reset")) }), {
          status: 200
        })
      const { outcome, sent } = yield* called("reset", broken, broken, json([]))
      assert.strictEqual(outcome, "[]")
      assert.lengthOf(sent, 4)
      const gone = yield* called("reset")
      assert.deepInclude(gone.outcome, { _tag: "ElasticsearchTransient" })
      assert.notProperty(gone.outcome, "status")
    })
  )

  it.effect("when nothing comes for 20 seconds, be it in the middle of an answer", () =>
    Effect.gen(function* () {
      const hanging = () => new Response(new ReadableStream(), { status: 200 })
      const { interrupted, outcome, sent, waits } = yield* called("silence", "silence", hanging)
      assert.deepInclude(outcome, { _tag: "ElasticsearchTransient" })
      assert.notProperty(outcome, "status")
      assert.lengthOf(sent, 4)
      assert.lengthOf(interrupted, 2)
      for (const wait of waits.slice(1)) assert.isAtLeast(wait, 20_800)
    })
  )

  it.effect("after the time that the cluster asks for, in seconds or until a date", () =>
    Effect.gen(function* () {
      const date = new Date(began + 45_000).toUTCString()
      for (const [header, wait] of [
        ["30", 30_000],
        [date, 45_000]
      ] as const) {
        const { outcome, waits } = yield* called(status(503, { "retry-after": header }), json({}))
        assert.strictEqual(outcome, "{}")
        assert.deepStrictEqual(waits, [0, wait])
      }
      for (const header of ["0", "soon", "-1"]) {
        const { outcome, waits } = yield* called(status(429, { "retry-after": header }), json({}))
        assert.strictEqual(outcome, "{}")
        assert.isTrue((waits[1] ?? 0) >= 800 && (waits[1] ?? 0) <= 1_201)
      }
    })
  )

  it.effect("not when the answer would come too late, and no try outlasts the deadline", () =>
    Effect.gen(function* () {
      const fake = answering(status(503, { "retry-after": "30" }), "silence")
      const cluster = yield* clusterOf(fake)
      const outcome = yield* Deadline.within(29_000)(end(cluster))
      assert.deepInclude(outcome, { _tag: "ElasticsearchTransient", status: 503, retryAfterMillis: 30_000 })
      assert.lengthOf(fake.sent, 1)
      const silent = answering("silence")
      const started = yield* Effect.clockWith(({ currentTimeMillis }) => currentTimeMillis)
      yield* Effect.flatMap(clusterOf(silent), (cluster) => Deadline.within(25_000)(end(cluster)))
      const ended = yield* Effect.clockWith(({ currentTimeMillis }) => currentTimeMillis)
      assert.isAtMost(ended - started, 25_000)
      assert.lengthOf(silent.sent, 2)
    }).pipe(jumping)
  )

  it.effect("not after a refusal", () =>
    Effect.gen(function* () {
      for (const code of [301, 400, 401, 403, 404, 405, 413]) {
        const { outcome, sent } = yield* called(status(code))
        assert.deepInclude(outcome, { _tag: "ElasticsearchRejected", cluster: "target", status: code })
        assert.lengthOf(sent, 1)
      }
    })
  )
})

describe("the circuit breaker", () => {
  it.effect("opens after five failures in a row, and lets one call through 30 seconds later", () =>
    Effect.gen(function* () {
      const down = Array.from({ length: 5 }, () => status(503))
      const fake = answering(...down, json({ ok: true }))
      const cluster = yield* clusterOf(fake)
      assert.deepInclude(yield* end(cluster), { _tag: "ElasticsearchTransient" })
      // The fifth try fails, and what would be the sixth is not made.
      assert.deepInclude(yield* end(cluster), { _tag: "CircuitOpen" })
      assert.lengthOf(fake.sent, 5)
      assert.deepInclude(yield* end(cluster), { _tag: "CircuitOpen" })
      assert.lengthOf(fake.sent, 5)
      yield* Effect.sleep(30_001)
      assert.strictEqual(yield* end(cluster), '{"ok":true}')
      assert.strictEqual(yield* end(cluster), '{"ok":true}')
    }).pipe(jumping)
  )

  it.effect("stays closed whatever is refused", () =>
    Effect.gen(function* () {
      const fake = answering(...Array.from({ length: 20 }, () => status(413)), json({}))
      const cluster = yield* clusterOf(fake)
      for (let index = 0; index < 20; index += 1) {
        assert.deepInclude(yield* end(cluster), { _tag: "ElasticsearchRejected", status: 413 })
      }
      assert.strictEqual(yield* end(cluster), "{}")
    })
  )

  it.effect("keeps others away while the cluster wants to be left alone", () =>
    Effect.gen(function* () {
      const fake = answering(status(429, { "retry-after": "20" }), json({}))
      const cluster = yield* clusterOf(fake)
      const first = yield* Effect.fork(end(cluster))
      yield* Effect.sleep(10)
      assert.deepInclude(yield* end(cluster), { _tag: "CircuitOpen" })
      assert.strictEqual(yield* Fiber.join(first), "{}")
      assert.lengthOf(fake.sent, 2)
      assert.strictEqual(yield* end(cluster), "{}")
    }).pipe(jumping)
  )
})

describe("an answer", () => {
  it("that is not as it must be is no answer of Elasticsearch's", () => {
    const decode = decoder("source", Schema.Struct({ docs: Schema.Array(Schema.Number) }))
    assert.deepStrictEqual(decode({ docs: [1], took: 3 }), Either.right({ docs: [1] }))
    for (const value of [{}, null, { docs: ["secret"] }]) {
      const failure = Either.getOrThrow(Either.flip(decode(value)))
      assert.deepInclude(failure, { _tag: "ElasticsearchTransient", cluster: "source", status: 200 })
      assert.notInclude(JSON.stringify(failure), "secret")
    }
  })
})
