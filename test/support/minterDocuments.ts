/** Any documents with things to mint in them, and the rules of what becomes of them, written once more. */
import { assert } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import type { CanonicalId } from "../../src/schemas/IdMinter.ts"
import * as SourceKey from "../../src/services/IdMinter/SourceKey.ts"
import { identifier } from "./minterWorks.ts"

type Members = Readonly<Record<string, unknown>>

/** An object, which may have a member of any name. */
const objectOf = (entries: ReadonlyArray<readonly [string, unknown]>): Members => Object.fromEntries(entries)

const leaves = FastCheck.oneof(
  FastCheck.constantFrom(null, true, "", "Identified", -1, 0.5),
  FastCheck.string({ maxLength: 5 }),
  FastCheck.integer()
)

const names = FastCheck.oneof(
  FastCheck.constantFrom(
    "a",
    "b",
    "id",
    "otherIdentifiers",
    "label",
    "__proto__",
    "constructor",
    "toString",
    "valueOf"
  ),
  FastCheck.string({ maxLength: 3 })
)

/** Source identifiers, few enough to meet again, of concepts that are one under their own types too. */
const identifiers = FastCheck.record({
  value: FastCheck.constantFrom("1", "2", "b3", "__proto__"),
  type: FastCheck.constantFrom("Work", "Item", "Person", "Agent", "Concept", "Subject", "constructor"),
  system: FastCheck.constantFrom("sierra", "lc-names", "toString")
}).map(({ system, type, value }) => identifier(value, type, system))

const nodeTypes = FastCheck.oneof(
  FastCheck.constantFrom<ReadonlyArray<readonly [string, unknown]>>(
    [],
    [["type", "Identifiable"]],
    [["type", "Person"]],
    [["type", null]],
    [["identifiedType", "Work"]],
    [["identifiedType", null]],
    [["identifiedType", 7]]
  ),
  FastCheck.constant<ReadonlyArray<readonly [string, unknown]>>([
    ["type", "Identifiable"],
    ["identifiedType", "Agent"],
    ["canonicalId", null]
  ])
)

/** Documents whose every object of type Identifiable is to get an id. */
export const { document: documents } = FastCheck.letrec<{ document: Members; value: unknown }>((tie) => ({
  value: FastCheck.oneof(
    { maxDepth: 5, withCrossShrink: true },
    leaves,
    FastCheck.array(tie("value"), { maxLength: 3 }),
    tie("document")
  ),
  document: FastCheck.tuple(
    FastCheck.array(FastCheck.tuple(names, tie("value")), { maxLength: 4 }),
    FastCheck.option(FastCheck.tuple(identifiers, nodeTypes), { nil: undefined })
  ).map(([members, node]) =>
    objectOf([
      ...members.filter(([name]) => !["sourceIdentifier", "type", "identifiedType"].includes(name)),
      ...(node === undefined ? [] : [["sourceIdentifier", node[0]] as const, ...node[1]])
    ])
  )
}))

const isObject = (value: unknown): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** How many things in a value have a source identifier. */
export const nodesIn = (value: unknown): number => {
  if (typeof value !== "object" || value === null) return 0
  const own = isObject(value) && Object.hasOwn(value, "sourceIdentifier") ? 1 : 0
  return Object.values(value).reduce<number>((sum, inner) => sum + nodesIn(inner), own)
}

/** Fails unless a value is what another must become: its nodes with their ids, the rest as it was, without nulls. */
export const assertIdentified = (before: unknown, after: unknown, ids: ReadonlyMap<string, CanonicalId>): void => {
  if (Array.isArray(before)) {
    assert.isArray(after)
    const kept = before.filter((item) => item !== null)
    assert.lengthOf(after as Array<unknown>, kept.length)
    for (const [index, item] of kept.entries()) assertIdentified(item, (after as Array<unknown>)[index], ids)
    return
  }
  if (!isObject(before)) {
    assert.strictEqual(after, before)
    return
  }
  assert.isTrue(isObject(after) && Object.getPrototypeOf(after) === Object.prototype)
  const expected = new Map(Object.entries(before).filter(([, inner]) => inner !== null))
  const made = new Map<string, unknown>()
  if (Object.hasOwn(before, "sourceIdentifier")) {
    const { ontologyType, identifierType, value } = before["sourceIdentifier"] as ReturnType<typeof identifier>
    made.set("canonicalId", ids.get(SourceKey.make(ontologyType, identifierType.id, value).id))
    if (typeof before["identifiedType"] === "string") {
      made.set("type", before["identifiedType"])
      expected.delete("identifiedType")
    } else if (before["type"] === "Identifiable") made.set("type", "Identified")
  }
  const members = after as Members
  assert.sameMembers(Object.keys(members), [...new Set([...expected.keys(), ...made.keys()])])
  for (const [name, value] of made) assert.strictEqual(members[name], value)
  for (const [name, inner] of expected) if (!made.has(name)) assertIdentified(inner, members[name], ids)
}
