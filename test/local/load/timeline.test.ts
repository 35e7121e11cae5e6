/** The plot of values over time. */
import { assert, describe, it } from "vitest"
import { timeline } from "../../../local/src/load/timeline.ts"

const axes = { across: "minutes", up: "MB" }
const heightsOf = (svg: string): ReadonlyArray<number> =>
  [...svg.matchAll(/<text x="628" y="([\d.]+)"/g)].map(([, y]) => Number(y))

describe("timeline", () => {
  it("draws a line for each series, from the left edge to the right, and higher where there is more", () => {
    const svg = timeline("Memory", axes, [
      {
        name: "a < b",
        points: [
          [0, 0],
          [3, 100]
        ]
      }
    ])
    const [, line = ""] = /<path d="M([^"]+)" stroke="#4878a8"/.exec(svg) ?? []
    assert.strictEqual(line, "60.0 276.0L620.0 55.0")
    assert.include(svg, ">a &lt; b</text>")
  })

  it("keeps the names of lines that end together apart", () => {
    const svg = timeline(
      "Memory",
      axes,
      ["one", "two", "three"].map((name) => ({ name, points: [[1, 50]] }))
    )
    const [first = 0, second = 0, third = 0] = heightsOf(svg).toSorted((one, other) => one - other)
    assert.isAtLeast(second - first, 15)
    assert.isAtLeast(third - second, 15)
  })

  it("is a plot without lines where nothing was seen", () => {
    const svg = timeline("Memory", axes, [])
    assert.notMatch(svg, /NaN|Infinity/)
    assert.include(svg, ">Memory</text>")
  })
})
