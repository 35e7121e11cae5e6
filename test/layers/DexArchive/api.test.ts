/** The calls of the API: how they look, and what happens when they fail (contract B1.7, B2.6, B2.7, Decision 6). */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as TestClock from "effect/TestClock"
import { written } from "../../support/logs.ts"
import {
  acme,
  hurried,
  inTurn,
  inMillis,
  noon,
  row,
  run,
  sample,
  status,
  tokenOf,
  type Reply,
  type World,
  worldAt,
  clientId,
  day
} from "../../support/dexWorld.ts"

const times = ({ calls }: World) => calls.map(({ at }) => at)

describe("a call of the API", () => {
  it.effect("DEX-17 is a GET with the client, the day and the token", () =>
    Effect.gen(function* () {
      for (const apiBaseUrl of ["https://api.example.com", "https://api.example.com/v2/x"]) {
        const world = yield* worldAt({ clients: [acme], settings: { apiBaseUrl } })
        yield* run(world)
        const [call = assert.fail("there is no call")] = world.calls
        assert.strictEqual(call.method, "GET")
        assert.strictEqual(call.url.href, `${apiBaseUrl}/data-exchange/trigger?clientId=12345&triggerDate=2024-11-27`)
        assert.strictEqual(call.headers["authorization"], `Bearer ${tokenOf(1)}`)
        assert.strictEqual(call.headers["accept"], "application/json")
        assert.strictEqual(call.headers["content-type"], "application/json")
        assert.strictEqual(call.body, "")
      }
    })
  )

  const final = [400, 403, 404, 405, 409, 410, 422]
  it.effect("DEX-35 that is refused is not made again", () =>
    Effect.gen(function* () {
      for (const code of final) {
        const world = yield* worldAt({ clients: [acme] })
        world.trigger = status(code)
        assert.deepStrictEqual(
          (yield* run(world)).errors.map(({ error }) => error),
          ["Failed to fetch trigger data from API"]
        )
        assert.lengthOf(world.calls, 1)
      }
    })
  )

  const passing: Readonly<Record<string, (call: never) => Reply>> = {
    "status 408": status(408),
    "status 429": status(429),
    "status 500": status(500),
    "status 502": status(502),
    "status 503": status(503),
    "status 504": status(504),
    silence: () => "silence",
    "a reset": () => "reset"
  }
  for (const [name, reply] of Object.entries(passing)) {
    it.effect(`that meets ${name} is made again, as often as the settings say`, () =>
      Effect.gen(function* () {
        for (const attempts of [1, 2, 3]) {
          const world = yield* worldAt({ clients: [acme], settings: { attempts } })
          world.trigger = reply as (call: unknown) => Reply
          assert.strictEqual((yield* hurried(run(world))).failed_archives, 1)
          assert.lengthOf(world.calls, attempts)
        }
        const recovering = yield* worldAt({ clients: [acme] })
        recovering.trigger = inTurn(reply as (call: unknown) => Reply, reply as (call: unknown) => Reply, sample)
        assert.strictEqual((yield* hurried(run(recovering))).failed_archives, 0)
      })
    )
  }

  it.effect("that is silent is given up after the time that the settings say", () =>
    Effect.gen(function* () {
      const world = yield* worldAt({ clients: [acme], settings: { timeoutMillis: 4_000, attempts: 1 } })
      world.trigger = () => "silence"
      const fiber = yield* Effect.fork(run(world))
      yield* TestClock.adjust("3999 millis")
      assert.isNull(yield* Fiber.poll(fiber).pipe(Effect.map((exit) => (exit._tag === "None" ? null : exit))))
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* Fiber.join(fiber)).failed_archives, 1)
    })
  )

  it.effect("waits between two tries for anything from nothing to one second, and then to two", () =>
    Effect.gen(function* () {
      for (const [random, waits] of [
        [0, [0, 0]],
        [0.5, [500, 1_000]],
        [0.999, [999, 1_998]]
      ] as const) {
        const world = yield* worldAt({ clients: [acme] })
        world.trigger = status(500)
        const fiber = yield* Effect.fork(run(world).pipe(Effect.withRandom(Random.fixed([random]))))
        yield* TestClock.adjust(0)
        for (const [retry, wait] of waits.entries()) {
          // No try a millisecond before its time.
          if (wait > 0) yield* TestClock.adjust(wait - 1)
          if (wait > 0) assert.lengthOf(world.calls, retry + 1)
          yield* TestClock.adjust(1)
          assert.isAtLeast(world.calls.length, retry + 2)
        }
        yield* Fiber.join(fiber)
        assert.lengthOf(world.calls, 3)
      }
    })
  )

  for (const [name, header] of [
    ["seconds", "2"],
    ["a date", new Date(noon + 2_000).toUTCString()]
  ] as const) {
    it.effect(`DEX-34 waits for the time that the API names: ${name}`, () =>
      Effect.gen(function* () {
        const world = yield* worldAt({ clients: [acme] })
        world.trigger = inTurn(status(429, { "retry-after": header }), sample)
        const fiber = yield* Effect.fork(run(world))
        yield* TestClock.adjust("1999 millis")
        assert.lengthOf(world.calls, 1)
        yield* TestClock.adjust("10 millis")
        assert.strictEqual((yield* Fiber.join(fiber)).failed_archives, 0)
        assert.isAtLeast(times(world)[1] ?? 0, 2_000)
      })
    )
  }

  it.effect("DEX-34 does not wait for a time that it has not got", () =>
    Effect.gen(function* () {
      const world = yield* worldAt({ clients: [acme] })
      world.trigger = status(429, { "retry-after": "3600" })
      assert.strictEqual((yield* run(world)).failed_archives, 1)
      assert.deepStrictEqual(times(world), [0])
    })
  )

  it.effect("makes no try that could not end before the deadline", () =>
    Effect.gen(function* () {
      const world = yield* worldAt()
      world.trigger = () => "silence"
      const session = yield* world.api.open
      const fiber = yield* Effect.fork(
        Effect.flip(session.fetch(clientId(1), day)).pipe(inMillis(31_000), Effect.withRandom(Random.fixed([0.999])))
      )
      yield* TestClock.adjust("31 seconds")
      assert.include((yield* Fiber.join(fiber)).reason, "within")
      assert.isAtMost(world.calls.length, 2)
      assert.isBelow(times(world).at(-1) ?? 0, 31_000)
    })
  )
})

