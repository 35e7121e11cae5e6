/** The key of an identifier: what in a work is minted, and under which name the database has it (contract 1.0, 1.4). */
import * as Either from "effect/Either"
import { InvalidWork } from "../../schemas/IdMinterError.ts"

/** A source identifier's database key; its parts are as the database can keep them, see {@link parse}. */
export interface SourceKey {
  /** Of a concept, whichever kind it is, `Concept`. */
  readonly ontologyType: string
  readonly sourceSystem: string
  readonly sourceId: string
  /** One text for all three, the same for equal keys only. */
  readonly id: string
}

/** A source identifier in a work: its key, and how it is printed. */
export interface SourceIdentifier {
  readonly key: SourceKey
  /** With the type that the document has: `Person[lc-names/n84804337]`. */
  readonly printed: string
}

/** Kinds of concepts: two identifiers that differ in nothing else are one. */
const conceptTypes = new Set(["Person", "Organisation", "Place", "Agent", "Meeting", "Genre", "Period"])

/** No part can hold it, so that no two keys have the same text. */
const separator = "\u0000"

const longest = 255

/** MySQL counts characters, not units of UTF-16. */
const isTooLong = (text: string): boolean => text.length > longest && Array.from(text).length > longest

/** What the database could not keep, or would take for something else: its comparison ignores spaces at the end. */
const flawOf = (value: unknown): string | undefined => {
  if (typeof value !== "string") return "must be a string"
  if (value === "") return "must not be empty"
  if (value.trim() !== value) return "must not begin or end with white space"
  if (isTooLong(value)) return `must not have more than ${longest} characters`
  if (/\p{Cc}/u.test(value)) return "must not hold control characters"
  return value.isWellFormed() ? undefined : "must be well-formed Unicode"
}

const member = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null && Object.hasOwn(value, name)
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined

/** A key of these parts. */
export const make = (type: string, sourceSystem: string, sourceId: string): SourceKey => {
  const ontologyType = conceptTypes.has(type) ? "Concept" : type
  return { ontologyType, sourceSystem, sourceId, id: [ontologyType, sourceSystem, sourceId].join(separator) }
}

/** Reads a source identifier; `place` is the member's name, for the error's text. */
export const parse = (value: unknown, place: string): Either.Either<SourceIdentifier, InvalidWork> => {
  const [type, system, id] = [
    member(value, "ontologyType"),
    member(member(value, "identifierType"), "id"),
    member(value, "value")
  ]
  for (const [name, part] of [
    ["ontologyType", type],
    ["identifierType.id", system],
    ["value", id]
  ] as const) {
    const flaw = flawOf(part)
    if (flaw !== undefined) return Either.left(new InvalidWork({ reason: `${place}.${name} ${flaw}` }))
  }
  return Either.right({
    key: make(String(type), String(system), String(id)),
    printed: `${String(type)}[${String(system)}/${String(id)}]`
  })
}

/** How an error names a key: `Work/sierra-system-number/b1161044x`. */
export const describe = ({ ontologyType, sourceId, sourceSystem }: SourceKey): string =>
  `${ontologyType}/${sourceSystem}/${sourceId}`

/** The order in which everybody writes keys, so that two writers seldom wait for each other crosswise. */
export const compare = (one: SourceKey, other: SourceKey): number =>
  one.id < other.id ? -1 : one.id > other.id ? 1 : 0
