/** A plot of measurements as SVG: a bar to the median of each, and its interval as a line across the bar's end. */
import type { Estimate } from "./statistics.ts"

/** One bar. */
export interface Bar {
  readonly name: string
  readonly estimate: Estimate
  /** The estimate in words. */
  readonly label: string
}

const width = 860
const rowHeight = 26
const namesWidth = 300
const barsWidth = 360
/** From this factor on between the largest and the smallest, the scale is logarithmic: else the small ones are not seen. */
const logarithmicFrom = 30

/** A text as XML has it. */
export const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;")

const scaleOf = (bars: ReadonlyArray<Bar>): { readonly at: (value: number) => number; readonly isLog: boolean } => {
  const most = Math.max(...bars.map(({ estimate }) => estimate.high))
  const least = Math.min(...bars.map(({ estimate }) => estimate.value))
  const isLog = least > 0 && most / least >= logarithmicFrom
  const floor = least / 2
  const share = (value: number): number =>
    isLog ? Math.log(Math.max(value, floor) / floor) / Math.log(most / floor) : value / most
  return { isLog, at: (value) => namesWidth + barsWidth * Math.max(0, Math.min(1, share(value))) }
}

/** Draws the bars, in their order. */
export const plot = (title: string, bars: ReadonlyArray<Bar>): string => {
  const { at, isLog } = scaleOf(bars)
  const height = 40 + rowHeight * bars.length + 10
  const number = (value: number): string => value.toFixed(1)
  const rows = bars.flatMap(({ estimate: { high, low, value }, label, name }, row) => {
    const top = 40 + row * rowHeight
    const middle = top + rowHeight / 2
    return [
      `<text x="${namesWidth - 8}" y="${middle + 4}" text-anchor="end">${escaped(name)}</text>`,
      `<rect x="${namesWidth}" y="${top + 4}" width="${number(at(value) - namesWidth)}" height="${rowHeight - 8}" fill="#4878a8"/>`,
      `<path d="M${number(at(low))} ${middle}H${number(at(high))}M${number(at(low))} ${middle - 5}v10M${number(at(high))} ${middle - 5}v10" stroke="#1b1b1b" fill="none"/>`,
      `<text x="${number(at(high) + 8)}" y="${middle + 4}">${escaped(label)}</text>`
    ]
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="13">`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    `<text x="8" y="22" font-size="15" font-weight="bold">${escaped(title)}${isLog ? " (logarithmic scale)" : ""}</text>`,
    ...rows,
    "</svg>",
    ""
  ].join("\n")
}
