/** The connections to mParticle: one environment has 50, for its submissions too. */
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { collect, completedExport, Engines, liveWith } from "../../../support/results.ts"

const more = 60
const zip = Buffer.alloc(256 * 1024)
const limits = { timeout: 60_000 }
const five = { concurrency: 5 }

layer(liveWith(), { excludeTestServices: true })("connections to mParticle", (it) => {
  it.effect(
    "T-76 are given back when there are no results",
    () =>
      Effect.gen(function* () {
        const exports = yield* Effect.replicateEffect(completedExport(undefined), more)
        const copied = yield* Effect.forEach(exports, collect, five)
        assert.isTrue(copied.every(({ resultLocations }) => resultLocations?.length === 0))
      }),
    limits
  )

  it.effect(
    "T-76 are given back when the results have expired, or mParticle fails",
    () =>
      Effect.gen(function* () {
        const { vendor } = yield* Engines
        for (const status of [410, 500]) {
          vendor.sandbox.faults.add({
            match: { path: ".*/results" },
            times: more,
            fault: { status, body: zip.toString() }
          })
          const exports = yield* Effect.replicateEffect(completedExport(zip), more)
          yield* Effect.forEach(exports, (record) => Effect.either(collect(record)), five)
          yield* collect(yield* completedExport(zip))
        }
      }),
    limits
  )

  it.effect(
    "ST-17 are given back when a download breaks off",
    () =>
      Effect.gen(function* () {
        const { vendor } = yield* Engines
        vendor.sandbox.faults.add({ match: { path: ".*/results" }, times: more, fault: { truncate: 1_000 } })
        const exports = yield* Effect.replicateEffect(completedExport(zip), more)
        yield* Effect.forEach(exports, (record) => Effect.flip(collect(record)), five)
        yield* collect(yield* completedExport(zip))
      }),
    limits
  )
})

layer(liveWith({ "sar-results-bucket": "no-such-bucket" }), { excludeTestServices: true })(
  "connections to mParticle, while S3 takes nothing",
  (it) => {
    it.effect(
      "ST-17 are given back although nobody reads the download",
      () =>
        Effect.gen(function* () {
          const exports = yield* Effect.replicateEffect(completedExport(zip), more)
          const errors = yield* Effect.forEach(exports, (record) => Effect.flip(collect(record)), five)
          for (const error of errors) {
            assert.strictEqual(
              error.message,
              "The results of an export could not be copied: s3 PutObject failed: NoSuchBucket"
            )
          }
        }),
      limits
    )
  }
)
