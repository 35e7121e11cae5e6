/** What the bytes of an export do on their way: real HTTP on both sides. */
import { execFile } from "node:child_process"
import { createHash, randomBytes } from "node:crypto"
import { join } from "node:path"
import { promisify } from "node:util"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Results } from "../../../../src/services/Results.ts"
import { bucketName, bytesAt, collect, completedExport, Engines, keys, live } from "../../../support/results.ts"

const hash = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex")

const large = randomBytes(20 * 1024 * 1024)

layer(live, { excludeTestServices: true })("copying over real connections", (it) => {
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
    const way = chunked ? "in chunks of unknown length" : "with its length"
    it.effect(`ST-17 20 MB ${way} are never in memory`, () =>
      Effect.gen(function* () {
        const { s3Url, vendor } = yield* Engines
        const [small, all] = [yield* completedExport(Buffer.from("a zip")), yield* completedExport(large, { chunked })]
        const program = join(import.meta.dirname, "../../../fixtures/programs/copyResults.ts")
        const options = ["--expose-gc", program, s3Url, `${vendor.url}/v3`, small.id, all.id]
        const { stdout } = yield* Effect.promise(() => promisify(execFile)(process.execPath, options))
        console.log(stdout)
        const [, grown] = JSON.parse(stdout) as ReadonlyArray<{ readonly buffers: number; readonly rss: number }>
        assert.strictEqual(hash((yield* bytesAt(`${all.id}.zip`)).bytes), hash(large))
        assert.isBelow(grown?.buffers ?? Number.NaN, large.length / 5)
        assert.isBelow(grown?.rss ?? Number.NaN, large.length / 2)
      })
    )
  }
})
