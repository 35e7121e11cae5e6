/** Finding what is to be minted in a work: every object with a `sourceIdentifier`, wherever it is (contract 1.4). */
import * as Either from "effect/Either"
import { InvalidWork } from "../../schemas/IdMinterError.ts"
import * as SourceKey from "./SourceKey.ts"

/** A key that a work needs an id for. */
export interface Wanted {
  readonly key: SourceKey.SourceKey
  /** The key whose id it inherits, unless it has one already. */
  readonly predecessor?: SourceKey.SourceKey
}

/** Deeper documents are none that Elasticsearch takes, and recursion over them ends in a stack overflow. */
export const maxDepth = 1_000

const tooDeep = new InvalidWork({ reason: `it must not be nested deeper than ${maxDepth}` })

const wantedBy = (node: Readonly<Record<string, unknown>>): Either.Either<Wanted, InvalidWork> =>
  Either.flatMap(SourceKey.parse(node["sourceIdentifier"], "sourceIdentifier"), ({ key }) => {
    const predecessor = Object.hasOwn(node, "predecessorIdentifier") ? node["predecessorIdentifier"] : null
    if (predecessor === null || predecessor === undefined) return Either.right({ key })
    return Either.map(SourceKey.parse(predecessor, "predecessorIdentifier"), (parsed) => ({
      key,
      predecessor: parsed.key
    }))
  })

/** The keys of a work, one for each node. */
export const scan = (work: unknown): Either.Either<ReadonlyArray<Wanted>, InvalidWork> => {
  const found: Array<Wanted> = []
  // A stack of our own: a document may be nested deeper than the runtime's.
  const pending: Array<readonly [value: unknown, depth: number]> = [[work, 1]]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [value, depth] = next
    if (typeof value !== "object" || value === null) continue
    if (depth > maxDepth) return Either.left(tooDeep)
    if (!Array.isArray(value) && Object.hasOwn(value, "sourceIdentifier")) {
      const wanted = wantedBy(value as Readonly<Record<string, unknown>>)
      if (Either.isLeft(wanted)) return Either.left(wanted.left)
      found.push(wanted.right)
    }
    for (const inner of Object.values(value)) pending.push([inner, depth + 1])
  }
  return Either.right(found)
}
