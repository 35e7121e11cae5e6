/**
 * Which keys of a request are to be minted, and in which order (contract 1.6, Decision 10). A key inherits the id of its
 * predecessor, which may be stored, or be a key of the same request: then it is minted first. What cannot be minted fails
 * the works that have it, and with them only the keys that no other work has.
 */
import type { CanonicalId } from "../../schemas/IdMinter.ts"
import { ConflictingPredecessors, PredecessorNotFound } from "../../schemas/IdMinterError.ts"
import type { Wanted } from "./Scan.ts"
import * as SourceKey from "./SourceKey.ts"

/** The keys of one work. */
export interface Demand {
  readonly requestId: string
  readonly wanted: ReadonlyArray<Wanted>
}

/** Why a work cannot be minted as part of this request. */
export type PlanFailure = ConflictingPredecessors | PredecessorNotFound

/** What is to be done. */
export interface Plan {
  /** The keys to mint, one after the other: those of a step inherit from stored keys or those of steps before. */
  readonly steps: ReadonlyArray<ReadonlyArray<Wanted>>
  readonly failures: ReadonlyMap<string, PlanFailure>
}

type Missing = ReadonlyMap<string, Wanted>

interface Found {
  readonly missing: Missing
  /** Keys that are given with different predecessors, or with and without one. */
  readonly conflicts: ReadonlyMap<string, PlanFailure>
}

/** The keys without an id; a stored key keeps its id, whatever is said about its predecessor. */
const missingKeys = (demands: ReadonlyArray<Demand>, known: ReadonlyMap<string, CanonicalId>): Found => {
  const missing = new Map<string, Wanted>()
  const conflicts = new Map<string, PlanFailure>()
  for (const want of demands.flatMap(({ wanted }) => wanted)) {
    if (known.has(want.key.id)) continue
    const other = missing.get(want.key.id)
    if (other === undefined) missing.set(want.key.id, want)
    else if (other.predecessor?.id !== want.predecessor?.id) conflicts.set(want.key.id, new ConflictingPredecessors())
  }
  return { missing, conflicts }
}

/** After how many others each key can be minted: infinitely many where it is in or behind a circle. */
const placesIn = (missing: Missing): ReadonlyMap<string, number> => {
  const places = new Map<string, number>()
  for (const want of missing.values()) {
    const passed: Array<string> = []
    let current: Wanted | undefined = want
    while (current !== undefined && !places.has(current.key.id)) {
      passed.push(current.key.id)
      // Whoever comes by again before it is known has gone round in a circle.
      places.set(current.key.id, Number.POSITIVE_INFINITY)
      current = current.predecessor === undefined ? undefined : missing.get(current.predecessor.id)
    }
    let place = current === undefined ? 0 : (places.get(current.key.id) ?? 0) + 1
    for (const key of passed.toReversed()) {
      places.set(key, place)
      place += 1
    }
  }
  return places
}

/** The steps, and the keys that cannot be minted in any. */
const ordered = (missing: Missing, known: ReadonlyMap<string, CanonicalId>) => {
  const places = placesIn(missing)
  const failed = new Map<string, PlanFailure>()
  const steps: Array<Array<Wanted>> = []
  for (const want of missing.values()) {
    const { key, predecessor } = want
    const place = places.get(key.id) ?? 0
    if (place === Number.POSITIVE_INFINITY) failed.set(key.id, new ConflictingPredecessors())
    else if (predecessor !== undefined && !known.has(predecessor.id) && !missing.has(predecessor.id)) {
      failed.set(key.id, new PredecessorNotFound({ predecessor: SourceKey.describe(predecessor) }))
    } else (steps[place] ??= []).push(want)
  }
  return { steps, failed }
}

/** Plans the minting of what is not stored yet; `known` are the stored ids of keys and predecessors. */
export const plan = (demands: ReadonlyArray<Demand>, known: ReadonlyMap<string, CanonicalId>): Plan => {
  const failures = new Map<string, PlanFailure>()
  for (;;) {
    const standing = demands.filter(({ requestId }) => !failures.has(requestId))
    const { conflicts, missing } = missingKeys(standing, known)
    // Which predecessor such a key has is open, and with it what is behind it: so those come first.
    const { failed, steps } = conflicts.size > 0 ? { failed: conflicts, steps: [] } : ordered(missing, known)
    if (failed.size === 0) return { steps, failures }
    // A work that fails takes its keys along, and another one may have counted on them: so from the start.
    for (const { requestId, wanted } of standing) {
      const flaw = wanted.find(({ key }) => failed.has(key.id))
      const failure = flaw === undefined ? undefined : failed.get(flaw.key.id)
      if (failure !== undefined) failures.set(requestId, failure)
    }
  }
}
