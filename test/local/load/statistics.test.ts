/** The figures of the load test. */
import { assert, describe, it } from "vitest"
import { mean, mostWithin, percentile, summaryOf } from "../../../local/src/load/statistics.ts"

const hundred = Array.from({ length: 100 }, (_, at) => at + 1)

describe("percentiles", () => {
  it("are the smallest value that the share does not exceed", () => {
    assert.strictEqual(percentile(hundred, 0.5), 50)
    assert.strictEqual(percentile(hundred, 0.95), 95)
    assert.strictEqual(percentile(hundred, 1), 100)
    assert.strictEqual(percentile([7], 0.01), 7)
    assert.isNaN(percentile([], 0.5))
  })

  it("do not depend on the order", () => {
    assert.deepStrictEqual(summaryOf(hundred.toReversed()), { count: 100, p50: 50, p95: 95, p99: 99, most: 100 })
  })

  it("are no numbers where there are no values", () => {
    const { count, ...rest } = summaryOf([])
    assert.strictEqual(count, 0)
    for (const value of Object.values(rest)) assert.isNaN(value)
  })
})

describe("mean", () => {
  it("is the middle of the weight, and no number of nothing", () => {
    assert.strictEqual(mean([1, 2, 6]), 3)
    assert.isNaN(mean([]))
  })
})

describe("mostWithin", () => {
  it("finds the fullest span wherever it begins", () => {
    assert.strictEqual(mostWithin([0, 50, 59, 61, 62, 111, 200], 60), 4)
    assert.strictEqual(mostWithin([200, 0, 62, 59, 61, 50, 111], 60), 4)
  })

  it("has what lies a whole span apart in two", () => {
    assert.strictEqual(mostWithin([0, 60, 120], 60), 1)
    assert.strictEqual(mostWithin([], 60), 0)
  })
})
