/** The open loop of the load test: requests are due by a plan, and a stalled system does not put them off. */
import { assert, describe, it } from "vitest"
import { type Arrival, arrivalsOf, sendWhenDue } from "../../../local/src/load/arrivals.ts"

/** A clock that only sleeping moves, and whatever else takes time. */
const clockFrom = (start: number) => {
  let now = start
  return {
    now: () => now,
    sleep: async (ms: number) => void (now += ms),
    pass: (ms: number) => void (now += ms)
  }
}

describe("arrivalsOf", () => {
  it("spaces each path's requests evenly, and has the paths take turns", () => {
    assert.deepStrictEqual(arrivalsOf(2, 60, 2), [
      { dueMs: 0, path: 0 },
      { dueMs: 500, path: 1 },
      { dueMs: 1_000, path: 0 },
      { dueMs: 1_500, path: 1 }
    ])
  })

  it("has as many as the rate says, all within the time", () => {
    const arrivals = arrivalsOf(7, 1_000, 180)
    for (let path = 0; path < 7; path += 1) {
      assert.strictEqual(arrivals.filter((one) => one.path === path).length, 3_000)
    }
    assert.isBelow(arrivals.at(-1)?.dueMs ?? Number.NaN, 180_000)
  })
})

describe("sendWhenDue", () => {
  it("sends each request when it is due", async () => {
    const clock = clockFrom(10_000)
    const sent: Array<readonly [number, number]> = []
    await sendWhenDue(arrivalsOf(1, 60, 3), (_, dueAt) => sent.push([clock.now(), dueAt]), clock)
    assert.deepStrictEqual(sent, [
      [10_000, 10_000],
      [11_000, 11_000],
      [12_000, 12_000]
    ])
  })

  it("counts from when a request was due where it is sent late, and goes back to the plan", async () => {
    const clock = clockFrom(0)
    const sent: Array<readonly [number, number]> = []
    const send = (_: Arrival, dueAt: number): void => {
      sent.push([clock.now(), dueAt])
      if (dueAt === 0) clock.pass(2_500)
    }
    await sendWhenDue(arrivalsOf(1, 60, 4), send, clock)
    assert.deepStrictEqual(sent, [
      [0, 0],
      [2_500, 1_000],
      [2_500, 2_000],
      [3_000, 3_000]
    ])
  })
})
