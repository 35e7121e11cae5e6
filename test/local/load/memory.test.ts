/** Whether a function's memory grows under load. */
import { assert, describe, it } from "vitest"
import { growthOf, type MemorySample } from "../../../local/src/load/memory.ts"

const minuteMs = 60_000

/** A sample each second of three minutes. */
const samplesOf = (at: (second: number) => Omit<MemorySample, "atMs">): ReadonlyArray<MemorySample> =>
  Array.from({ length: 180 }, (_, second) => ({ atMs: second * 1_000, ...at(second) }))

describe("growthOf", () => {
  it("compares the last third with the middle one, whatever the first was", () => {
    const level = samplesOf((second) => ({ processes: 1, megabytes: second < 60 ? 50 + second : 120 }))
    assert.strictEqual(growthOf(level, 3 * minuteMs), 1)
    const growing = samplesOf((second) => ({ processes: 1, megabytes: second < 120 ? 100 : 150 }))
    assert.strictEqual(growthOf(growing, 3 * minuteMs), 1.5)
  })

  it("is of one process: another one beside it is no growth", () => {
    const more = samplesOf((second) =>
      second < 120 ? { processes: 1, megabytes: 100 } : { processes: 2, megabytes: 200 }
    )
    assert.strictEqual(growthOf(more, 3 * minuteMs), 1)
  })

  it("is no number where nothing was seen", () => {
    assert.isNaN(growthOf([], 3 * minuteMs))
  })
})
