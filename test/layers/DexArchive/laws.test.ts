/** What holds of every run, whatever becomes of its clients (contract Decision 5), and what it measures and logs. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import type { Measurement } from "../../../src/services/Metrics.ts"
import { Metrics } from "../../../src/services/Metrics.ts"
import { ArchiveStoreError } from "../../../src/services/TriggerArchive.ts"
import { answer, row, run, sample, status, type World, worldAt } from "../../support/dexWorld.ts"
import { written } from "../../support/logs.ts"

const fates = ["fine", "refused", "empty", "unwritable", "defect", "silent", "invalid", "unchanged"] as const
type Fate = (typeof fates)[number]

/** Lets each client meet its fate; its place in the list is its id. */
const arrange = (world: World, fateOf: ReadonlyArray<Fate>): void => {
  const { keep } = world.archive
  const fate = (id: string): Fate => fateOf[Number(id) - 1] ?? "fine"
  world.trigger = (call) => {
    switch (fate(call.clientId)) {
      case "refused":
        return status(404)()
      case "empty":
        return new Response("")
      case "silent":
        return "silence"
      default:
        return sample(call)
    }
  }
  world.archive.keep = (id, ...rest) => {
    if (fate(id) === "unwritable") return Effect.fail(new ArchiveStoreError({ reason: "AccessDenied" }))
    if (fate(id) === "defect") return Effect.die(new Error("boom"))
    return fate(id) === "unchanged" ? Effect.succeed("unchanged") : keep(id, ...rest)
  }
}

const errorOf: Readonly<Record<Fate, string | undefined>> = {
  fine: undefined,
  unchanged: undefined,
  refused: "Failed to fetch trigger data from API",
  empty: "Empty response",
  unwritable: "Failed to upload to S3",
  defect: "boom",
  silent: "Not processed: time budget exhausted",
  invalid: "Invalid client ID"
}

const clientsOf = (fateOf: ReadonlyArray<Fate>) =>
  fateOf.map((fate, at) => row(fate === "invalid" ? `x${at + 1}` : at + 1))

/** Runs an effect, and answers what was measured. */
const measuring = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const measurements: Array<Measurement> = []
    return effect.pipe(
      Effect.provideService(Metrics, { put: (one) => void measurements.push(one) }),
      Effect.exit,
      Effect.map((exit) => ({
        exit,
        measured: Object.fromEntries(measurements.map(({ name, value }) => [name, value]))
      }))
    )
  })

