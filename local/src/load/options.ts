/** What `npm run load` can be told: `--minutes N`, `--rate N` a minute, `--group NAME`, `--path NAME`. */
import { parseArgs } from "node:util"

/** A run's settings. */
export interface LoadOptions {
  readonly minutes: number
  readonly ratePerMinute: number
  /** Only the group with this name. */
  readonly group: string | undefined
  /** Only the path with this name. */
  readonly path: string | undefined
}

/** The run that the report is written from. */
const standard = { minutes: 3, ratePerMinute: 1_000 } as const

const positive = (name: string, text: string | undefined, otherwise: number): number => {
  const value = text === undefined ? otherwise : Number(text)
  if (!(value > 0 && Number.isFinite(value))) throw new Error(`--${name} must be a number above 0`)
  return value
}

/** Reads them; throws at what it does not know. */
export const optionsOf = (args: ReadonlyArray<string>): LoadOptions => {
  const type = "string" as const
  const { values } = parseArgs({
    args: [...args],
    options: { minutes: { type }, rate: { type }, group: { type }, path: { type } }
  })
  return {
    minutes: positive("minutes", values.minutes, standard.minutes),
    ratePerMinute: positive("rate", values.rate, standard.ratePerMinute),
    group: values.group,
    path: values.path
  }
}

/** Whether it is all that the report says: every path, for as long and as fast as the target says. */
export const isWhole = ({ group, minutes, path, ratePerMinute }: LoadOptions): boolean =>
  group === undefined && path === undefined && minutes >= standard.minutes && ratePerMinute >= standard.ratePerMinute
