import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import type { RequestRecord } from "../../../src/schemas/DataSubjectRequest.ts"
import { Results } from "../../../src/services/Results.ts"
import { written } from "../../support/logs.ts"
import { type Call, failing, known } from "../../support/mparticle.ts"
import { reconciling, world } from "../../support/reconcile.ts"
import { minutesAgo, onRecord, recordWith } from "../../support/records.ts"

const resultsUrl = (call: Call): string => `${call.url}/results`

/** mParticle's answer that a request is completed, with its results there. */
const completedAt = (urlOf: (call: Call) => unknown) => (call: Call) =>
  known("completed", { results_url: urlOf(call) })(call)

/** A completed export on record, and an mParticle that has a zip for it. */
const completed = (overrides: Partial<RequestRecord> = {}) =>
  Effect.gen(function* () {
    const { bucket, fake, memory } = yield* world
    fake.lookup = completedAt(resultsUrl)
    fake.download = () => new Response("a zip", { headers: { "content-length": "5" } })
    const record = recordWith({ type: "export", status: "completed", ...overrides })
    yield* onRecord(record)
    const key = `${record.id}.zip`
    const stored = () => memory.records.get(record.id)
    return { bucket, fake, record, key, location: `s3://results/${key}`, stored }
  })

const collect = (record: RequestRecord) => Effect.flatMap(Results, (results) => results.collect(record))

const reasonOf = (record: RequestRecord) => Effect.map(Effect.flip(collect(record)), ({ message }) => message)

const because = (reason: string): string => `The results of an export could not be copied: ${reason}`