describe("every run", () => {
  it.effect.prop(
    "DEX-41 total = ok + failed, errors in the clients' order, and a continuation of exactly the unfinished ones",
    [FastCheck.array(FastCheck.constantFrom(...fates), { maxLength: 25 }), FastCheck.integer({ min: 1, max: 12 })],
    ([fateOf, concurrency]) =>
      Effect.gen(function* () {
        const settings = { concurrency, timeoutMillis: 300_000, attempts: 1 }
        const world = yield* worldAt({ clients: clientsOf(fateOf), settings })
        arrange(world, fateOf)
        const fiber = yield* Effect.fork(run(world, {}, 100_000))
        yield* TestClock.adjust("95 seconds")
        const summary = yield* Fiber.join(fiber)
        assert.strictEqual(summary.total_clients, fateOf.length)
        assert.strictEqual(summary.total_clients, summary.successful_archives + summary.failed_archives)
        assert.strictEqual(summary.failed_archives, summary.errors.length)
        const unfinished: Array<string> = []
        const expected = fateOf.flatMap((fate, at) => {
          const name = `client ${fate === "invalid" ? `x${at + 1}` : at + 1}`
          const told = summary.errors.find(({ client_name }) => client_name === name)
          // Those behind silent ones may never have had their turn.
          const isLate = told?.error === errorOf.silent && fate !== "invalid"
          if (isLate) unfinished.push(String(at + 1))
          const error = isLate ? errorOf.silent : errorOf[fate]
          return error === undefined ? [] : [{ client_name: name, error }]
        })
        assert.deepStrictEqual(
          summary.errors.map(({ client_name, error }) => ({ client_name, error })),
          expected
        )
        assert.deepStrictEqual(summary.continuation?.clientIds ?? [], unfinished)
        assert.strictEqual("continuation" in summary, unfinished.length > 0)
        if (!fateOf.includes("silent")) assert.notProperty(summary, "continuation")
      }),
    { fastCheck: { numRuns: 40 } }
  )

  it.effect("DEX-40 has no more clients at once than the settings say, and tells of them in their order", () =>
    Effect.gen(function* () {
      const clients = Array.from({ length: 20 }, (_, at) => row(at + 1))
      const world = yield* worldAt({ clients, settings: { concurrency: 5 } })
      const now = { busy: 0, most: 0 }
      // The later ones are the faster ones.
      world.trigger = (call) =>
        Effect.acquireUseRelease(
          Effect.sync(() => {
            now.busy += 1
            now.most = Math.max(now.most, now.busy)
          }),
          () => Effect.delay(Effect.sync(status(404)), 5_000 - Number(call.clientId) * 200),
          () => Effect.sync(() => void (now.busy -= 1))
        )
      const fiber = yield* Effect.fork(run(world))
      yield* TestClock.adjust("1 minutes")
      const { errors } = yield* Fiber.join(fiber)
      assert.strictEqual(now.most, 5)
      assert.deepStrictEqual(
        errors.map(({ client_id }) => client_id),
        clients.map(({ raw }) => raw)
      )
    })
  )

  it.effect("measures its clients, what became of them, and how long it took", () =>
    Effect.gen(function* () {
      const fateOf: ReadonlyArray<Fate> = ["fine", "fine", "refused", "unchanged", "empty", "fine"]
      const world = yield* worldAt({ clients: clientsOf(fateOf) })
      arrange(world, fateOf)
      world.objects.set("trigger/1/1_trigger_20241127.json", new Uint8Array([0x30]))
      const { trigger } = world
      world.trigger = (call) => {
        const reply = trigger(call)
        return reply instanceof Response ? Effect.delay(Effect.succeed(reply), "2 seconds") : reply
      }
      const fiber = yield* Effect.fork(measuring(run(world)))
      yield* TestClock.adjust("2 seconds")
      const { measured } = yield* Fiber.join(fiber)
      assert.deepStrictEqual(measured, {
        TotalClients: 6,
        Archived: 4,
        Failed: 2,
        Overwritten: 1,
        Unchanged: 1,
        DurationMs: 2_000
      })
    })
  )

  it.effect("DEX-52 measures as many failures as clients where all fail, and logs that as an error", () =>
    Effect.gen(function* () {
      for (const failOnPartial of [false, true]) {
        const world = yield* worldAt({ settings: { failOnPartial } })
        world.trigger = status(404)
        const { exit, measured } = yield* measuring(answer(world))
        assert.deepInclude(measured, { TotalClients: 2, Archived: 0, Failed: 2 })
        assert.notProperty(measured, "Fatal")
        assert.strictEqual(Exit.isFailure(exit), failOnPartial)
        const { lines } = yield* written(answer(world))
        const line = lines.find(({ message }) => message === "no client was archived")
        assert.deepInclude(line, { level: "ERROR", total_clients: 2, successful_archives: 0, failed_archives: 2 })
      }
    })
  )

  it.effect("measures a fatal end, be it an error or a defect, and nothing else then", () =>
    Effect.gen(function* () {
      const world = yield* worldAt()
      world.token = status(401)
      assert.deepStrictEqual((yield* measuring(answer(world))).measured, { Fatal: 1 })
      const defective = yield* worldAt()
      defective.clients.list = Effect.die(new Error("boom"))
      assert.deepStrictEqual((yield* measuring(answer(defective))).measured, { Fatal: 1 })
    })
  )

  it.effect("says every ten seconds how far it is, and in the end what it came to", () =>
    Effect.gen(function* () {
      const clients = Array.from({ length: 10 }, (_, at) => row(at + 1))
      const world = yield* worldAt({ clients, settings: { concurrency: 1 } })
      world.trigger = (call) =>
        Effect.delay(
          Effect.sync(() => sample(call)),
          "4 seconds"
        )
      const began = yield* Clock.currentTimeMillis
      const fiber = yield* Effect.fork(written(run(world)))
      yield* TestClock.adjust("40 seconds")
      const { lines } = yield* Fiber.join(fiber)
      assert.deepStrictEqual(
        lines.flatMap(({ done, message, timestamp, total_clients, triggerDate }) =>
          message === "clients are being archived"
            ? [[Date.parse(String(timestamp)) - began, done, total_clients, triggerDate]]
            : []
        ),
        [
          [10_000, 2, 10, "2024-11-27"],
          [20_000, 5, 10, "2024-11-27"],
          [30_000, 7, 10, "2024-11-27"]
        ]
      )
      assert.deepInclude(
        lines.find(({ message }) => message === "the run is over"),
        { level: "INFO", total_clients: 10, successful_archives: 10, failed_archives: 0, unfinished: 0 }
      )
    })
  )

  it.effect("names the client in the lines about it, and the day in all of them", () =>
    Effect.gen(function* () {
      const world = yield* worldAt()
      world.trigger = (call) => (call.clientId === "12345" ? status(403)() : sample(call))
      const { lines } = yield* written(run(world))
      assert.deepInclude(
        lines.find(({ clientId }) => clientId === "12345"),
        { level: "WARN", message: "no trigger response: status 403", triggerDate: "2024-11-27" }
      )
      assert.isTrue(lines.some(({ message }) => message === "some clients were not archived"))
    })
  )
})
