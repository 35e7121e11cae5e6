/** The verification: clients against objects, and the events that close what is open (contract Decision 8). */
import { PutObjectCommand } from "@aws-sdk/client-s3"
import { assert, describe, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import { Event } from "../../../src/handlers/DexArchive/Archive.ts"
import { VerifyEvent, type VerifySummary } from "../../../src/schemas/DexArchive.ts"
import { DexConfigurationError, DexDatabaseError } from "../../../src/schemas/DexArchiveError.ts"
import { archiveKey } from "../../../src/services/DexArchive/ArchiveKey.ts"
import { ArchiveStoreError } from "../../../src/services/TriggerArchive.ts"
import { DexBucket, layer as bucket } from "../../support/dexBucket.ts"
import { clientId, day, hurried, row, run, verifyIn, worldAt } from "../../support/dexWorld.ts"
import { type Line, type Written, written } from "../../support/logs.ts"

const event = Schema.decodeUnknownSync(VerifyEvent)
const clients = [row(1), row(2), row(3), row("x")]

const gap = (id: number, date: string) => ({
  client_id: String(id),
  trigger_date: date,
  key: `trigger/${id}/${id}_trigger_${date.replaceAll("-", "")}.json`
})

/** What a verification says in its log, without the lines of any operation. */
const told = (lines: ReadonlyArray<Line>): ReadonlyArray<string> =>
  lines.flatMap(({ level, message }) => (message === undefined ? [] : [`${String(level)} ${String(message)}`]))

const whole = (checked: number): VerifySummary => ({ checked, missing: [], altered: [], backfill: [] })

describe("a verification", () => {
  it.effect("of a day that is whole finds nothing, and counts those that have an id", () =>
    Effect.gen(function* () {
      const world = yield* worldAt({ clients })
      yield* run(world)
      assert.deepStrictEqual(yield* verifyIn(world, event({ triggerDate: "2024-11-27" })), whole(3))
    })
  )

  it.effect("of no clients finds nothing, however many days there are, and calls nothing whole", () =>
    Effect.gen(function* () {
      const world = yield* worldAt({ clients: [] })
      const { exit, lines } = yield* written(verifyIn(world, event({ from: "0001-01-01", to: "9999-12-31" })))
      assert.deepStrictEqual(exit, Exit.succeed(whole(0)))
      assert.deepStrictEqual(told(lines), ["WARN there are no clients"])
    })
  )

  it.effect("ends with the last day that there is", () =>
    Effect.gen(function* () {
      const world = yield* worldAt({ clients: [row(1)] })
      const last = yield* verifyIn(world, event({ from: "9999-12-30", to: "9999-12-31" }))
      assert.deepStrictEqual(last, {
        checked: 2,
        missing: [gap(1, "9999-12-30"), gap(1, "9999-12-31")],
        altered: [],
        backfill: ["9999-12-30", "9999-12-31"].map((triggerDate) => ({ triggerDate, clientIds: ["1"] }))
      })
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

  it.effect("that has time for a part of a day keeps what it found there, and goes on behind it", () =>
    Effect.gen(function* () {
      const world = yield* worldAt({
        clients: [row(1), row(2), row(3), row(10), row(11)],
        settings: { concurrency: 2 }
      })
      // A minute for each client, and hours for one: every invocation has time for two at most.
      const looked: Array<string> = []
      world.archive.inspect = (id, date) => {
        looked.push(`${id} ${date}`)
        const minutes = id === "3" && looked.filter((one) => one.startsWith("3 ")).length === 1 ? 600 : 1
        return Effect.delay(Effect.succeed(id === "2" ? "altered" : "missing"), minutes * 60_000)
      }
      const answers: Array<VerifySummary> = []
      const logs: Array<Line> = []
      let asked: VerifyEvent | undefined = event({ from: "2024-11-26", to: "2024-11-27" })
      while (asked !== undefined) {
        const { exit, lines }: Written<VerifySummary, unknown> = yield* hurried(
          written(verifyIn(world, asked, 150_000))
        )
        const answer: VerifySummary = Exit.isSuccess(exit) ? exit.value : assert.fail("it failed")
        answers.push(answer)
        logs.push(...lines)
        assert.isAbove(answer.checked, 0)
        // As Lambda would hand it over.
        asked = answer.continuation === undefined ? undefined : event(JSON.parse(JSON.stringify(answer.continuation)))
      }
      assert.deepStrictEqual(answers[0]?.continuation, { from: "2024-11-26", to: "2024-11-27", after: "2" })
      assert.deepStrictEqual(answers[0]?.backfill, [{ triggerDate: "2024-11-26", clientIds: ["1", "2"] }])
      const days = ["2024-11-26", "2024-11-27"]
      assert.deepStrictEqual(
        answers.flatMap(({ missing }) => missing),
        days.flatMap((date) => [1, 3, 10, 11].map((id) => gap(id, date)))
      )
      assert.deepStrictEqual(
        answers.flatMap(({ altered }) => altered),
        days.map((date) => gap(2, date))
      )
      assert.strictEqual(
        answers.reduce((sum, { checked }) => sum + checked, 0),
        10
      )
      const unfinished = logs.filter(({ level }) => level === "WARN")
      assert.lengthOf(unfinished, answers.length - 1)
      assert.deepInclude(unfinished[0], { checked: 2, missing: 1, altered: 1, triggerDate: "2024-11-26" })
    })
  )

  it.effect("that finds more than an answer may have in it goes on in another one", () =>
    Effect.gen(function* () {
      const count = 12_000
      const clients = Array.from({ length: count }, (_, at) => row(String(10n ** 18n + BigInt(at))))
      const world = yield* worldAt({ clients })
      const answers: Array<VerifySummary> = []
      let asked: VerifyEvent | undefined = event({ from: "2024-11-21", to: "2024-11-24" })
      while (asked !== undefined) {
        const answer: VerifySummary = yield* verifyIn(world, asked)
        answers.push(answer)
        assert.isBelow(JSON.stringify(answer).length, 5_500_000)
        asked = answer.continuation === undefined ? undefined : event(answer.continuation)
      }
      assert.isAbove(answers.length, 1)
      const found = answers.flatMap(({ missing }) => missing.map(({ key }) => key))
      assert.lengthOf(found, 4 * count)
      assert.strictEqual(new Set(found).size, 4 * count)
      assert.lengthOf(
        answers.flatMap(({ backfill }) => backfill.flatMap(({ clientIds }) => clientIds)),
        4 * count
      )
    })
  )

  it.effect("is counted as fatal when it is rejected, and not when it is answered or stopped", () =>
    Effect.gen(function* () {
      const world = yield* worldAt({ clients })
      const day = event({ triggerDate: "2024-11-27" })
      const isFatal = (text: string): boolean => text.includes('"Fatal":1')
      assert.isFalse(isFatal((yield* written(verifyIn(world, day))).text))
      world.archive.inspect = () => Effect.interrupt
      assert.isFalse(isFatal((yield* written(verifyIn(world, day))).text))
      world.archive.inspect = () => Effect.fail(new ArchiveStoreError({ reason: "AccessDenied" }))
      assert.isTrue(isFatal((yield* written(verifyIn(world, day))).text))
      world.archive.inspect = () => Effect.die(new Error("boom"))
      assert.isTrue(isFatal((yield* written(verifyIn(world, day))).text))
      world.clients.list = Effect.fail(new DexDatabaseError({ reason: "ESOCKET", retryable: true }))
      assert.isTrue(isFatal((yield* written(verifyIn(world, day))).text))
      const configuration = new DexConfigurationError({ reason: "Missing required environment variables: A" })
      const unset = yield* worldAt({ configuration })
      assert.isTrue(isFatal((yield* written(verifyIn(unset, day))).text))
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

  it.effect("calls the archive whole only when it has looked at everything, and everything can be archived", () =>
    Effect.gen(function* () {
      const clients = [row(1), row(2), row(3)]
      const world = yield* worldAt({ clients })
      world.archive.inspect = () => Effect.succeed("intact")
      const asked = event({ from: "2024-11-26", to: "2024-11-27" })
      const complete = yield* written(verifyIn(world, asked))
      assert.deepStrictEqual(told(complete.lines), ["INFO the archive is whole"])
      const late = yield* written(verifyIn(world, asked, 30_000))
      assert.deepStrictEqual(told(late.lines), ["WARN not everything was looked at: go on with the continuation"])
      assert.deepInclude(
        late.lines.find(({ level }) => level === "WARN"),
        { checked: 0, triggerDate: "2024-11-26" }
      )
      const rest = yield* written(verifyIn(world, event({ from: "2024-11-26", to: "2024-11-27", after: "2" })))
      assert.deepStrictEqual(told(rest.lines), ["INFO the rest is whole"])
      assert.deepInclude(
        rest.lines.find(({ message }) => message !== undefined),
        { checked: 1 + 3, missing: 0, altered: 0 }
      )
      const others = yield* worldAt({ clients: [...clients, row("x"), row(-1)] })
      others.archive.inspect = () => Effect.succeed("intact")
      const { lines } = yield* written(verifyIn(others, asked))
      assert.deepStrictEqual(told(lines), ["WARN some clients have no valid id, and can never be archived"])
      assert.strictEqual(lines.find(({ level }) => level === "WARN")?.["invalid"], 2)
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
      { from: "2024-11-27", to: "x" },
      { from: "2024-11-27", to: "2024-11-27", after: "../x" }
    ]) {
      assert.strictEqual(decode(refused)._tag, "Left", JSON.stringify(refused))
    }
    assert.strictEqual(decode({ from: "2024-11-27", to: "2024-11-27" })._tag, "Right")
    assert.strictEqual(decode({ from: "2024-11-27", to: "2024-11-27", after: "12345" })._tag, "Right")
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
