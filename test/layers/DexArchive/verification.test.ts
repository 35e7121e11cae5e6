/** The verification: clients against objects, and the events that close what is open (contract Decision 8). */
import { PutObjectCommand } from "@aws-sdk/client-s3"
import { assert, describe, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Event } from "../../../src/handlers/DexArchive/Archive.ts"
import { VerifyEvent, type VerifySummary } from "../../../src/schemas/DexArchive.ts"
import { DexDatabaseError } from "../../../src/schemas/DexArchiveError.ts"
import { archiveKey } from "../../../src/services/DexArchive/ArchiveKey.ts"
import { ArchiveStoreError } from "../../../src/services/TriggerArchive.ts"
import { DexBucket, layer as bucket } from "../../support/dexBucket.ts"
import { clientId, day, hurried, row, run, verifyIn, worldAt } from "../../support/dexWorld.ts"
import { written } from "../../support/logs.ts"

const event = Schema.decodeUnknownSync(VerifyEvent)
const clients = [row(1), row(2), row(3), row("x")]

const gap = (id: number, date: string) => ({
  client_id: String(id),
  trigger_date: date,
  key: `trigger/${id}/${id}_trigger_${date.replaceAll("-", "")}.json`
})

const whole = (checked: number): VerifySummary => ({ checked, missing: [], altered: [], backfill: [] })

describe("a verification", () => {
  it.effect("of a day that is whole finds nothing, and counts those that have an id", () =>
    Effect.gen(function* () {
      const world = yield* worldAt({ clients })
      yield* run(world)
      assert.deepStrictEqual(yield* verifyIn(world, event({ triggerDate: "2024-11-27" })), whole(3))
    })
  )

  it.effect("of no clients is whole", () =>
    Effect.gen(function* () {
      const world = yield* worldAt({ clients: [] })
      assert.deepStrictEqual(yield* verifyIn(world, event({ from: "2024-11-01", to: "2024-11-27" })), whole(0))
    })
  )

  it.effect("of some days names what is missing and altered in each, and an event for each that has any", () =>
    Effect.gen(function* () {
      const world = yield* worldAt({ clients })
      world.archive.inspect = (id, date) => {
        if (date === "2024-02-29" && id !== "2") return Effect.succeed(id === "1" ? "missing" : "altered")
        return Effect.succeed(date === "2024-03-02" && id === "2" ? "missing" : "intact")
      }
      assert.deepStrictEqual(yield* verifyIn(world, event({ from: "2024-02-28", to: "2024-03-02" })), {
        checked: 12,
        missing: [gap(1, "2024-02-29"), gap(2, "2024-03-02")],
        altered: [gap(3, "2024-02-29")],
        backfill: [
          { triggerDate: "2024-02-29", clientIds: ["1", "3"] },
          { triggerDate: "2024-03-02", clientIds: ["2"] }
        ]
      })
    })
  )

  it.effect("that has no time left says how to go on, and does", () =>
    Effect.gen(function* () {
      const world = yield* worldAt({ clients, settings: { concurrency: 1 } })
      // Thirty seconds for each day.
      world.archive.inspect = () => Effect.delay(Effect.succeed("missing"), "10 seconds")
      const first = yield* hurried(verifyIn(world, event({ from: "2024-11-25", to: "2024-11-28" }), 100_000))
      assert.strictEqual(first.checked, 6)
      assert.deepStrictEqual(first.continuation, { from: "2024-11-27", to: "2024-11-28" })
      const second = yield* hurried(verifyIn(world, event(first.continuation)))
      assert.notProperty(second, "continuation")
      assert.deepStrictEqual(
        [...first.backfill, ...second.backfill].map(({ triggerDate }) => triggerDate),
        ["2024-11-25", "2024-11-26", "2024-11-27", "2024-11-28"]
      )
    })
  )

  it.effect("gives up a day that takes longer than there is time, and leaves it for the next one", () =>
    Effect.gen(function* () {
      const world = yield* worldAt({ clients })
      world.archive.inspect = (_, date) => (date === "2024-11-26" ? Effect.never : Effect.succeed("intact"))
      const summary = yield* hurried(verifyIn(world, event({ from: "2024-11-25", to: "2024-11-27" }), 60_000))
      assert.deepStrictEqual(summary, { ...whole(3), continuation: { from: "2024-11-26", to: "2024-11-27" } })
    })
  )

  it.effect("of a bucket or a database that is out is an error, and no gap", () =>
    Effect.gen(function* () {
      const world = yield* worldAt({ clients })
      const store = new ArchiveStoreError({ reason: "AccessDenied" })
      world.archive.inspect = () => Effect.fail(store)
      assert.strictEqual(yield* Effect.flip(verifyIn(world, event({ triggerDate: "2024-11-27" }))), store)
      const database = new DexDatabaseError({ reason: "ESOCKET", retryable: true })
      world.clients.list = Effect.fail(database)
      assert.strictEqual(yield* Effect.flip(verifyIn(world, event({ triggerDate: "2024-11-27" }))), database)
    })
  )

  it.effect("needs no token, and says in its log whether the archive is whole", () =>
    Effect.gen(function* () {
      const world = yield* worldAt({ clients })
      const { lines } = yield* written(verifyIn(world, event({ triggerDate: "2024-11-27" })))
      assert.deepInclude(
        lines.find(({ message }) => message === "the archive has gaps"),
        { level: "ERROR", checked: 3, missing: 3, altered: 0 }
      )
      assert.lengthOf(world.tokenCalls, 0)
    })
  )

  it("is of a day or of days in their order, and of nothing else", () => {
    const decode = Schema.decodeUnknownEither(VerifyEvent)
    for (const refused of [
      {},
      null,
      "2024-11-27",
      { triggerDate: "27.11.2024" },
      { triggerDate: "2024-02-30" },
      { from: "2024-11-27" },
      { to: "2024-11-27" },
      { from: "2024-11-28", to: "2024-11-27" },
      { from: "2024-11-27", to: "x" }
    ]) {
      assert.strictEqual(decode(refused)._tag, "Left", JSON.stringify(refused))
    }
    assert.strictEqual(decode({ from: "2024-11-27", to: "2024-11-27" })._tag, "Right")
  })
})

