/** A document's JSON as text: what Elasticsearch checks of it, and how a part of it is replaced. */
import { isRecord } from "../../isRecord.ts"
import type { ErrorCause } from "./elasticError.ts"

const maxDepth = 1_000

/** The strings, each with the colon that makes it a name, and the brackets of valid JSON. */
const tokens = /"(?:[^"\\]+|\\.)*"(\s*:)?|[{}[\]]/gs

/** Numbers would not survive `JSON.parse`: these two keep and write them as they came. */
const parseWithSource = JSON.parse as unknown as (
  text: string,
  reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown
) => unknown
const { isRawJSON, rawJSON } = JSON as unknown as {
  readonly rawJSON: (text: string) => object
  readonly isRawJSON: (value: unknown) => boolean
}

const parsing = (reason: string, causedBy?: ErrorCause): ErrorCause => ({
  type: "document_parsing_exception",
  reason,
  ...(causedBy === undefined ? {} : { caused_by: causedBy })
})

const unreadable = (at: number, problem: string): ErrorCause => {
  const reason = `[1:${at + 1}] ${problem}`
  return parsing(`[1:${at + 1}] failed to parse: ${reason}`, { type: "x_content_parse_exception", reason })
}

/** What is wrong with valid JSON nevertheless. */
const structureFlaw = (text: string): ErrorCause | undefined => {
  // The names in each object that is open; an array has none.
  const open: Array<Set<string> | undefined> = []
  for (const { 0: token, 1: colon, index } of text.matchAll(tokens)) {
    if (token === "{" || token === "[") {
      open.push(token === "{" ? new Set() : undefined)
      if (open.length > maxDepth) {
        return unreadable(index, `Document nesting depth (${open.length}) exceeds the maximum allowed (${maxDepth})`)
      }
    } else if (token === "}" || token === "]") {
      open.pop()
    } else if (colon !== undefined) {
      const name = JSON.parse(token.slice(0, -colon.length)) as string
      const names = open.at(-1)
      if (names?.has(name) === true) return unreadable(index, `Duplicate field '${name}'`)
      names?.add(name)
    }
  }
  return undefined
}

/** Why a text cannot be a document; undefined when it can. */
export const sourceFlaw = (text: string): ErrorCause | undefined => {
  if (text === "") return parsing("[0:0] failed to parse, document is empty")
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return unreadable(0, "the document is not valid JSON")
  }
  if (!isRecord(json)) return parsing("Malformed content, must start with an object")
  if (Object.keys(json).some((name) => name.trim() === ""))
    return parsing("[1:2] failed to parse: Field name cannot be an empty string")
  return structureFlaw(text)
}

/** The JSON of a text, whose numbers `JSON.stringify` writes as they came; throws where it is nested thousands deep. */
export const readExactly = (text: string): unknown =>
  parseWithSource(text, (_, value, { source }) =>
    typeof value === "number" && source !== undefined ? rawJSON(source) : value
  )

const isObject = (value: unknown): value is Record<string, unknown> => isRecord(value) && !isRawJSON(value)

const merged = (below: unknown, above: unknown): unknown =>
  isObject(below) && isObject(above)
    ? Object.fromEntries(
        [...new Set([...Object.keys(below), ...Object.keys(above)])].map((name) => [
          name,
          Object.hasOwn(above, name)
            ? merged(Object.hasOwn(below, name) ? below[name] : undefined, above[name])
            : below[name]
        ])
      )
    : above

/** A document with the fields of another in it, objects merged; undefined when that changes nothing. */
export const mergedSource = (stored: string, changes: string): string | undefined => {
  const before = readExactly(stored)
  const after = JSON.stringify(merged(before, readExactly(changes)))
  return after === JSON.stringify(before) ? undefined : after
}

/** The text of one member of a JSON object, its numbers as they came; undefined when it has none of that name. */
export const memberText = (text: string, name: string): string | undefined => {
  const json = readExactly(text)
  return isObject(json) && Object.hasOwn(json, name) ? JSON.stringify(json[name]) : undefined
}
