/** `_mget`: many documents by their ids, answered in the order in which they were asked for. */
import { isRecord } from "../../isRecord.ts"
import { shown } from "./documents.ts"
import { errorBody, illegalArgument, indexNotFound, parseError, validationFailed } from "./elasticError.ts"
import type { Indexes } from "./Indexes.ts"
import type { Call, Reply } from "./Reply.ts"

interface Wanted {
  readonly index: string | undefined
  readonly id: string | undefined
}

const isSimple = (value: unknown): value is string | number | boolean =>
  typeof value === "string" || typeof value === "number" || typeof value === "boolean"

const wantedId = (index: string | undefined, id: unknown): Wanted => {
  if (!isSimple(id)) throw illegalArgument("ids array element should only contain ids")
  return { index, id: String(id) }
}

const wantedDocument = (index: string | undefined, given: unknown): Wanted => {
  if (!isRecord(given)) throw illegalArgument("docs array element should include an object")
  const unknown = Object.keys(given).find((name) => !["_index", "_id", "routing"].includes(name))
  if (unknown !== undefined)
    throw parseError("parse_exception", `failed to parse multi get request. unknown field [${unknown}]`)
  const { _id: id, _index: own } = given
  return { index: isSimple(own) ? String(own) : index, id: isSimple(id) ? String(id) : undefined }
}

const parsed = (body: string): Record<string, unknown> => {
  if (body === "") throw parseError("parse_exception", "request body or source parameter is required")
  let json: unknown
  try {
    json = JSON.parse(body)
  } catch {
    throw parseError("x_content_parse_exception", "[1:1] the body is not valid JSON")
  }
  if (!isRecord(json)) throw parseError("parsing_exception", "unexpected token, expected [START_OBJECT]")
  return json
}

const readWanted = (body: string, index: string | undefined): ReadonlyArray<Wanted> =>
  Object.entries(parsed(body)).flatMap(([name, list]) => {
    if (!Array.isArray(list))
      throw parseError("parsing_exception", "unexpected token, expected [FIELD_NAME] or [START_ARRAY]")
    if (name === "ids") return list.map((id: unknown) => wantedId(index, id))
    if (name === "docs") return list.map((given: unknown) => wantedDocument(index, given))
    throw parseError("parsing_exception", `unknown key [${name}] for a START_ARRAY, expected [docs] or [ids]`)
  })

const flawsOf = (wanted: ReadonlyArray<Wanted>): ReadonlyArray<string> =>
  wanted.length === 0
    ? ["no documents to get"]
    : wanted.flatMap(({ id, index }, at) => [
        ...(index === undefined ? [`index is missing for doc ${at}`] : []),
        ...(id === undefined ? [`id is missing for doc ${at}`] : [])
      ])

const answered = (indexes: Indexes, { id = "", index = "" }: Wanted): string => {
  const there = indexes.find(index)
  if (there !== undefined) return shown(index, id, there.get(id))
  const { error } = errorBody(indexNotFound(index))
  return JSON.stringify({ _index: index, _id: id, error })
}

/** `POST` and `GET /_mget` and `/{index}/_mget`. */
export const multiGet = ({ body, index, indexes }: Call): Reply => {
  const wanted = readWanted(body, index)
  const flaws = flawsOf(wanted)
  if (flaws.length > 0) throw validationFailed(flaws)
  return { status: 200, json: `{"docs":[${wanted.map((one) => answered(indexes, one)).join(",")}]}` }
}
