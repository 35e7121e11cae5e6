/** The bucket: what is written, under which conditions, and how it is looked at again (contract B1.8, Decisions 3, 4, 8). */
import { createHash } from "node:crypto"
import { PutObjectCommand } from "@aws-sdk/client-s3"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { make } from "../../../src/layers/DexArchive/TriggerArchive.ts"
import { archiveKey } from "../../../src/services/DexArchive/ArchiveKey.ts"
import { DexBucket, layer as bucket } from "../../support/dexBucket.ts"
import { clientId, day, hurried, noon } from "../../support/dexWorld.ts"
import { written } from "../../support/logs.ts"
import { until } from "../../support/minterFaults.ts"

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex")

let clients = 0

/** A client of which there is nothing yet, and the bucket without rules. */
const fresh = Effect.gen(function* () {
  yield* TestClock.setTime(noon)
  const parts = yield* DexBucket
  parts.sandbox.clear()
  clients += 1
  const id = clientId(clients)
  const key = archiveKey(id, day)
  // The clock goes on in small steps: calls take real time, and have limits.
  const keep = (text: string) => hurried(parts.archive.keep(id, day, bytes(text)), 100)
  const inspect = hurried(parts.archive.inspect(id, day), 100)
  return { ...parts, id, key, keep, inspect, object: () => Effect.promise(() => parts.object(key)) }
})

const conflict = { error: "ConditionalRequestConflict", status: 409 }
const slowDown = { error: "SlowDown", status: 503 }