describe("copying the results of an export", () => {
  it.effect("ST-17 asks mParticle, fetches the zip with our credentials, and writes it once, byte for byte", () =>
    Effect.gen(function* () {
      const { bucket, fake, key, location, record, stored } = yield* completed()
      const bytes = Uint8Array.from({ length: 70_000 }, (_, index) => index % 251)
      fake.download = () => new Response(bytes)
      assert.deepStrictEqual(yield* collect(record), { ...record, resultLocations: [location] })
      assert.deepStrictEqual(stored()?.resultLocations, [location])
      assert.deepStrictEqual(bucket.objects.get(`results/${key}`), Buffer.from(bytes))
      assert.strictEqual(bucket.contentTypes.get(`results/${key}`), "application/zip")
      assert.deepStrictEqual(bucket.calls, [`HeadObject results/${key}`, `PutObject results/${key}`])
      const base = `https://opendsr.example.com/v3/requests/${record.id}`
      assert.deepStrictEqual(
        [...fake.lookups, ...fake.downloads].map(({ headers, method, url }) => [method, url, headers["authorization"]]),
        [
          ["GET", base, `Basic ${btoa("key:s3cret")}`],
          ["GET", `${base}/results`, `Basic ${btoa("key:s3cret")}`]
        ]
      )
    }).pipe(reconciling())
  )

  it.effect("ST-23 under a key that follows from the prefix and the request's id alone", () =>
    Effect.gen(function* () {
      const { bucket, record } = yield* completed()
      const { record: other } = yield* completed()
      for (const { id } of [record, other]) {
        const location = `s3://sar/mparticle-results/${id}.zip`
        const again = recordWith({ id, type: "export", status: "completed" })
        for (const copy of [record.id === id ? record : other, again]) {
          assert.deepStrictEqual((yield* collect(copy)).resultLocations, [location])
        }
        assert.isTrue(bucket.objects.has(`sar/mparticle-results/${id}.zip`))
      }
      assert.strictEqual(bucket.objects.size, 2)
    }).pipe(
      reconciling({
        settings: { resultsPrefix: "mparticle-results/" },
        parameters: { "sar-results-bucket": "sar" }
      })
    )
  )

  it.effect("ST-17 fetches nothing when the object is there: only its place is noted", () =>
    Effect.gen(function* () {
      const { bucket, fake, key, location, record, stored } = yield* completed()
      bucket.objects.set(`results/${key}`, Buffer.from("copied before"))
      assert.deepStrictEqual((yield* collect(record)).resultLocations, [location])
      assert.deepStrictEqual(stored()?.resultLocations, [location])
      assert.lengthOf([...fake.lookups, ...fake.downloads], 0)
      assert.deepStrictEqual(bucket.calls, [`HeadObject results/${key}`])
    }).pipe(reconciling())
  )

  it.effect("ST-17 leaves an object alone that somebody wrote meanwhile", () =>
    Effect.gen(function* () {
      const { bucket, fake, key, location, record } = yield* completed()
      fake.download = () => {
        bucket.objects.set(`results/${key}`, Buffer.from("theirs"))
        return new Response("ours")
      }
      assert.deepStrictEqual((yield* collect(record)).resultLocations, [location])
      assert.strictEqual(bucket.objects.get(`results/${key}`)?.toString(), "theirs")
    }).pipe(reconciling())
  )

  it.effect("ST-22 an existence check that fails counts as absent, with a warning", () =>
    Effect.gen(function* () {
      const { bucket, key, location, record } = yield* completed()
      bucket.fails = (operation) => (operation === "HeadObject" ? 403 : undefined)
      const { exit, lines } = yield* written(collect(record))
      assert.deepStrictEqual((yield* exit).resultLocations, [location])
      assert.isTrue(bucket.objects.has(`results/${key}`))
      assert.deepStrictEqual(
        lines.map(({ level, message }) => [level, message]),
        [["WARN", "whether results are there already is not known: s3 HeadObject failed: AccessDenied"]]
      )
    }).pipe(reconciling())
  )

  it.effect("ST-20 T-76 there are none where mParticle answers 404", () =>
    Effect.gen(function* () {
      const { bucket, fake, record, stored } = yield* completed()
      fake.download = failing(404)
      assert.deepStrictEqual(yield* collect(record), { ...record, resultLocations: [] })
      assert.deepInclude(stored(), { status: "completed", resultLocations: [] })
      assert.strictEqual(bucket.objects.size, 0)
      assert.lengthOf(fake.alerts, 0)
    }).pipe(reconciling())
  )

  it.effect("ST-20 there are none where mParticle names no URL a day after the end", () =>
    Effect.gen(function* () {
      const { fake, record, stored } = yield* completed({ completedAt: minutesAgo(0) })
      fake.lookup = completedAt(() => null)
      yield* TestClock.adjust("1439 minutes")
      assert.strictEqual(yield* reasonOf(record), because("mParticle names no place for them yet"))
      assert.deepStrictEqual(stored(), record)
      yield* TestClock.adjust("1 minutes")
      assert.deepStrictEqual((yield* collect(record)).resultLocations, [])
      assert.lengthOf(fake.downloads, 0)
    }).pipe(reconciling())
  )

  it.effect("T-76 expired ones are noted as such, and somebody is told", () =>
    Effect.gen(function* () {
      const { fake, record, stored } = yield* completed()
      fake.download = failing(410)
      const expired = yield* collect(record)
      assert.include(expired, { status: "completed", failureReason: "RESULTS_EXPIRED" })
      assert.notProperty(stored(), "resultLocations")
      assert.deepStrictEqual(yield* collect(expired), expired)
      assert.lengthOf(fake.downloads, 1)
      const [alert, ...more] = fake.alerts
      assert.lengthOf(more, 0)
      assert.deepInclude(alert, { severity: "HIGH", subject: "results-expired", context: { dsrRequestId: record.id } })
    }).pipe(reconciling())
  )

  it.effect("ST-20 does not take mParticle's word for it while that lags behind its callback", () =>
    Effect.gen(function* () {
      for (const lookup of [known("in_progress", { results_url: null }), failing(404)]) {
        const { fake, record, stored } = yield* completed()
        fake.lookup = lookup
        assert.strictEqual(yield* reasonOf(record), because("mParticle does not say that they are ready"))
        assert.notProperty(stored(), "resultLocations")
        fake.lookup = completedAt(resultsUrl)
        assert.lengthOf((yield* collect(record)).resultLocations ?? [], 1)
      }
    }).pipe(reconciling())
  )

  it.effect("ST-17 does nothing for an erasure, before the end, or when it is done", () =>
    Effect.gen(function* () {
      for (const overrides of [
        { type: "delete" },
        { status: "in_progress" },
        { status: "failed" },
        { resultLocations: [] },
        { resultLocations: ["s3://results/a.zip"] },
        { failureReason: "RESULTS_EXPIRED" }
      ] as const) {
        const { bucket, fake, record } = yield* completed(overrides)
        assert.deepStrictEqual(yield* collect(record), record)
        assert.lengthOf([...bucket.calls, ...fake.lookups], 0)
      }
    }).pipe(reconciling())
  )

  it.effect("C-38 says why when S3 refuses, and leaves the record to a later attempt", () =>
    Effect.gen(function* () {
      const { bucket, record, stored } = yield* completed()
      bucket.fails = (operation) => (operation === "PutObject" ? 500 : undefined)
      assert.strictEqual(yield* reasonOf(record), because("s3 PutObject failed: InternalError"))
      assert.deepStrictEqual(stored(), record)
      assert.strictEqual(bucket.calls.filter((call) => call.startsWith("PutObject")).length, 1, "a stream goes once")
    }).pipe(reconciling())
  )

  it.effect("C-38 says why when mParticle does not give them", () =>
    Effect.gen(function* () {
      for (const [change, message] of [
        [{ download: failing(500) }, because("mParticle answered 500")],
        [{ download: failing(302, "", { location: "https://evil.example.com/" }) }, because("mParticle answered 302")],
        [{ download: () => "reset" }, "No answer from mParticle results: the connection failed"],
        [{ lookup: failing(503) }, "mParticle answered 503"]
      ] as const) {
        const { bucket, fake, record, stored } = yield* completed()
        Object.assign(fake, change)
        assert.strictEqual(yield* reasonOf(record), message)
        assert.deepStrictEqual(stored(), record)
        assert.strictEqual(bucket.objects.size, 0)
      }
    }).pipe(reconciling())
  )

  it.effect("a missing setting is an error that names it", () =>
    Effect.gen(function* () {
      const { record } = yield* completed()
      assert.strictEqual(yield* reasonOf(record), "sar-results-bucket is missing")
    }).pipe(reconciling({ parameters: { "sar-results-bucket": "" } }))
  )
})

