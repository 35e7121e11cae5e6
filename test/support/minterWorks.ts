/** Works as the source index has them, their keys, and ids for these. */
import type { CanonicalId } from "../../src/schemas/IdMinter.ts"
import * as SourceKey from "../../src/services/IdMinter/SourceKey.ts"

/** The system of most identifiers here. */
export const system = "sierra-system-number"

/** A source identifier as documents have it. */
export const identifier = (value: string, ontologyType = "Work", sourceSystem = system) => ({
  identifierType: { id: sourceSystem },
  ontologyType,
  value
})

/** An object that is to get an id, with what else is in it. */
export const node = (value: string, type = "Item", more: object = {}) => ({
  sourceIdentifier: identifier(value, type),
  ...more
})

/** A key of the system of most identifiers. */
export const key = (value: string, type = "Work"): SourceKey.SourceKey => SourceKey.make(type, system, value)

/** The identifier that a work is requested by. */
export const requestIdOf = (value: string): string => `Work[${system}/${value}]`

/** When works were changed, unless it is said, and the version that it makes. */
export const modified = { time: "2024-01-15T10:30:00Z", version: Date.UTC(2024, 0, 15, 10, 30) }

/** A work with what else is in its state and beside it. */
export const workOf = (value: string, state: object = {}, more: object = {}) => ({
  version: 3,
  type: "Visible",
  data: { title: `The title of ${value}` },
  state: { sourceIdentifier: identifier(value), sourceModifiedTime: modified.time, ...state },
  ...more
})

/** The canonical id of a number. */
export const idOf = (number: number): CanonicalId => `id${String(number).padStart(6, "0")}` as CanonicalId

/** An id for each key. */
export const idsOf = (keys: Iterable<SourceKey.SourceKey>): ReadonlyMap<string, CanonicalId> =>
  new Map([...keys].map(({ id }, index) => [id, idOf(index)]))

/** Makes everything in a value unchangeable. */
export const frozen = <A>(value: A): A => {
  if (typeof value === "object" && value !== null)
    for (const inner of Object.values(Object.freeze(value))) frozen(inner)
  return value
}
