/** Writing one document, on its own or as an item of a bulk request. */
import { randomBytes } from "node:crypto"
import { ElasticError, illegalArgument } from "./elasticError.ts"
import type { Document, Index, Write, Written } from "./Index.ts"
import type { Indexes } from "./Indexes.ts"
import { mappingFlaw } from "./mappings.ts"
import { memberText, mergedSource, sourceFlaw } from "./sourceText.ts"
import { expectationFlaws, primaryTerm } from "./versions.ts"
import type { Expectation } from "./versions.ts"

/** What a request or an action of a bulk request does. */
export const kinds = ["index", "create", "delete", "update"] as const
/** One of these. */
export type Kind = (typeof kinds)[number]

/** One write as it was asked for. */
export interface Asked extends Expectation {
  readonly kind: Kind
  readonly index: string | undefined
  /** Made up when it is left out and the document is new. */
  readonly id: string | undefined
  /** The document, or the body of an update. */
  readonly source: string | undefined
}

/** What became of one write, without what surrounds it in an answer. */
export interface Outcome {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}

const maxIdBytes = 512

/** Why a write may not even be tried; a bulk request with such a write is refused as a whole. */
export const flawsOf = (asked: Asked): ReadonlyArray<string> => {
  const { id, index, kind, version, versionType } = asked
  const idBytes = Buffer.byteLength(id ?? "")
  const needsId = kind === "delete" || kind === "update"
  const missing = [
    ...(index === undefined ? ["index is missing"] : []),
    ...(needsId && (id ?? "") === "" ? ["id is missing"] : [])
  ]
  if (kind === "create" && versionType !== "internal")
    return [...missing, "create operations only support internal versioning. use index instead"]
  if (kind === "create" && version !== undefined)
    return [...missing, "create operations do not support explicit versions. use index instead"]
  if (kind === "create" && (asked.ifSeqNo !== undefined || asked.ifPrimaryTerm !== undefined))
    return [...missing, "create operations do not support compare and set. use index instead"]
  return [
    ...missing,
    ...(id === undefined && !needsId && (version !== undefined || versionType !== "internal")
      ? ["an id must be provided if version type or value are set"]
      : []),
    ...expectationFlaws(asked),
    ...(idBytes > maxIdBytes && kind !== "delete"
      ? [`id [${id}] is too long, must be no longer than ${maxIdBytes} bytes but was: ${idBytes}`]
      : [])
  ]
}

const shards = { total: 2, successful: 1, failed: 0 }

const writtenStatus = { created: 201, updated: 200, deleted: 200, not_found: 404 } as const

const outcome = (index: Index, { id, result, seqNo, version }: Written, refresh: boolean): Outcome => ({
  status: writtenStatus[result],
  body: {
    _index: index.name,
    _id: id,
    _version: version,
    result,
    ...(refresh ? { forced_refresh: true } : {}),
    _shards: shards,
    _seq_no: seqNo,
    _primary_term: primaryTerm
  }
})

const noop = (index: Index, { id, seqNo, version }: Document): Outcome => ({
  status: 200,
  body: {
    _index: index.name,
    _id: id,
    _version: version,
    result: "noop",
    _shards: { total: 0, successful: 0, failed: 0 },
    _seq_no: seqNo,
    _primary_term: primaryTerm
  }
})

const checked = (index: Index, id: string, source: string): string => {
  const flaw = sourceFlaw(source) ?? mappingFlaw(index.mappings, source, id)
  if (flaw !== undefined) throw new ElasticError(400, flaw)
  return source
}

const update = (index: Index, write: Write, refresh: boolean): Outcome => {
  const { id, source = "" } = write
  const doc = memberText(source, "doc")
  const before = index.get(id)
  const plain = { ...write, create: false }
  if (before === undefined) {
    const upsert = memberText(source, "doc_as_upsert") === "true" ? doc : memberText(source, "upsert")
    if (upsert !== undefined)
      return outcome(index, index.write({ ...plain, source: checked(index, id, upsert) }), refresh)
    const reason = `[${id}]: document missing`
    throw new ElasticError(404, { type: "document_missing_exception", reason, ...index.place() })
  }
  const changed = mergedSource(before.source, doc ?? "{}")
  if (changed === undefined && memberText(source, "detect_noop") !== "false") return noop(index, before)
  return outcome(index, index.write({ ...plain, source: checked(index, id, changed ?? before.source) }), refresh)
}

/** Carries a write out that has no flaws; throws what it meets. */
export const perform = (indexes: Indexes, asked: Asked, refresh: boolean): Outcome => {
  const { index: name = "", kind, source, ...expectation } = asked
  if (asked.id === "") throw illegalArgument("if _id is specified it must not be empty")
  // A deletion makes no index, unless it brings a version that is to be remembered.
  const made = kind !== "delete" || asked.versionType !== "internal"
  const index = made ? indexes.getOrCreate(name) : indexes.get(name)
  const id = asked.id ?? randomBytes(15).toString("base64url")
  const write = { ...expectation, id, source, create: kind === "create" || asked.id === undefined }
  indexes.changed()
  if (kind === "update") return update(index, write, refresh)
  if (kind === "delete") return outcome(index, index.write({ ...write, source: undefined }), refresh)
  return outcome(index, index.write({ ...write, source: checked(index, id, source ?? "") }), refresh)
}

/** Whether a request asks for its writes to be found by a search at once, which here they always are. */
export const refreshes = (query: URLSearchParams): boolean => {
  const refresh = query.get("refresh")
  if (refresh === null || refresh === "" || refresh === "true") return refresh !== null
  if (refresh === "false" || refresh === "wait_for") return false
  throw illegalArgument(`Unknown value for refresh: [${refresh}].`)
}
