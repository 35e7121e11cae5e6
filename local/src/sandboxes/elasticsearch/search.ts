/** `_search` and `_count`, as far as a person needs them to look around: all documents, or those of given ids. */
import { isRecord } from "../../isRecord.ts"
import { illegalArgument, parseError } from "./elasticError.ts"
import type { Document } from "./Index.ts"
import type { Call, Reply } from "./Reply.ts"

const shards = { total: 1, successful: 1, skipped: 0, failed: 0 }
const defaultSize = 10
const maxWindow = 10_000

const parsed = (body: string, known: ReadonlyArray<string>): Record<string, unknown> => {
  if (body === "") return {}
  let json: unknown
  try {
    json = JSON.parse(body)
  } catch {
    throw parseError("x_content_parse_exception", "[1:1] the body is not valid JSON")
  }
  if (!isRecord(json)) throw parseError("parsing_exception", "Expected [START_OBJECT]")
  const unknown = Object.keys(json).find((name) => !known.includes(name))
  if (unknown !== undefined) throw parseError("parsing_exception", `unknown key [${unknown}] in [query]`)
  return json
}

const isTextList = (value: unknown): value is ReadonlyArray<string> =>
  Array.isArray(value) && value.every((one) => typeof one === "string")

/** Which documents a query finds. */
const filterOf = (query: unknown): ((document: Document) => boolean) => {
  if (query === undefined) return () => true
  const [[kind, content] = ["", undefined], second] = isRecord(query) ? Object.entries(query) : []
  if (second !== undefined)
    throw parseError("parsing_exception", `[${kind}] malformed query, expected [END_OBJECT] but found [FIELD_NAME]`)
  if (kind === "match_all") return () => true
  if (kind !== "ids") throw parseError("parsing_exception", `unknown query [${kind}]`)
  const values = isRecord(content) ? content["values"] : undefined
  if (!isTextList(values)) throw parseError("parsing_exception", "[ids] requires an array of texts as [values]")
  const ids = new Set(values)
  return ({ id }) => ids.has(id)
}

const countOf = (given: unknown, name: string, otherwise: number): number => {
  const count = given === undefined || given === null ? otherwise : Number(given)
  if (!Number.isInteger(count) || count < 0)
    throw illegalArgument(`[${name}] parameter cannot be negative, found [${String(given)}]`)
  return count
}

/** `POST` and `GET /{index}/_search`. */
export const search = ({ body, index = "", indexes, query }: Call): Reply => {
  const { from: fromGiven, query: filter, size: sizeGiven } = parsed(body, ["query", "size", "from"])
  const from = countOf(query.get("from") ?? fromGiven, "from", 0)
  const size = countOf(query.get("size") ?? sizeGiven, "size", defaultSize)
  if (from + size > maxWindow) {
    throw illegalArgument(
      `Result window is too large, from + size must be less than or equal to: [${maxWindow}] but was [${from + size}]`
    )
  }
  const found = indexes.get(index).documents().filter(filterOf(filter))
  const hits = found
    .slice(from, from + size)
    .map(
      ({ id, source }) =>
        `{"_index":${JSON.stringify(index)},"_id":${JSON.stringify(id)},"_score":1.0,"_source":${source}}`
    )
  const outside = JSON.stringify({ took: 0, timed_out: false, _shards: shards }).slice(0, -1)
  const maxScore = found.length === 0 ? "null" : "1.0"
  const total = JSON.stringify({ value: found.length, relation: "eq" })
  return {
    status: 200,
    json: `${outside},"hits":{"total":${total},"max_score":${maxScore},"hits":[${hits.join(",")}]}}`
  }
}

/** `POST` and `GET /{index}/_count`. */
export const count = ({ body, index = "", indexes }: Call): Reply => {
  const { query } = parsed(body, ["query"])
  const found = indexes.get(index).documents().filter(filterOf(query))
  return { status: 200, json: JSON.stringify({ count: found.length, _shards: shards }) }
}