describe("a results URL that is not mParticle's", () => {
  it.effect("ST-19 T-39 is refused: no call goes there, an error is logged, and neither names it", () =>
    Effect.gen(function* () {
      for (const url of [
        "https://evil.example.com/v3/requests/1/results",
        "https://opendsr.example.com.evil.example.com/v3/requests/1/results",
        "https://opendsr.example.com:8443/v3/requests/1/results",
        "http://opendsr.example.com/v3/requests/1/results",
        "https://opendsr.example.com/v4/requests/1/results",
        "https://opendsr.example.com/v3/../v4/requests/1/results",
        "https://opendsr.example.com@evil.example.com/v3/requests/1/results",
        "https://somebody:s3cret@opendsr.example.com/v3/requests/1/results",
        "/v3/requests/1/results",
        "file:///v3/requests/1/results"
      ]) {
        const { bucket, fake, record, stored } = yield* completed()
        fake.lookup = completedAt(() => url)
        const { exit, lines, text } = yield* written(Effect.flip(collect(record)))
        assert.strictEqual((yield* exit).message, because("the URL is not mParticle's own"), url)
        assert.lengthOf(fake.downloads, 0)
        assert.strictEqual(bucket.objects.size, 0)
        assert.deepStrictEqual(stored(), record)
        assert.isTrue(lines.some(({ level }) => level === "ERROR"))
        assert.notInclude(text, "evil")
        assert.notInclude(text, "requests/1")
      }
    }).pipe(reconciling())
  )
})

describe("links to results", () => {
  const urlsOf = (record: RequestRecord) => Effect.flatMap(Results, (results) => results.downloadUrls(record))

  it.effect("T-16 one for each location, in their order, signed for an hour", () =>
    Effect.gen(function* () {
      const resultLocations = ["b", "a", "folder/c d"].map((name) => `s3://results/${name}.zip`)
      const urls = yield* urlsOf(recordWith({ type: "export", status: "completed", resultLocations }))
      const parsed = urls.map((url) => new URL(url))
      assert.deepStrictEqual(
        parsed.map(({ pathname }) => pathname),
        ["/results/b.zip", "/results/a.zip", "/results/folder/c%20d.zip"]
      )
      for (const { searchParams } of parsed) {
        assert.strictEqual(searchParams.get("X-Amz-Expires"), "3600")
        assert.match(searchParams.get("X-Amz-Signature") ?? "", /^[0-9a-f]{64}$/)
      }
    }).pipe(reconciling())
  )

  it.effect("T-16 none where there are no results", () =>
    Effect.gen(function* () {
      for (const resultLocations of [undefined, []]) {
        const { bucket } = yield* world
        const record = recordWith({ type: "export", status: "completed" })
        assert.deepStrictEqual(
          yield* urlsOf(resultLocations === undefined ? record : { ...record, resultLocations }),
          []
        )
        assert.lengthOf(bucket.calls, 0)
      }
    }).pipe(reconciling())
  )
})
