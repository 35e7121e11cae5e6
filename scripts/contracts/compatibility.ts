/**
 * Whether a client that was written against an old contract can live with the new one: all that it sends must be good for
 * the new request, and all that it is answered must be good for the old response. Whatever cannot be judged counts as
 * breaking. A key may be named anew: before, it was ignored, and nobody had a reason to send it.
 */
import { isDeepStrictEqual } from "node:util"
import { isObject, isWord, type Json, type JsonObject, type JsonSchema, listIn, schemasIn } from "./json.ts"
import type { Direction } from "./publicContracts.ts"

/** A change that breaks clients: where (`payload.email`, empty for the whole), and what about it. */
export interface Breaking {
  readonly path: string
  readonly reason: string
}

type Findings = ReadonlyArray<Breaking>

/** Marks an enumeration of answers to which members may be added: its readers have to be ready for unknown ones. */
export const openMark = "x-open"

/** The reader asks for so much at least; where it does not, it is as if it asked for this. */
const lowerBounds: Readonly<Record<string, number>> = {
  minLength: 0,
  minItems: 0,
  minProperties: 0,
  minimum: -Infinity,
  exclusiveMinimum: -Infinity
}

const upperBounds = new Set(["maxLength", "maxItems", "maxProperties", "maximum", "exclusiveMaximum"])

/** What the reader asks for, the writer must follow to the letter; what only the writer follows does no harm. */
const literal = new Set(["pattern", "format", "multipleOf", "uniqueItems", "contentEncoding", "contentMediaType"])

const structural = new Set([
  "type",
  "enum",
  "const",
  "properties",
  "required",
  "additionalProperties",
  "items",
  openMark
])

const isKnown = (keyword: string): boolean =>
  isWord(keyword) ||
  keyword in lowerBounds ||
  upperBounds.has(keyword) ||
  literal.has(keyword) ||
  structural.has(keyword)

const show = (value: Json | undefined): string => (value === undefined ? "absent" : JSON.stringify(value))

const under = (path: string, key: string): string => (path === "" ? key : `${path}.${key}`)

const membersOf = (schema: JsonObject): ReadonlyArray<Json> | undefined => {
  if (schema["const"] !== undefined) return [schema["const"]]
  if (Array.isArray(schema["enum"])) return schema["enum"]
  if (schema["type"] === "boolean") return [true, false]
  return schema["type"] === "null" ? [null] : undefined
}

const typeOf = (schema: JsonObject): Json | undefined => {
  if (schema["type"] !== undefined) return schema["type"]
  const types = new Set(membersOf(schema)?.map((member) => (member === null ? "null" : typeof member)))
  return types.size === 1 ? [...types][0] : undefined
}

const namedIn = ({ properties }: JsonObject): ReadonlyArray<string> => Object.keys(schemasIn(properties))

const requiredOf = (schema: JsonObject): ReadonlyArray<string> =>
  Array.isArray(schema["required"]) ? schema["required"].map(String) : []

/** The schemas of which a value must be good for one; undefined where there is no such choice. */
const choicesOf = (schema: JsonObject): ReadonlyArray<JsonSchema> | undefined => {
  const { anyOf, type, ...rest } = schema
  if (Array.isArray(type)) return type.map((one) => ({ ...schema, type: one }))
  if (anyOf === undefined) return undefined
  const beside = type === undefined ? rest : { ...rest, type }
  return listIn(anyOf).map((choice) => ({ ...beside, allOf: [choice] }))
}

/** The conditions as one schema; undefined where two of them speak about the same in different words. */
const merged = (conditions: ReadonlyArray<JsonObject>): JsonObject | undefined => {
  const all: Record<string, Json> = {}
  for (const [keyword, value] of conditions.flatMap((condition) => Object.entries(condition))) {
    if (isWord(keyword)) continue
    if (keyword in all && !isDeepStrictEqual(all[keyword], value)) return undefined
    all[keyword] = value
  }
  return all
}

const fewest = (all: ReadonlyArray<Findings>): Findings =>
  all.reduce((best, findings) => (findings.length < best.length ? findings : best))

/** A schema with the document that its references point into. */
const conditionsIn =
  (root: JsonSchema) =>
  /** The schemas, free of references, of which a value must be good for each. */
  (schema: JsonSchema): ReadonlyArray<JsonObject> => {
    if (typeof schema === "boolean") return schema ? [] : [{ enum: [] }]
    const { $ref, allOf, ...rest } = schema
    const name = typeof $ref === "string" ? $ref.replace("#/$defs/", "") : undefined
    const target = name === undefined ? true : schemasIn(isObject(root) ? root["$defs"] : {})[name]
    if (target === undefined) throw new Error(`${show($ref)} points to nothing`)
    const conditions = conditionsIn(root)
    return [
      ...(Object.keys(rest).every(isWord) ? [] : [rest]),
      ...conditions(target),
      ...listIn(allOf).flatMap(conditions)
    ]
  }

