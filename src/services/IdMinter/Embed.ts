/** Writing canonical ids into a work: a copy with the ids in their places and without nulls (contract 1.5, 1.7). */
import * as Either from "effect/Either"
import type { CanonicalId } from "../../schemas/IdMinter.ts"
import { InvalidWork, MissingCanonicalId } from "../../schemas/IdMinterError.ts"
import * as ExactJson from "./ExactJson.ts"
import * as SourceKey from "./SourceKey.ts"

/** A node that kept its old type would be taken for one without an id. */
const unidentified = "Identifiable"

type Members = Readonly<Record<string, unknown>>

/** The members of a node beside its own, as they are once it has its id. */
const identified = (node: Members, canonicalId: CanonicalId): Members => {
  const { identifiedType, type } = node
  if (typeof identifiedType === "string") return { ...node, type: identifiedType, identifiedType: null, canonicalId }
  return { ...node, ...(type === unidentified ? { type: "Identified" } : {}), canonicalId }
}

/**
 * The copy. Nulls are left out of objects and arrays, as the target index expects it. A work whose every node has its id
 * is as the index takes it; one that still has something without is not.
 */
export const embed = (
  { value, wrapper }: ExactJson.ExactJson,
  ids: ReadonlyMap<string, CanonicalId>
): Either.Either<unknown, InvalidWork | MissingCanonicalId> => {
  let flaw: InvalidWork | MissingCanonicalId | undefined

  const withId = (node: Members): Members => {
    if (!Object.hasOwn(node, "sourceIdentifier")) return node
    const parsed = SourceKey.parse(node["sourceIdentifier"], "sourceIdentifier")
    const id = Either.isRight(parsed) ? ids.get(parsed.right.key.id) : undefined
    if (id !== undefined) return identified(node, id)
    flaw ??= new MissingCanonicalId()
    return node
  }

  const copy = (original: unknown): unknown => {
    if (typeof original !== "object" || original === null) return original
    if (Array.isArray(original)) return original.filter((item) => item !== null).map(copy)
    const object = withId(original as Members)
    if (object["type"] === unidentified)
      flaw ??= new InvalidWork({ reason: `an object is still of type ${unidentified}` })
    // Whatever a member is called, `__proto__` too, it stays a member.
    return (
      ExactJson.unwrapped(original, wrapper) ??
      Object.fromEntries(
        Object.entries(object).flatMap(([name, inner]) => (inner === null ? [] : [[name, copy(inner)]]))
      )
    )
  }

  const copied = copy(value)
  return flaw === undefined ? Either.right(copied) : Either.left(flaw)
}
