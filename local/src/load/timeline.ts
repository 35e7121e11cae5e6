/** A plot of values over time as SVG: a line for each series, with its name at its end. */
import { escaped } from "../../../bench/src/plot.ts"

/** One line. */
export interface Series {
  readonly name: string
  /** By time, of any unit. */
  readonly points: ReadonlyArray<readonly [at: number, value: number]>
}

/** What the axes are called. */
export interface Axes {
  readonly across: string
  readonly up: string
}

const [width, height] = [860, 320]
const area = { left: 60, right: 620, top: 44, bottom: 276 } as const
const colours = ["#4878a8", "#b0532c", "#4f8a4c", "#7b5ea7", "#8a7a2c", "#555555"] as const
const steps = 4
const nameHeight = 15

/** Places for names at these heights, from top to bottom, none on top of another. */
const apart = (heights: ReadonlyArray<number>): ReadonlyArray<number> => {
  const order = heights.map((_, at) => at).toSorted((one, other) => (heights[one] ?? 0) - (heights[other] ?? 0))
  const placed = [...heights]
  let last = Number.NEGATIVE_INFINITY
  for (const at of order) {
    last = Math.max(placed[at] ?? 0, last + nameHeight)
    placed[at] = last
  }
  return placed
}

/** Draws the lines; both axes begin at 0. */
export const timeline = (title: string, axes: Axes, series: ReadonlyArray<Series>): string => {
  const all = series.flatMap(({ points }) => points)
  const [end, most] = [Math.max(0.1, ...all.map(([at]) => at)), Math.max(1, ...all.map(([, value]) => value)) * 1.05]
  const x = (at: number): number => area.left + ((area.right - area.left) * at) / end
  const y = (value: number): number => area.bottom - ((area.bottom - area.top) * value) / most
  const marks = Array.from({ length: steps + 1 }, (_, step) => step / steps)
  const names = apart(series.map(({ points }) => y(points.at(-1)?.[1] ?? 0) + 4))
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="13">`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    `<text x="8" y="22" font-size="15" font-weight="bold">${escaped(title)}</text>`,
    ...marks.flatMap((share) => [
      `<path d="M${area.left} ${y(most * share).toFixed(1)}H${area.right}" stroke="#dddddd"/>`,
      `<text x="${area.left - 6}" y="${(y(most * share) + 4).toFixed(1)}" text-anchor="end">${(most * share).toFixed(0)}</text>`,
      `<text x="${x(end * share).toFixed(1)}" y="${area.bottom + 18}" text-anchor="middle">${(end * share).toFixed(1)}</text>`
    ]),
    `<text x="${area.right}" y="${area.bottom + 36}" text-anchor="end">${escaped(axes.across)}</text>`,
    `<text x="${area.left}" y="${area.top - 8}">${escaped(axes.up)}</text>`,
    ...series.flatMap(({ name, points }, at) => {
      const colour = colours[at % colours.length] ?? colours[0]
      const line = points.map(([when, value]) => `${x(when).toFixed(1)} ${y(value).toFixed(1)}`).join("L")
      return [
        `<path d="M${line}" stroke="${colour}" fill="none" stroke-width="1.5"/>`,
        `<text x="${area.right + 8}" y="${(names[at] ?? 0).toFixed(1)}" fill="${colour}">${escaped(name)}</text>`
      ]
    }),
    "</svg>",
    ""
  ].join("\n")
}
