/** A run of the archive, from its first step to its summary (contract B1.3, B1.9, Decisions 1, 5 and 9). */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { DexConfigurationError, DexDatabaseError, DexPartialFailure } from "../../../src/schemas/DexArchiveError.ts"
import { TriggerDate } from "../../../src/schemas/DexArchive.ts"
import { ArchiveStoreError } from "../../../src/services/TriggerArchive.ts"
import { written } from "../../support/logs.ts"
import {
  answer,
  clientId,
  hurried,
  row,
  run,
  sample,
  secrets,
  status,
  stored,
  worldAt
} from "../../support/dexWorld.ts"

const keys = ["trigger/12345/12345_trigger_20241127.json", "trigger/67890/67890_trigger_20241127.json"]
const fetchFailed = "Failed to fetch trigger data from API"

describe("a run", () => {
  it.effect("DEX-1 archives every client, and answers the original's body, a string", () =>
    Effect.gen(function* () {
      const world = yield* worldAt()
      assert.deepStrictEqual(yield* answer(world), {
        statusCode: 200,
        body: '{"total_clients":2,"successful_archives":2,"failed_archives":0,"errors":[]}'
      })
      assert.sameMembers([...world.objects.keys()], keys)
      assert.strictEqual(
        stored(world, "trigger/12345/12345_trigger_20241127.json"),
        '{"id":"sample-12345","payload":{"message":"Hello","index":12345}}'
      )
    })
  )

  it.effect("DEX-2 goes on after a client whose API fails in all attempts", () =>
    Effect.gen(function* () {
      const world = yield* worldAt()
      world.trigger = (call) => (call.clientId === "12345" ? status(500)() : sample(call))
      const { body, statusCode } = yield* hurried(answer(world))
      assert.strictEqual(statusCode, 200)
      assert.deepStrictEqual(JSON.parse(body), {
        total_clients: 2,
        successful_archives: 1,
        failed_archives: 1,
        errors: [{ client_id: 12_345, client_name: "Acme", error: fetchFailed }]
      })
      assert.deepStrictEqual([...world.objects.keys()], [keys[1]])
      assert.lengthOf(
        world.calls.filter((call) => call.clientId === "12345"),
        3
      )
    })
  )

  it.effect("DEX-2 says of a bucket that fails that the upload failed", () =>
    Effect.gen(function* () {
      const world = yield* worldAt()
      const { keep } = world.archive
      world.archive.keep = (id, ...rest) =>
        id === "12345" ? Effect.fail(new ArchiveStoreError({ reason: "AccessDenied" })) : keep(id, ...rest)
      const { errors, successful_archives } = yield* run(world)
      assert.strictEqual(successful_archives, 1)
      assert.deepStrictEqual(errors, [{ client_id: 12_345, client_name: "Acme", error: "Failed to upload to S3" }])
    })
  )

  it.effect("DEX-4 tells a defect by its message, without what is personal in it, and goes on", () =>
    Effect.gen(function* () {
      const world = yield* worldAt({ clients: [row(1, "a"), row(2, "b"), row(3, "c"), row(4, "d")] })
      const { keep } = world.archive
      const defects = new Map<string, unknown>([
        ["1", new Error("boom")],
        ["2", new Error(`Bearer ${secrets.token} of who@example.com`)],
        ["3", "a text"]
      ])
      world.archive.keep = (id, ...rest) => (defects.has(id) ? Effect.die(defects.get(id)) : keep(id, ...rest))
      const summary = yield* run(world)
      assert.deepStrictEqual([summary.total_clients, summary.failed_archives], [4, 3])
      assert.deepStrictEqual(
        summary.errors.map(({ error }) => error),
        ["boom", "[redacted] of [redacted]", "an unexpected defect"]
      )
    })
  )

  it.effect("DEX-5 of no clients is all zeros, and calls nobody", () =>
    Effect.gen(function* () {
      const world = yield* worldAt({ clients: [] })
      assert.strictEqual(
        (yield* answer(world)).body,
        '{"total_clients":0,"successful_archives":0,"failed_archives":0,"errors":[]}'
      )
      assert.lengthOf(world.calls, 0)
    })
  )

  it.effect("asks one after the other: the token, the clients, their responses", () =>
    Effect.gen(function* () {
      const world = yield* worldAt({ settings: { concurrency: 1 } })
      yield* run(world)
      assert.deepStrictEqual(world.steps, [
        "token",
        "clients",
        "fetch 12345",
        "keep 12345",
        "fetch 67890",
        "keep 67890"
      ])
    })
  )

  it.effect("DEX-7 is rejected before anything is asked where a setting is missing", () =>
    Effect.gen(function* () {
      const configuration = new DexConfigurationError({ reason: "Missing required environment variables: A" })
      const world = yield* worldAt({ configuration })
      assert.strictEqual(yield* Effect.flip(answer(world)), configuration)
      assert.deepStrictEqual(world.steps, [])
    })
  )

  it.effect("DEX-8 is rejected where there is no token: the database is not asked, the message has no secret", () =>
    Effect.gen(function* () {
      const world = yield* worldAt()
      world.token = () => Response.json({ error: "invalid_client", echo: secrets.clientSecret }, { status: 401 })
      const error = yield* Effect.flip(answer(world))
      assert.strictEqual(error._tag, "DexTokenError")
      assert.strictEqual(error.message, "No access token: status 401")
      assert.deepStrictEqual(world.steps, ["token"])
    })
  )

  it.effect("DEX-8 is rejected where the clients cannot be read", () =>
    Effect.gen(function* () {
      const world = yield* worldAt()
      world.clients.list = Effect.fail(new DexDatabaseError({ reason: "ELOGIN", number: 18_456, retryable: false }))
      const error = yield* Effect.flip(answer(world))
      assert.strictEqual(error.message, "The clients could not be read (ELOGIN, 18456)")
      assert.lengthOf(world.calls, 0)
    })
  )

  it.effect("DEX-32 that crosses midnight is about the day on which it began, for all clients", () =>
    Effect.gen(function* () {
      const clients = Array.from({ length: 30 }, (_, at) => row(at + 1))
      const world = yield* worldAt({ clients, settings: { concurrency: 2 } }, Date.parse("2024-11-27T23:59:50Z"))
      world.trigger = (call) =>
        Effect.delay(
          Effect.sync(() => sample(call)),
          "2 seconds"
        )
      yield* hurried(run(world))
      assert.deepStrictEqual(
        [...new Set(world.calls.map(({ url }) => url.searchParams.get("triggerDate")))],
        ["2024-11-27"]
      )
      assert.isAbove(Math.max(...world.calls.map(({ at }) => at)), 15_000)
      for (const key of world.objects.keys()) assert.match(key, /^trigger\/(\d+)\/\1_trigger_20241127\.json$/)
    })
  )

  it.effect("DEX-26 is about the day that its offset says", () =>
    Effect.gen(function* () {
      for (const [offsetDays, date] of [
        [0, "20241127"],
        [-1, "20241126"],
        [1, "20241128"]
      ] as const) {
        const world = yield* worldAt({ settings: { offsetDays } })
        yield* run(world)
        assert.isTrue(world.objects.has(`trigger/12345/12345_trigger_${date}.json`))
      }
    })
  )

  it.effect("DEX-46 makes no request and no key of what is no id, and shows it as it is", () =>
    Effect.gen(function* () {
      const world = yield* worldAt({ clients: [row(7), row("../x", "evil"), row(-1), row(null, null)] })
      const summary = yield* run(world)
      assert.deepStrictEqual([summary.total_clients, summary.successful_archives, summary.failed_archives], [4, 1, 3])
      assert.deepStrictEqual(summary.errors, [
        { client_id: "../x", client_name: "evil", error: "Invalid client ID" },
        { client_id: -1, client_name: "client -1", error: "Invalid client ID" },
        { client_id: null, client_name: null, error: "Invalid client ID" }
      ])
      assert.deepStrictEqual(
        world.calls.map((call) => call.clientId),
        ["7"]
      )
      assert.lengthOf([...world.objects.keys()], 1)
    })
  )

  it.effect("DEX-46 has a line at WARN for each of them, with what it is, and no text of the database", () =>
    Effect.gen(function* () {
      const raws = ["../s3cret", "-1", -7, 1.5, null, "99999999999999999999"]
      const world = yield* worldAt({ clients: [row(7), ...raws.map((raw) => row(raw, null))] })
      const { lines, text } = yield* written(run(world))
      const warnings = lines.filter(({ level, triggerDate }) => level === "WARN" && triggerDate !== undefined)
      assert.deepStrictEqual(
        warnings.map(({ message }) => message),
        [
          "Invalid client ID: a text of 9 characters",
          "Invalid client ID: -1",
          "Invalid client ID: -7",
          "Invalid client ID: 1.5",
          "Invalid client ID: null",
          "Invalid client ID: a text of 20 characters"
        ]
      )
      assert.deepStrictEqual([...new Set(warnings.map(({ triggerDate }) => triggerDate))], ["2024-11-27"])
      assert.notInclude(text, "s3cret")
    })
  )

  it.effect("DEX-46, Decision 9: what is no id is a number where it is a safe one, as a text as well", () =>
    Effect.gen(function* () {
      const raws = ["-1", "-9007199254740991", "-9007199254740993", "00000000000000000000012", "1.5", " -1", ""]
      const world = yield* worldAt({ clients: raws.map((raw) => row(raw, null)) })
      assert.deepStrictEqual(
        (yield* run(world)).errors.map(({ client_id }) => client_id),
        [-1, -9_007_199_254_740_991, "-9007199254740993", 12, "1.5", " -1", ""]
      )
    })
  )

  it.effect("Decision 9: a client_id is a number where it is a safe one, else its digits", () =>
    Effect.gen(function* () {
      const ids = ["9007199254740991", "9007199254740993", "9223372036854775807"]
      const world = yield* worldAt({ clients: ids.map((id) => row(id, null)) })
      world.trigger = status(404)
      const { errors } = yield* run(world)
      assert.deepStrictEqual(
        errors.map(({ client_id }) => client_id),
        [9_007_199_254_740_991, "9007199254740993", "9223372036854775807"]
      )
      assert.deepStrictEqual(
        world.calls.map((call) => call.clientId),
        ids
      )
    })
  )

  it.effect("DEX-52 that archives nobody is an answer, or an error where the settings want it", () =>
    Effect.gen(function* () {
      const world = yield* worldAt()
      world.trigger = status(404)
      const summary = yield* run(world)
      assert.deepStrictEqual([summary.successful_archives, summary.failed_archives], [0, 2])
      const strict = yield* worldAt({ settings: { failOnPartial: true } })
      strict.trigger = status(404)
      const error = yield* Effect.flip(answer(strict))
      assert.deepStrictEqual(error, new DexPartialFailure({ total: 2, failed: 2 }))
      assert.strictEqual(error.message, "2 of 2 clients were not archived")
    })
  )

  it.effect("DEX-52 with FAIL_ON_PARTIAL is an error after all others were archived, and none without failures", () =>
    Effect.gen(function* () {
      const clients = Array.from({ length: 9 }, (_, at) => row(at + 1))
      const world = yield* worldAt({ clients, settings: { failOnPartial: true, concurrency: 1 } })
      world.trigger = (call) => (call.clientId === "1" ? status(403)() : sample(call))
      assert.strictEqual((yield* Effect.flip(answer(world)))._tag, "DexPartialFailure")
      assert.lengthOf([...world.objects.keys()], 8)
      world.trigger = sample
      assert.strictEqual((yield* run(world)).failed_archives, 0)
    })
  )

  it.effect("DEX-49 is about the clients that the event names, and those alone", () =>
    Effect.gen(function* () {
      const clients = [row(1), row(2), row("9007199254740993"), row("x")]
      const world = yield* worldAt({ clients })
      const named = { clientIds: [clientId(2), clientId("9007199254740993"), clientId(404)] }
      const summary = yield* run(world, { ...named, triggerDate: TriggerDate.make("2024-02-29") })
      assert.deepStrictEqual([summary.total_clients, summary.successful_archives], [2, 2])
      assert.sameMembers(
        [...world.objects.keys()],
        ["trigger/2/2_trigger_20240229.json", "trigger/9007199254740993/9007199254740993_trigger_20240229.json"]
      )
      assert.strictEqual((yield* run(world, { clientIds: [] })).total_clients, 0)
      assert.strictEqual((yield* run(world, { clientIds: null, triggerDate: null })).total_clients, 4)
    })
  )
})
