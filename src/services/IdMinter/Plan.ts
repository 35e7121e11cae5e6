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

type Missing = Map<string, Wanted>

/** The keys without an id, of works that have not failed; a key that is given differently fails the works that have it. */
const missingKeys = (
  demands: ReadonlyArray<Demand>,
  known: ReadonlyMap<string, CanonicalId>,
  fail: (key: string, failure: PlanFailure) => void
): Missing => {
  const missing: Missing = new Map()
  for (const { wanted } of demands) {
    for (const want of wanted) {
      if (known.has(want.key.id)) continue
      const other = missing.get(want.key.id)
      if (other !== undefined && other.predecessor?.id !== want.predecessor?.id) {
        fail(want.key.id, new ConflictingPredecessors())
      }
      missing.set(want.key.id, want)
    }
  }
  return missing
}

/** After how many others a key can be minted; undefined where that never comes, because it is in or behind a circle. */
const stepOf = (want: Wanted, missing: Missing): number | undefined => {
  const passed = new Set<string>()
  let current: Wanted | undefined = want
  while (current !== undefined) {
    if (passed.has(current.key.id)) return undefined
    passed.add(current.key.id)
    current = current.predecessor === undefined ? undefined : missing.get(current.predecessor.id)
  }
  return passed.size - 1
}

/** Plans the minting of what is not stored yet; `known` are the stored ids of keys and predecessors. */
export const plan = (demands: ReadonlyArray<Demand>, known: ReadonlyMap<string, CanonicalId>): Plan => {
  const failures = new Map<string, PlanFailure>()
  for (;;) {
    const standing = demands.filter(({ requestId }) => !failures.has(requestId))
    const failed = new Map<string, PlanFailure>()
    const missing = missingKeys(standing, known, (key, failure) => failed.set(key, failure))
    const steps: Array<Array<Wanted>> = []
    for (const want of missing.values()) {
      const { key, predecessor } = want
      const step = stepOf(want, missing)
      if (step === undefined) failed.set(key.id, new ConflictingPredecessors())
      else if (predecessor !== undefined && !known.has(predecessor.id) && !missing.has(predecessor.id)) {
        failed.set(key.id, new PredecessorNotFound({ predecessor: SourceKey.describe(predecessor) }))
      } else (steps[step] ??= []).push(want)
    }
    if (failed.size === 0) return { steps: steps.filter((step) => step.length > 0), failures }
    // A work that fails takes its keys along, and another one may have counted on them: so from the start.
    for (const { requestId, wanted } of standing) {
      const flaw = wanted.find(({ key }) => failed.has(key.id))
      const failure = flaw === undefined ? undefined : failed.get(flaw.key.id)
      if (failure !== undefined) failures.set(requestId, failure)
    }
  }
}
