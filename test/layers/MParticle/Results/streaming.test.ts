/** What the bytes of an export do on their way: real HTTP on both sides. */
import { execFile } from "node:child_process"
import { createHash, randomBytes } from "node:crypto"
import { join } from "node:path"
import { promisify } from "node:util"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Results } from "../../../../src/services/Results.ts"
import { bucketName, bytesAt, collect, completedExport, Engines, keys, liveWith } from "../../../support/results.ts"

const hash = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex")

const mega = 1024 * 1024
const large = randomBytes(20 * mega)

/** What a process has grown by with one copy: see the program. */
interface Grown {
  readonly buffers: number
  readonly rss: number
  readonly looks: number
}

const sum = (values: ReadonlyArray<number>): number => values.reduce((total, value) => total + value, 0)

layer(liveWith(), { excludeTestServices: true })("copying over real connections", (it) => {
  for (const chunked of [false, true]) {
    const way = chunked ? "in chunks of unknown length" : "with its length"
    it.effect(`ST-17 ST-23 20 MB ${way} are the same bytes in S3, as a zip, and behind the link`, () =>
      Effect.gen(function* () {
        const record = yield* completedExport(large, { chunked })
        const copied = yield* collect(record)
        assert.deepStrictEqual(copied.resultLocations, [`s3://${bucketName}/${record.id}.zip`])
        const { bytes, contentType } = yield* bytesAt(`${record.id}.zip`)
        assert.strictEqual(contentType, "application/zip")
        assert.strictEqual(hash(bytes), hash(large))
        const results = yield* Results
        const [link = ""] = yield* results.downloadUrls(copied)
        const fetched = yield* Effect.promise(async () => (await fetch(link)).bytes())
        assert.strictEqual(hash(fetched), hash(large))
      })
    )

    it.effect(`ST-17 a download ${way} that is cut half-way leaves nothing in S3, and says so at once`, () =>
      Effect.gen(function* () {
        const { vendor } = yield* Engines
        const record = yield* completedExport(large, { chunked })
        vendor.sandbox.faults.add({ match: { path: ".*/results" }, times: 1, fault: { truncate: large.length / 2 } })
        const began = performance.now()
        const error = yield* Effect.flip(collect(record))
        assert.strictEqual(error._tag, "ResultsUnavailable", error.message)
        assert.isBelow(performance.now() - began, 5_000)
        assert.notInclude(yield* keys, `${record.id}.zip`)
        const repaired = yield* collect(record)
        assert.deepStrictEqual(repaired.resultLocations, [`s3://${bucketName}/${record.id}.zip`])
      })
    )
  }
  for (const chunked of [false, true]) {
    const way = chunked ? "in chunks of unknown length" : "with their length"
    it.effect(
      `ST-17 four times 20 MB ${way} pass through a process without being held`,
      () =>
        Effect.gen(function* () {
          const { s3Url, vendor } = yield* Engines
          const small = yield* completedExport(Buffer.from("a zip"))
          const exports = yield* Effect.replicateEffect(completedExport(large, { chunked }), 4)
          const program = join(import.meta.dirname, "../../../fixtures/programs/copyResults.ts")
          const ids = [small, ...exports].map(({ id }) => id)
          const options = ["--expose-gc", program, s3Url, `${vendor.url}/v3`, ...ids]
          const { stdout } = yield* Effect.promise(() => promisify(execFile)(process.execPath, options))
          const [, ...grown] = JSON.parse(stdout) as ReadonlyArray<Grown>
          for (const { id } of exports) assert.strictEqual(hash((yield* bytesAt(`${id}.zip`)).bytes), hash(large))
          assert.isAbove(
            sum(grown.map(({ looks }) => looks)),
            exports.length,
            "some looks were in the middle of a copy"
          )
          assert.isBelow(Math.max(...grown.map(({ buffers }) => buffers)), 2 * mega)
          assert.isBelow(sum(grown.map(({ rss }) => rss)), 120 * mega)
        }),
      90_000
    )
  }
})