/** The changes from `before` to `after` that break clients; none where a client of `before` can live with `after`. */
export const breakingChanges = (direction: Direction, before: JsonSchema, after: JsonSchema): Findings => {
  const isRequest = direction === "request"
  const [sentConditions, readConditions] = (isRequest ? [before, after] : [after, before]).map(conditionsIn) as [
    ReturnType<typeof conditionsIn>,
    ReturnType<typeof conditionsIn>
  ]
  const underComparison = new Set<string>()

  const finding = (path: string, inRequest: string, inResponse: string): Findings => [
    { path, reason: isRequest ? inRequest : inResponse }
  ]

  const changed = (path: string, keyword: string, sent: Json | undefined, read: Json | undefined): Findings => {
    const [was, is] = isRequest ? [sent, read] : [read, sent]
    return [{ path, reason: `${keyword} was ${show(was)} and is ${show(is)}` }]
  }

  const judgeType = (sent: JsonObject, read: JsonObject, path: string): Findings => {
    const [from, to] = [typeOf(sent), typeOf(read)]
    const isGood = to === undefined || from === to || (from === "integer" && to === "number")
    return isGood ? [] : changed(path, "type", from, to)
  }

  const judgeMembers = (sent: JsonObject, read: JsonObject, path: string): Findings => {
    const [from, to] = [membersOf(sent), membersOf(read)]
    const opened =
      !isRequest && sent[openMark] === true && read[openMark] !== true
        ? finding(path, "", "was closed and is open for new members")
        : []
    if (to === undefined) return opened
    if (from === undefined) return [...opened, ...changed(path, "enum", undefined, to)]
    const isOpen = !isRequest && read[openMark] === true
    const added = isOpen ? [] : from.filter((member) => !to.some((known) => isDeepStrictEqual(known, member)))
    return [
      ...opened,
      ...added.flatMap((member) =>
        finding(path, `${show(member)} is refused now`, `${show(member)} can be answered now`)
      )
    ]
  }

  const judgeLimits = (sent: JsonObject, read: JsonObject, path: string): Findings =>
    Object.entries(read).flatMap(([keyword, asked]) => {
      const followed = sent[keyword]
      const lowest = lowerBounds[keyword]
      const isGood =
        lowest !== undefined
          ? Number(followed ?? lowest) >= Number(asked)
          : upperBounds.has(keyword)
            ? Number(followed ?? Infinity) <= Number(asked)
            : !literal.has(keyword) || isDeepStrictEqual(followed, asked)
      return isGood ? [] : changed(path, keyword, followed, asked)
    })

  const judgeUnnamed = (sent: JsonSchema, unnamed: JsonSchema, path: string): Findings => {
    if (unnamed === false) return finding(path, "is refused now", "can be answered now and was refused")
    if (unnamed !== true) return judge(sent, unnamed, path)
    return isRequest ? [{ path, reason: "is ignored now" }] : []
  }

  const judgeKeys = (sent: JsonObject, read: JsonObject, path: string): Findings => {
    const [from, to] = [schemasIn(sent["properties"]), schemasIn(read["properties"])]
    const [others, unnamed] = [sent["additionalProperties"] ?? true, read["additionalProperties"] ?? true] as [
      JsonSchema,
      JsonSchema
    ]
    const always = new Set(requiredOf(sent))
    const missing = requiredOf(read)
      .filter((key) => !always.has(key))
      .flatMap((key) => finding(under(path, key), "is required now", "can be missing now"))
    const named = Object.entries(from).flatMap(([key, schema]) => {
      const asked = to[key]
      return asked === undefined
        ? judgeUnnamed(schema, unnamed, under(path, key))
        : judge(schema, asked, under(path, key))
    })
    const unnamedSent = Object.entries(to).flatMap(([key, asked]) =>
      key in from || others === false || !(isObject(others) || always.has(key))
        ? []
        : judge(others, asked, under(path, key))
    )
    const rest = others === false || unnamed === true ? [] : judgeUnnamed(others, unnamed, under(path, "*"))
    return [...missing, ...named, ...unnamedSent, ...rest]
  }

  const judgeItems = (sent: JsonObject, read: JsonObject, path: string): Findings =>
    read["items"] === undefined
      ? []
      : judge((sent["items"] ?? true) as JsonSchema, read["items"] as JsonSchema, `${path}[]`)

  const judgeUnknown = (sent: JsonObject, read: JsonObject, path: string): Findings =>
    Object.keys({ ...sent, ...read }).flatMap((keyword) => {
      const text = show(sent[keyword])
      const isSame = isDeepStrictEqual(sent[keyword], read[keyword]) && !text.includes('"$ref"')
      return isKnown(keyword) || isSame ? [] : [{ path, reason: `a change of ${keyword} cannot be judged` }]
    })

  const judgeOne = (sent: JsonObject, read: JsonObject, path: string): Findings => {
    const types = judgeType(sent, read, path)
    if (types.length > 0) return types
    return [judgeMembers, judgeLimits, judgeKeys, judgeItems, judgeUnknown].flatMap((judgement) =>
      judgement(sent, read, path)
    )
  }

  const keysRead = (schema: JsonSchema): ReadonlyArray<string> =>
    readConditions(schema).flatMap((condition) => [
      ...namedIn(condition),
      ...(choicesOf(condition) ?? []).flatMap(keysRead)
    ])

  /**
   * Whether an answer is told from what the other choices read: it always has a key that this choice asks for and no other
   * reads, and each other asks for one that it never has, as far as it names its keys. One that it may have is not enough:
   * with that key it would be taken for the other.
   */
  const isTold = (sent: ReadonlyArray<JsonObject>, choice: JsonSchema, others: ReadonlyArray<JsonSchema>): boolean => {
    const always = new Set(sent.flatMap(requiredOf))
    const asked = (one: JsonSchema): ReadonlyArray<string> => readConditions(one).flatMap(requiredOf)
    const named = new Set(sent.flatMap(namedIn))
    const foreign = new Set(others.flatMap(keysRead))
    return (
      asked(choice).some((key) => always.has(key) && !foreign.has(key)) &&
      others.every((other) => asked(other).some((key) => !always.has(key) && !named.has(key)))
    )
  }

  /**
   * A choice that ignores a key is no place for an answer with that key where another choice reads it, unless the answer is
   * this choice's beyond doubt: then the key is an addition.
   */
  const judgeLost = (
    sent: ReadonlyArray<JsonObject>,
    choice: JsonSchema,
    accepted: ReadonlyArray<JsonSchema>,
    path: string
  ): Findings => {
    const others = accepted.filter((other) => other !== choice)
    if (isRequest || isTold(sent, choice, others)) return []
    const [read, readElsewhere] = [new Set(keysRead(choice)), new Set(accepted.flatMap(keysRead))]
    return sent
      .flatMap(namedIn)
      .filter((key) => readElsewhere.has(key) && !read.has(key))
      .map((key) => ({ path: under(path, key), reason: "is not read any more" }))
  }

  /** Whether what meets all of the conditions `sent` meets the one condition `read`. */
  const judgeAll = (sent: ReadonlyArray<JsonObject>, read: JsonObject, path: string): Findings => {
    const divided = sent.findIndex((condition) => choicesOf(condition) !== undefined)
    const choices = choicesOf(sent[divided] ?? {})
    if (choices !== undefined) {
      const others = sent.toSpliced(divided, 1)
      return choices.flatMap((choice) => judgeAll([...others, ...sentConditions(choice)], read, path))
    }
    const accepted = choicesOf(read)
    if (accepted !== undefined) {
      return fewest(
        accepted.map((choice) => [
          ...readConditions(choice).flatMap((condition) => judgeAll(sent, condition, path)),
          ...judgeLost(sent, choice, accepted, path)
        ])
      )
    }
    const together = merged(sent)
    return fewest((together === undefined ? sent : [together]).map((condition) => judgeOne(condition, read, path)))
  }

  const judge = (sent: JsonSchema, read: JsonSchema, path: string): Findings => {
    const pair = JSON.stringify([sent, read])
    // A schema that contains itself is good wherever nothing else in it speaks against it.
    if (underComparison.has(pair)) return []
    underComparison.add(pair)
    const conditions = sentConditions(sent)
    const findings = readConditions(read).flatMap((condition) => judgeAll(conditions, condition, path))
    underComparison.delete(pair)
    return findings
  }

  const all = judge(isRequest ? before : after, isRequest ? after : before, "")
  return [...new Map(all.map((one) => [`${one.path} ${one.reason}`, one])).values()]
}