layer(bucket)("a verification of a real bucket", (it) => {
  it.effect("finds what was deleted and changed, and its events archive exactly that", () =>
    Effect.gen(function* () {
      const { archive, direct, mark, remove, rule, sandbox } = yield* DexBucket
      const many = Array.from({ length: 12 }, (_, at) => row(at + 1))
      const world = yield* worldAt({ clients: many })
      Object.assign(world.archive, archive)
      yield* hurried(run(world), 50)
      const asked = event({ triggerDate: day })
      assert.deepStrictEqual(yield* hurried(verifyIn(world, asked), 50), whole(12))
      const keyOf = (id: number) => archiveKey(clientId(id), day)
      const other = { Bucket: "dex-trigger-archive", Key: keyOf(5), Body: "{}", Metadata: { sha256: "0" } }
      yield* Effect.promise(async () => {
        await remove(keyOf(3))
        await direct.send(new PutObjectCommand(other))
        await mark(keyOf(9), {})
      })
      const found = yield* hurried(verifyIn(world, asked), 50)
      assert.deepStrictEqual(found, {
        checked: 12,
        missing: [gap(3, "2024-11-27")],
        altered: [gap(5, "2024-11-27"), gap(9, "2024-11-27")],
        backfill: [{ triggerDate: "2024-11-27", clientIds: ["3", "5", "9"] }]
      })
      sandbox.clear()
      world.calls.length = 0
      // As Lambda would hand it over: what the verification answers is an event.
      for (const backfill of found.backfill) {
        const decoded = Schema.decodeUnknownSync(Event)(JSON.parse(JSON.stringify(backfill)))
        assert.strictEqual((yield* hurried(run(world, decoded), 50)).successful_archives, 3)
      }
      assert.sameMembers(
        world.calls.map((call) => call.clientId),
        ["3", "5", "9"]
      )
      rule({ operation: "GetObject" }, { error: "SlowDown", status: 503 }, 3)
      assert.deepStrictEqual(yield* hurried(verifyIn(world, asked), 50), whole(12))
    })
  )
})
