/** Reads the lines of a bulk request: an action, and below it the document that it is about. */
import { isRecord } from "../../isRecord.ts"
import { illegalArgument, parseError } from "./elasticError.ts"
import { sourceFlaw } from "./sourceText.ts"
import { versionTypeOf } from "./versions.ts"
import type { VersionType } from "./versions.ts"
import { flawsOf, kinds } from "./writes.ts"
import type { Asked, Kind } from "./writes.ts"

interface Metadata {
  index?: string
  id?: string
  version?: number
  versionType?: VersionType
  ifSeqNo?: number
  ifPrimaryTerm?: number
  opType?: string
}

/** The members of an update's body; a script would have to be run. */
const updateMembers = new Set(["doc", "upsert", "doc_as_upsert", "detect_noop"])

const tokenOf = (value: unknown): string => {
  if (Array.isArray(value)) return "START_ARRAY"
  if (isRecord(value)) return "START_OBJECT"
  if (value === null) return "VALUE_NULL"
  return typeof value === "string" ? "VALUE_STRING" : typeof value === "number" ? "VALUE_NUMBER" : "VALUE_BOOLEAN"
}

const whole = (value: unknown): number => {
  const number = typeof value === "number" || (typeof value === "string" && value !== "") ? Number(value) : Number.NaN
  // The longest integer of the product has 63 bits.
  if (!(Math.abs(number) < 2 ** 63)) throw illegalArgument(`For input string: "${String(value)}"`)
  return Math.trunc(number)
}

const versionTypeIn = (value: unknown): VersionType => {
  const type = versionTypeOf(String(value))
  if (type === undefined) throw illegalArgument(`No version type match [${String(value)}]`)
  return type
}

const ignored = (): Metadata => ({})

/** What each member of an action means. */
const readers: Readonly<Record<string, (value: unknown) => Metadata>> = {
  _index: (value) => ({ index: String(value) }),
  _id: (value) => ({ id: String(value) }),
  version: (value) => ({ version: whole(value) }),
  version_type: (value) => ({ versionType: versionTypeIn(value) }),
  if_seq_no: (value) => ({ ifSeqNo: whole(value) }),
  if_primary_term: (value) => ({ ifPrimaryTerm: whole(value) }),
  op_type: (value) => ({ opType: String(value) }),
  // There is one shard, and no two writes of a document overlap.
  routing: ignored,
  retry_on_conflict: ignored
}

const readMetadata = (given: Record<string, unknown>, line: number): Metadata => {
  const read: Metadata = {}
  for (const [name, value] of Object.entries(given)) {
    if (value === null) continue
    if (typeof value === "object") {
      const expected = `expected a simple value for field [${name}] but found [${tokenOf(value)}]`
      throw illegalArgument(`Malformed action/metadata line [${line}], ${expected}`)
    }
    const reader = Object.hasOwn(readers, name) ? readers[name] : undefined
    if (reader === undefined)
      throw illegalArgument(`Action/metadata line [${line}] contains an unknown parameter [${name}]`)
    Object.assign(read, reader(value))
  }
  return read
}

const readAction = (text: string, line: number): readonly [Kind, Metadata] => {
  const malformed = (problem: string): Error =>
    illegalArgument(`Malformed action/metadata line [${line}], expected ${problem}`)
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw parseError("x_content_parse_exception", `[1:1] line [${line}] is not valid JSON`)
  }
  if (!isRecord(json)) throw malformed(`START_OBJECT but found [${tokenOf(json)}]`)
  const [[action, metadata] = [undefined, undefined], second] = Object.entries(json)
  if (action === undefined) throw malformed("FIELD_NAME but found [END_OBJECT]")
  const kind = kinds.find((one) => one === action)
  if (kind === undefined) throw malformed(`field [create], [delete], [index] or [update] but found [${action}]`)
  if (!isRecord(metadata)) throw malformed(`START_OBJECT or END_OBJECT but found [${tokenOf(metadata)}]`)
  if (second !== undefined) throw malformed("END_OBJECT but found [FIELD_NAME]")
  const read = readMetadata(metadata, line)
  return [kind === "index" && read.opType === "create" ? "create" : kind, read]
}

const checkUpdate = (source: string, { version, versionType }: Metadata): void => {
  if (version !== undefined || versionType !== undefined) {
    throw illegalArgument(
      "Update requests do not support versioning. Please use `if_seq_no` and `if_primary_term` instead"
    )
  }
  const flaw = sourceFlaw(source)
  if (flaw !== undefined) throw parseError("x_content_parse_exception", flaw.reason)
  const json = JSON.parse(source) as Record<string, unknown>
  const unknown = Object.keys(json).find((name) => !updateMembers.has(name))
  if (unknown !== undefined)
    throw parseError("x_content_parse_exception", `[1:2] [UpdateRequest] unknown field [${unknown}]`)
  const odd = ["doc", "upsert"].find((name) => json[name] !== undefined && !isRecord(json[name]))
  if (odd !== undefined)
    throw parseError("x_content_parse_exception", `[1:2] [UpdateRequest] ${odd} doesn't support values of this type`)
}

/** Why an action may not even be tried. */
export const actionFlaws = (asked: Asked): ReadonlyArray<string> =>
  asked.kind === "update" && !Object.hasOwn(JSON.parse(asked.source ?? "{}") as object, "doc")
    ? [...flawsOf(asked), "script or doc is missing"]
    : flawsOf(asked)

/** All actions of a bulk request; throws when one of its lines cannot be read. */
export const readActions = (body: string, defaultIndex: string | undefined): ReadonlyArray<Asked> => {
  const lines = body.split("\n")
  const rest = lines.pop() ?? ""
  const actions: Array<Asked> = []
  for (let at = 0; at < lines.length; at += 1) {
    const text = lines[at]?.trim() ?? ""
    if (text === "") continue
    const [kind, metadata] = readAction(text, at + 1)
    let source: string | undefined
    if (kind !== "delete") {
      at += 1
      source = lines[at]?.replace(/\r$/, "")
      // The product drops a last action that has no document, when its line is the last one.
      if (source === undefined) break
    }
    if (kind === "update") checkUpdate(source ?? "", metadata)
    actions.push({
      kind,
      index: metadata.index ?? defaultIndex,
      id: metadata.id,
      source,
      version: metadata.version,
      versionType: metadata.versionType ?? "internal",
      ifSeqNo: metadata.ifSeqNo,
      ifPrimaryTerm: metadata.ifPrimaryTerm
    })
  }
  if (rest !== "") throw illegalArgument("The bulk request must be terminated by a newline [\\n]")
  return actions
}