describe("an API that is out", () => {
  const forty = Array.from({ length: 60 }, (_, at) => row(at + 1))

  it.effect("is left alone once half of the last calls have failed, and no client fails for that", () =>
    Effect.gen(function* () {
      const world = yield* worldAt({ clients: forty, settings: { concurrency: 4, attempts: 10 } })
      const until = 40_000
      world.trigger = (call) => (call.at < until ? status(500)() : sample(call))
      const summary = yield* hurried(run(world), 1_000)
      assert.strictEqual(summary.failed_archives, 0)
      const during = times(world).filter((at) => at < until)
      // Twenty calls until it opens, a few that were under way, and then one every ten seconds.
      assert.isAtLeast(during.length, 20)
      assert.isAtMost(during.length, 20 + 4 + 4)
    })
  )

  it.effect("and does not come back: the clients that were never asked for are left for the next run", () =>
    Effect.gen(function* () {
      const world = yield* worldAt({ clients: forty, settings: { concurrency: 4, attempts: 1 } })
      world.trigger = status(503)
      const summary = yield* hurried(run(world, {}, 120_000), 1_000)
      assert.strictEqual(summary.failed_archives, 60)
      const left = summary.continuation?.clientIds ?? []
      assert.isAbove(left.length, 20)
      const asked = new Set(world.calls.map((call) => call.clientId))
      const refused = summary.errors.filter(({ error }) => error === "Failed to fetch trigger data from API")
      assert.strictEqual(refused.length + left.length, 60)
      for (const { client_id } of refused) assert.isTrue(asked.has(String(client_id)))
      assert.isAtMost(Math.max(...times(world)), 120_000)
    })
  )

  it.effect("for longer than there is time: nobody waits for it", () =>
    Effect.gen(function* () {
      const world = yield* worldAt({ clients: forty, settings: { concurrency: 4 } })
      world.trigger = status(503, { "retry-after": "280" })
      const { exit, lines } = yield* written(run(world, {}, 120_000))
      const summary = Exit.isSuccess(exit) ? exit.value : assert.fail("it failed")
      assert.strictEqual(summary.failed_archives, 60)
      const left = summary.continuation?.clientIds ?? []
      assert.isAtLeast(left.length, 50)
      assert.isAtMost(world.calls.length, 4)
      // A line for each that was asked for, and one for all others.
      const warnings = lines.filter(({ level, triggerDate }) => level === "WARN" && triggerDate !== undefined)
      assert.lengthOf(warnings, 60 - left.length + 1)
      assert.deepInclude(warnings.at(-1), {
        message: "Not processed: time budget exhausted",
        unfinished: left.length
      })
      assert.isTrue(warnings.slice(0, -1).every((line) => !left.includes(String(line["clientId"]))))
    })
  )

  it.effect("for a third of the clients only: their tries run out, and all others are archived by the same run", () =>
    Effect.gen(function* () {
      const clients = Array.from({ length: 300 }, (_, at) => row(at + 1))
      const world = yield* worldAt({ clients })
      const isOut = (id: string): boolean => Number(id) % 10 < 3
      world.trigger = (call) => (isOut(call.clientId) ? status(500)() : sample(call))
      const summary = yield* hurried(run(world))
      assert.deepStrictEqual([summary.successful_archives, summary.failed_archives], [210, 90])
      assert.notProperty(summary, "continuation")
      const tries = world.calls.length - clients.length
      // The budget has 500, a try costs 5, and a client that is archived at once gives 1 back.
      assert.isAtLeast(tries, 100)
      assert.isAtMost(tries, (500 + 210) / 5)
    })
  )

  it.effect("DEX-34 and only throttles: every client has its tries, with the waits between them", () =>
    Effect.gen(function* () {
      const clients = Array.from({ length: 300 }, (_, at) => row(at + 1))
      for (const code of [408, 429]) {
        const world = yield* worldAt({ clients })
        world.trigger = (call) => (call.at < 20_000 ? status(code)() : sample(call))
        const summary = yield* hurried(run(world).pipe(Effect.withRandom(Random.fixed([0.5]))), 250)
        // A client takes half a second and one more: eight at a time are some hundred until it throttles no more.
        assert.isAtMost(summary.failed_archives, 120)
        for (const { client_id } of summary.errors) {
          assert.lengthOf(
            world.calls.filter((call) => call.clientId === String(client_id)),
            3
          )
        }
      }
    })
  )

  it.effect("DEX-34 and only throttles, with a time to wait: whoever is told to wait does, however many they are", () =>
    Effect.gen(function* () {
      const clients = Array.from({ length: 150 }, (_, at) => row(at + 1))
      const world = yield* worldAt({ clients, settings: { concurrency: 120 } })
      world.trigger = (call) => (call.at < 8_000 ? status(429, { "retry-after": "5" })() : sample(call))
      assert.strictEqual((yield* hurried(run(world))).failed_archives, 0)
      assert.isAtLeast(world.calls[120]?.at ?? 0, 4_995)
    })
  )

  it.effect("does not count what it refuses: 404 for everybody is no outage", () =>
    Effect.gen(function* () {
      const world = yield* worldAt({ clients: forty })
      world.trigger = status(404)
      assert.strictEqual((yield* run(world)).failed_archives, 60)
      assert.lengthOf(world.calls, 60)
    })
  )
})
