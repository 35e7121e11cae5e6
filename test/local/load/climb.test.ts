/** The search of the load test for the highest rate that is held. */
import { assert, describe, it } from "vitest"
import { climb, highestHeld } from "../../../local/src/load/climb.ts"

const upTo = (limit: number) => {
  const tried: Array<number> = []
  const attempt = async (rate: number) => {
    tried.push(rate)
    return { result: rate, broken: rate > limit ? "too fast" : undefined }
  }
  return { tried, attempt }
}

describe("climb", () => {
  it("goes up until a rate is not held", async () => {
    const { attempt, tried } = upTo(2_500)
    const steps = await climb({ from: 1_000, isHeld: true, factor: 1.5, most: 6 }, attempt)
    assert.deepStrictEqual(tried, [1_500, 2_250, 3_375])
    assert.strictEqual(highestHeld(1_000, true, steps), 2_250)
  })

  it("goes down until a rate is held, where the first was not", async () => {
    const { attempt, tried } = upTo(500)
    const steps = await climb({ from: 1_000, isHeld: false, factor: 1.5, most: 6 }, attempt)
    assert.deepStrictEqual(tried, [667, 445])
    assert.strictEqual(highestHeld(1_000, false, steps), 445)
  })

  it("gives up after so many", async () => {
    const { attempt, tried } = upTo(1_000_000)
    const steps = await climb({ from: 100, isHeld: true, factor: 2, most: 3 }, attempt)
    assert.deepStrictEqual(tried, [200, 400, 800])
    assert.strictEqual(highestHeld(100, true, steps), 800)
  })

  it("is at the rate before it where the first step is not held, and at none where nothing is", async () => {
    const { attempt } = upTo(1_000)
    const steps = await climb({ from: 1_000, isHeld: true, factor: 1.5, most: 3 }, attempt)
    assert.strictEqual(highestHeld(1_000, true, steps), 1_000)
    const none = await climb({ from: 1_000, isHeld: false, factor: 1.5, most: 2 }, upTo(0).attempt)
    assert.strictEqual(highestHeld(1_000, false, none), 0)
  })
})
