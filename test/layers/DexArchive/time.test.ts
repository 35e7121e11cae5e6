/** The time of a run: what is left when it is over, and what is let go of when somebody stops it (contract Decision 5). */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import * as DexArchiveLayer from "../../../src/layers/DexArchive.ts"
import { TriggerDate } from "../../../src/schemas/DexArchive.ts"
import { DexArchive } from "../../../src/services/DexArchive.ts"
import { TriggerFetchError } from "../../../src/services/TriggerApi.ts"
import { written } from "../../support/logs.ts"
import { clientId, day, hurried, inMillis, row, run, sample, worldAt } from "../../support/dexWorld.ts"

describe("a run that is interrupted", () => {
  it.effect("DEX-53 stops its calls and its uploads, and begins nothing more", () =>
    Effect.gen(function* () {
      const clients = Array.from({ length: 20 }, (_, at) => row(at + 1))
      const world = yield* worldAt({ clients, settings: { concurrency: 4 } })
      const open = { calls: 0, uploads: 0 }
      const held = (kind: keyof typeof open) =>
        Effect.acquireUseRelease(
          Effect.sync(() => void (open[kind] += 1)),
          () => Effect.never,
          () => Effect.sync(() => void (open[kind] -= 1))
        )
      world.archive.keep = () => held("uploads")
      world.trigger = (call) => (Number(call.clientId) % 2 === 0 ? held("calls") : sample(call))
      const program = Effect.flatMap(DexArchive, (archive) => archive.run({})).pipe(
        inMillis(899_500),
        Effect.provide(Layer.provide(DexArchiveLayer.layer, world.ground))
      )
      const fiber = yield* Effect.fork(program)
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(open, { calls: 2, uploads: 2 })
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(open, { calls: 0, uploads: 0 })
      yield* TestClock.adjust("10 minutes")
      assert.lengthOf(world.calls, 4)
    })
  )
})

describe("the time of a run", () => {
  const ten = Array.from({ length: 10 }, (_, at) => row(at + 1))

  it.effect("DEX-41 that is nearly over: all clients are told as unprocessed, and how to go on", () =>
    Effect.gen(function* () {
      const world = yield* worldAt({ clients: [...ten, row("x", null)] })
      const summary = yield* run(world, {}, 30_000)
      assert.deepStrictEqual(
        summary.errors.map(({ error }) => error),
        [...ten.map(() => "Not processed: time budget exhausted"), "Invalid client ID"]
      )
      assert.deepStrictEqual([summary.total_clients, summary.successful_archives, summary.failed_archives], [11, 0, 11])
      assert.deepStrictEqual(summary.continuation, { triggerDate: day, clientIds: ten.map(({ raw }) => String(raw)) })
      assert.lengthOf(world.calls, 0)
    })
  )

  it.effect("DEX-41 has one line at WARN for all that there was no time for, however many they are", () =>
    Effect.gen(function* () {
      const world = yield* worldAt({ clients: ten })
      const { lines } = yield* written(run(world, {}, 30_000))
      const warnings = lines.filter(({ level }) => level === "WARN")
      assert.lengthOf(warnings, 1)
      assert.deepInclude(warnings[0], {
        message: "Not processed: time budget exhausted",
        unfinished: 10,
        triggerDate: "2024-11-27"
      })
    })
  )

  it.effect("DEX-41 that ends while calls are under way: they are given up, and the summary gets out", () =>
    Effect.gen(function* () {
      const world = yield* worldAt({ clients: ten, settings: { concurrency: 10, timeoutMillis: 300_000 } })
      world.trigger = (call) => (Number(call.clientId) > 3 ? "silence" : sample(call))
      const fiber = yield* Effect.fork(run(world, {}, 60_000))
      yield* TestClock.adjust("56 seconds")
      const summary = yield* Fiber.join(fiber)
      assert.strictEqual(summary.successful_archives, 3)
      assert.deepStrictEqual(summary.continuation?.clientIds, ["4", "5", "6", "7", "8", "9", "10"])
    })
  )

  it.effect("DEX-41 a continuation archives the rest, and has none itself", () =>
    Effect.gen(function* () {
      const world = yield* worldAt({ clients: ten, settings: { concurrency: 1 } })
      world.trigger = (call) =>
        Effect.delay(
          Effect.sync(() => sample(call)),
          "10 seconds"
        )
      const first = yield* hurried(run(world, {}, 80_000))
      const rest = first.continuation ?? assert.fail("there is no continuation")
      assert.isAbove(rest.clientIds.length, 0)
      assert.isAbove(first.successful_archives, 0)
      const second = yield* hurried(
        run(world, { triggerDate: TriggerDate.make(rest.triggerDate), clientIds: rest.clientIds.map(clientId) })
      )
      assert.notProperty(second, "continuation")
      assert.strictEqual(second.total_clients, rest.clientIds.length)
      assert.lengthOf([...world.objects.keys()], 10)
      assert.lengthOf(world.calls, 10)
    })
  )

  it.effect("DEX-41 a client that waits for an API that is left alone counts as unprocessed", () =>
    Effect.gen(function* () {
      const world = yield* worldAt({ clients: ten })
      const session = { fetch: () => Effect.fail(new TriggerFetchError({ kind: "time", reason: "open" })) }
      const { run: runIt } = yield* DexArchiveLayer.make.pipe(
        Effect.provide(world.ground),
        Effect.tap(() => Object.assign(world.api, { open: Effect.succeed(session) }))
      )
      const summary = yield* runIt({})
      assert.lengthOf(summary.continuation?.clientIds ?? [], 10)
      assert.strictEqual(summary.errors[0]?.error, "Not processed: time budget exhausted")
    })
  )
})
