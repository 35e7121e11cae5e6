/** The rule between what was released and what is to be: how far the version of the contracts must rise. */
import { isDeepStrictEqual } from "node:util"
import { contractVersionField } from "../../src/schemas/ContractVersion.ts"
import { type Breaking, breakingChanges } from "./compatibility.ts"
import { type JsonObject, withoutWords } from "./json.ts"
import type { Direction } from "./publicContracts.ts"

/** JSON Schemas by the names of their contracts. */
export type Contracts = Readonly<Record<string, JsonObject>>

/** What may change with a version: nothing, words, additions, anything. */
const levels = ["none", "patch", "minor", "major"] as const
export type Level = (typeof levels)[number]

export interface Difference {
  readonly level: Level
  /** Why it is major, a line each. */
  readonly breaking: ReadonlyArray<string>
}

const line = (contract: string, { path, reason }: Breaking): string =>
  `${contract}: ${path === "" ? "" : `${path} `}${reason}`

const unversioned = (schema: JsonObject): JsonObject => {
  const { [contractVersionField]: _, ...rest } = schema
  return rest
}

/** What lies between two states of all contracts. */
export const differenceOf = (
  before: Contracts,
  after: Contracts,
  directionOf: (contract: string) => Direction
): Difference => {
  const breaking = Object.entries(before).flatMap(([contract, old]) => {
    const now = after[contract]
    if (now === undefined) return [`${contract}: is gone`]
    return breakingChanges(directionOf(contract), old, now).map((change) => line(contract, change))
  })
  const isSame = (view: (schema: JsonObject) => unknown): boolean =>
    isDeepStrictEqual(
      ...([before, after].map((all) =>
        Object.entries(all)
          .map(([name, schema]) => [name, view(schema)])
          .toSorted()
      ) as [unknown, unknown])
    )
  const harmless = isSame(unversioned) ? "none" : isSame(withoutWords) ? "patch" : "minor"
  return { level: breaking.length > 0 ? "major" : harmless, breaking }
}

const numbersOf = (version: string): ReadonlyArray<number> => {
  const parts = /^(\d+)\.(\d+)\.(\d+)$/.exec(version)
  if (parts === null) throw new Error(`${version} is no version such as 1.0.0`)
  return parts.slice(1).map(Number)
}

const order = (a: string, b: string): number => {
  const [from, to] = [numbersOf(a), numbersOf(b)]
  const at = from.findIndex((part, index) => part !== to[index])
  return (from[at] ?? 0) - (to[at] ?? 0)
}

/** The highest of the versions. */
export const newest = (versions: ReadonlyArray<string>): string | undefined => versions.toSorted(order).at(-1)

const rise = (from: string, to: string): Level => {
  const [before, after] = [numbersOf(from), numbersOf(to)]
  const at = before.findIndex((part, index) => part !== after[index])
  return at < 0 ? "none" : (levels[3 - at] ?? "none")
}

/** What is wrong with the version that the contracts carry after a difference; undefined where nothing is. */
export const versionProblem = (released: string, current: string, difference: Difference): string | undefined => {
  const { level, breaking } = difference
  const risen = order(current, released) < 0 ? -1 : levels.indexOf(rise(released, current))
  if (level === "none") {
    return risen === 0 ? undefined : `nothing has changed since ${released}, but contractVersion is ${current}`
  }
  if (risen >= levels.indexOf(level)) return undefined
  return [
    `the contracts differ from ${released}: contractVersion is ${current} and must rise by a ${level} version at least`,
    ...breaking
  ].join("\n  ")
}