layer(bucket)("the bucket", (it) => {
  it.effect("DEX-25 has an object with the bytes, the type and the metadata of the contract, and no more", () =>
    Effect.gen(function* () {
      const { asked, id, key, keep, object, sandbox } = yield* fresh
      assert.strictEqual(yield* keep('{"message":"Héllo 🙂"}'), "created")
      const stored = (yield* object()) ?? assert.fail("there is no object")
      assert.strictEqual(key, `trigger/${id}/${id}_trigger_20241127.json`)
      assert.strictEqual(stored.text, '{"message":"Héllo 🙂"}')
      assert.strictEqual(stored.contentType, "application/json")
      const { archived_at, ...metadata } = stored.metadata
      assert.match(archived_at ?? "", /^2024-11-27T15:00:0\d\.\d{3}Z$/)
      assert.deepStrictEqual(metadata, {
        client_id: id,
        trigger_date: "2024-11-27",
        sha256: sha256('{"message":"Héllo 🙂"}')
      })
      assert.deepStrictEqual(asked(), ["PutObject 200"])
      assert.strictEqual(sandbox.requests()[0]?.headers["if-none-match"], "*")
    })
  )

  it.effect("DEX-44 is not written where the same bytes are there already", () =>
    Effect.gen(function* () {
      const { asked, keep, object } = yield* fresh
      yield* keep("{}")
      const before = yield* object()
      assert.strictEqual(yield* keep("{}"), "unchanged")
      assert.deepStrictEqual(yield* object(), before)
      assert.deepStrictEqual(asked(), ["PutObject 200", "PutObject 412", "GetObject 200"])
    })
  )

  it.effect("DEX-44 is overwritten where others are there, on the condition that they are still those", () =>
    Effect.gen(function* () {
      const { asked, keep, object, sandbox } = yield* fresh
      yield* keep("[1]")
      const before = yield* object()
      assert.strictEqual(yield* keep("[2]"), "overwritten")
      assert.strictEqual((yield* object())?.text, "[2]")
      assert.strictEqual((yield* object())?.metadata["sha256"], sha256("[2]"))
      assert.deepStrictEqual(asked(), ["PutObject 200", "PutObject 412", "GetObject 200", "PutObject 200"])
      assert.strictEqual(sandbox.requests().at(-1)?.headers["if-match"], before?.etag)
    })
  )

  it.effect("DEX-44 is written again after a conflict, created or overwritten", () =>
    Effect.gen(function* () {
      const { keep, object, rule } = yield* fresh
      rule({ operation: "PutObject" }, conflict, 2)
      assert.strictEqual(yield* keep("[1]"), "created")
      rule({ operation: "PutObject" }, { error: "PreconditionFailed", status: 412 })
      rule({ operation: "PutObject" }, conflict)
      assert.strictEqual(yield* keep("[2]"), "overwritten")
      assert.strictEqual((yield* object())?.text, "[2]")
    })
  )

  it.effect("DEX-44 is written by what the statuses 409 and 412 say, also where S3 gives no name", () =>
    Effect.gen(function* () {
      const { asked, keep, object, rule } = yield* fresh
      rule({ operation: "PutObject" }, { status: 409 }, 2)
      assert.strictEqual(yield* keep("[1]"), "created")
      rule({ operation: "PutObject" }, { status: 412 })
      assert.strictEqual(yield* keep("[1]"), "unchanged")
      assert.deepStrictEqual(asked(), [
        "PutObject 409",
        "PutObject 409",
        "PutObject 200",
        "PutObject 412",
        "GetObject 200"
      ])
      rule({ operation: "PutObject" }, { status: 412 })
      assert.strictEqual(yield* keep("[2]"), "overwritten")
      assert.strictEqual((yield* object())?.text, "[2]")
    })
  )

  it.effect("DEX-43 is written in a storm of SlowDown, and in others that pass", () =>
    Effect.gen(function* () {
      const { keep, object, rule } = yield* fresh
      rule({ operation: "PutObject" }, slowDown, 4)
      rule({ operation: "PutObject" }, { reset: true })
      rule({ operation: "PutObject" }, { status: 500 })
      assert.strictEqual(yield* keep("[1]"), "created")
      assert.strictEqual((yield* object())?.text, "[1]")
    })
  )

  it.effect("is given up in a storm that does not end, and for what will never be", () =>
    Effect.gen(function* () {
      const { asked, keep, object, rule } = yield* fresh
      rule({ operation: "PutObject" }, slowDown, 100)
      assert.strictEqual((yield* Effect.flip(keep("[1]"))).reason, "SlowDown")
      assert.lengthOf(asked(), 7)
      const denied = yield* fresh
      denied.rule({ operation: "PutObject" }, { error: "AccessDenied", status: 403 })
      assert.strictEqual((yield* Effect.flip(denied.keep("[1]"))).reason, "AccessDenied")
      assert.isUndefined(yield* object())
    })
  )

  it.effect("a write whose answer is lost has happened, is not done twice, and is told as what it was", () =>
    Effect.gen(function* () {
      const { asked, keep, object, rule, sandbox } = yield* fresh
      rule({ operation: "PutObject" }, { commitThenReset: true })
      assert.strictEqual(yield* keep("[1]"), "created")
      assert.strictEqual((yield* object())?.text, "[1]")
      assert.deepStrictEqual(asked(), ["PutObject 200", "PutObject 412", "GetObject 200"])
      sandbox.clear()
      rule({ operation: "PutObject" }, { delayMs: 0 })
      rule({ operation: "PutObject" }, { commitThenReset: true })
      assert.strictEqual(yield* keep("[2]"), "overwritten")
      assert.strictEqual((yield* object())?.text, "[2]")
      assert.strictEqual(asked().filter((one) => one === "PutObject 200").length, 1)
      assert.strictEqual(yield* keep("[2]"), "unchanged")
    })
  )

  it.effect("a write whose answer is lost, and that somebody else has done meanwhile, is theirs", () =>
    Effect.gen(function* () {
      const { id, key, keep, mark, rule } = yield* fresh
      yield* keep("[1]")
      const theirs = {
        client_id: String(id),
        trigger_date: day,
        sha256: sha256("[1]"),
        archived_at: "2024-11-27T14:00:00.000Z"
      }
      yield* Effect.promise(() => mark(key, theirs))
      rule({ operation: "PutObject" }, { reset: true })
      assert.strictEqual(yield* keep("[1]"), "unchanged")
    })
  )

  it.effect("an object that is overwritten has a line in the log, with its key and nothing that is in it", () =>
    Effect.gen(function* () {
      const { archive, id, key, keep } = yield* fresh
      yield* keep('["first"]')
      const { lines, text } = yield* hurried(written(archive.keep(id, day, bytes('["second"]'))), 100)
      assert.deepStrictEqual(
        lines.map(({ key: named, level }) => [level, named]),
        [["INFO", key]]
      )
      assert.notMatch(text, /first|second/)
      assert.lengthOf((yield* hurried(written(archive.keep(id, day, bytes('["second"]'))), 100)).lines, 0)
    })
  )

  it.effect("what is deleted between our look and our write is created", () =>
    Effect.gen(function* () {
      const { key, keep, object, remove, rule, sandbox } = yield* fresh
      yield* keep("[1]")
      rule({ operation: "GetObject" }, { delayMs: 150 })
      const fiber = yield* Effect.fork(keep("[2]"))
      yield* until(() => sandbox.requests().some(({ operation }) => operation === "GetObject"), "the look")
      yield* Effect.promise(() => remove(key))
      assert.include(["created", "overwritten"], yield* Fiber.join(fiber))
      assert.strictEqual((yield* object())?.text, "[2]")
      const again = yield* fresh
      yield* again.keep("[1]")
      again.rule({ operation: "PutObject" }, { error: "PreconditionFailed", status: 412 })
      again.rule({ operation: "PutObject" }, { error: "NoSuchKey", status: 404 })
      assert.strictEqual(yield* again.keep("[2]"), "overwritten")
    })
  )

  it.effect("DEX-44 writers with different bytes: one of them is there in the end, whole, and none fails", () =>
    Effect.gen(function* () {
      const { archive, id, inspect, object } = yield* fresh
      for (const count of [2, 5]) {
        const texts = Array.from({ length: count }, (_, at) => `[${count},${at}]`)
        const kept = yield* hurried(
          Effect.forEach(texts, (text) => archive.keep(id, day, bytes(text)), { concurrency: "unbounded" }),
          100
        )
        assert.notInclude(kept, "unchanged")
        assert.include(texts, (yield* object())?.text)
        assert.strictEqual(yield* inspect, "intact")
      }
    })
  )

  it.effect("DEX-44 twenty writers of the same bytes: one of them writes", () =>
    Effect.gen(function* () {
      const { archive, id } = yield* fresh
      const kept = yield* hurried(
        Effect.all(
          Array.from({ length: 20 }, () => archive.keep(id, day, bytes("[1]"))),
          { concurrency: "unbounded" }
        ),
        100
      )
      assert.lengthOf(
        kept.filter((one) => one === "created"),
        1
      )
      assert.lengthOf(
        kept.filter((one) => one === "unchanged"),
        19
      )
    })
  )

  it.effect("others that always come first are an error in the end", () =>
    Effect.gen(function* () {
      const { asked, keep, rule } = yield* fresh
      yield* keep("[1]")
      rule({ operation: "PutObject" }, { error: "PreconditionFailed", status: 412 }, 1_000)
      assert.strictEqual((yield* Effect.flip(keep("[2]"))).reason, "others write the same object")
      assert.isAtMost(asked().length, 1 + 6 * 3)
    })
  )

  it.effect("DEX-53 an upload that is interrupted is given up", () =>
    Effect.gen(function* () {
      const { archive, asked, id, rule, sandbox } = yield* fresh
      rule({ operation: "PutObject" }, { delayMs: 5_000 })
      const fiber = yield* Effect.fork(archive.keep(id, day, bytes("[1]")))
      yield* until(() => sandbox.requests().length === 1, "the upload")
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust("1 minutes")
      assert.deepStrictEqual(asked(), ["PutObject null"])
    })
  )

  it.effect("an upload that is silent is given up after fifteen seconds, and made again", () =>
    Effect.gen(function* () {
      const { id, archive, rule, sandbox } = yield* fresh
      rule({ operation: "PutObject" }, { delayMs: 60_000 })
      const fiber = yield* Effect.fork(archive.keep(id, day, bytes("[1]")))
      yield* until(() => sandbox.requests().length === 1, "the upload")
      yield* TestClock.adjust("15 seconds")
      assert.strictEqual(yield* hurried(Fiber.join(fiber), 100), "created")
    })
  )

  it.effect("a look: intact, altered in its bytes or in what is said of them, missing", () =>
    Effect.gen(function* () {
      const { id, direct, inspect, key, keep, mark } = yield* fresh
      const good = { client_id: String(id), trigger_date: "2024-11-27", sha256: sha256("[1]") }
      assert.strictEqual(yield* inspect, "missing")
      yield* keep("[1]")
      assert.strictEqual(yield* inspect, "intact")
      const flaws: ReadonlyArray<Record<string, string>> = [
        {},
        { ...good, sha256: sha256("[2]") },
        { ...good, sha256: "" },
        { ...good, client_id: "0" },
        { ...good, trigger_date: "2024-11-26" }
      ]
      for (const metadata of flaws) {
        yield* Effect.promise(() => mark(key, metadata))
        assert.strictEqual(yield* inspect, "altered", JSON.stringify(metadata))
        // Archiving the same response makes it whole.
        assert.strictEqual(yield* keep("[1]"), "overwritten")
        assert.strictEqual(yield* inspect, "intact")
      }
      const other = { Bucket: "dex-trigger-archive", Key: key, Body: "[10]", Metadata: good }
      yield* Effect.promise(() => direct.send(new PutObjectCommand(other)))
      assert.strictEqual(yield* inspect, "altered")
    })
  )

  it.effect("a download that breaks off is made again, and given up when it always does", () =>
    Effect.gen(function* () {
      const { inspect, keep, rule } = yield* fresh
      yield* keep(`["${"x".repeat(200_000)}"]`)
      rule({ operation: "GetObject" }, { truncate: 1_000 }, 2)
      assert.strictEqual(yield* inspect, "intact")
      rule({ operation: "GetObject" }, { truncate: 1_000 }, 100)
      assert.strictEqual((yield* Effect.flip(inspect)).reason, "the download broke off")
    })
  )

  it.effect("a bucket that there is not is an error, and no missing object", () =>
    Effect.gen(function* () {
      const { id, s3 } = yield* fresh
      const nowhere = make(s3, "no-such-bucket")
      assert.strictEqual((yield* Effect.flip(nowhere.inspect(id, day))).reason, "NoSuchBucket")
      assert.strictEqual((yield* Effect.flip(nowhere.keep(id, day, bytes("{}")))).reason, "NoSuchBucket")
    })
  )

  it.effect("a look that is not allowed is an error", () =>
    Effect.gen(function* () {
      const { inspect, rule } = yield* fresh
      rule({ operation: "GetObject" }, { error: "AccessDenied", status: 403 })
      assert.strictEqual((yield* Effect.flip(inspect)).message, "the archive could not be used: AccessDenied")
    })
  )
})
