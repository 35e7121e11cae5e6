/** The routes of one document. */
import { illegalArgument, parseError, validationFailed } from "./elasticError.ts"
import type { Document } from "./Index.ts"
import type { Call, Reply } from "./Reply.ts"
import { primaryTerm, versionTypeOf } from "./versions.ts"
import { flawsOf, perform, refreshes } from "./writes.ts"
import type { Asked, Kind } from "./writes.ts"

const whole = (query: URLSearchParams, name: string): number | undefined => {
  const text = query.get(name)
  if (text === null) return undefined
  if (!/^-?\d+$/.test(text)) throw illegalArgument(`Failed to parse long parameter [${name}] with value [${text}]`)
  return Number(text)
}

const single = (kind: Kind, { body, index, id, indexes, query }: Call): Reply => {
  if (body === "" && kind !== "delete") throw parseError("parse_exception", "request body is required")
  const named = query.get("version_type") ?? "internal"
  const versionType = versionTypeOf(named)
  if (versionType === undefined) throw illegalArgument(`No version type match [${named}]`)
  const asked: Asked = {
    kind,
    index,
    id,
    source: body,
    version: whole(query, "version"),
    versionType,
    ifSeqNo: whole(query, "if_seq_no"),
    ifPrimaryTerm: whole(query, "if_primary_term")
  }
  const flaws = flawsOf(asked)
  if (flaws.length > 0) throw validationFailed(flaws)
  const done = perform(indexes, asked, refreshes(query))
  const location = [index ?? "", "_doc", String(done.body["_id"])].map(encodeURIComponent).join("/")
  return {
    status: done.status,
    json: JSON.stringify(done.body),
    headers: done.status === 201 ? { location: `/${location}` } : {}
  }
}

/** `PUT /{index}/_doc/{id}`, and `POST /{index}/_doc` with an id of its own. */
export const putDocument = (call: Call): Reply =>
  single(call.query.get("op_type") === "create" ? "create" : "index", call)

/** `PUT /{index}/_create/{id}`. */
export const createDocument = (call: Call): Reply => single("create", call)

/** `DELETE /{index}/_doc/{id}`. */
export const deleteDocument = (call: Call): Reply => single("delete", call)

/** A document, or the fact that there is none, as JSON. Its source is written as it came. */
export const shown = (index: string, id: string, document: Document | undefined): string => {
  if (document === undefined) return JSON.stringify({ _index: index, _id: id, found: false })
  const { seqNo, source, version } = document
  const facts = { _index: index, _id: id, _version: version, _seq_no: seqNo, _primary_term: primaryTerm, found: true }
  return `${JSON.stringify(facts).slice(0, -1)},"_source":${source}}`
}

/** `GET` and `HEAD /{index}/_doc/{id}`. */
export const getDocument = ({ id = "", index = "", indexes }: Call): Reply => {
  const document = indexes.get(index).get(id)
  return { status: document === undefined ? 404 : 200, json: shown(index, id, document) }
}
