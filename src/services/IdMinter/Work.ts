/** A work on its way through the minter: what is read of its document, and what is written (contract 1.4, 1.5, 1.7). */
import * as Either from "effect/Either"
import type { CanonicalId } from "../../schemas/IdMinter.ts"
import { InvalidWork, type MissingCanonicalId } from "../../schemas/IdMinterError.ts"
import { embed } from "./Embed.ts"
import type { ExactJson } from "./ExactJson.ts"
import { scan, type Wanted } from "./Scan.ts"
import * as SourceKey from "./SourceKey.ts"

/** A document of the source index that can be minted. */
export interface Work {
  /** Its `_id` there. */
  readonly requestId: string
  readonly document: ExactJson
  /** The work's own key. */
  readonly root: SourceKey.SourceKey
  readonly wanted: ReadonlyArray<Wanted>
  /** When the work was changed, in epoch milliseconds: of two copies the target index keeps the newer. */
  readonly version: number
}

/** A work as the target index gets it. */
export interface IdentifiedWork {
  readonly requestId: string
  readonly canonicalId: CanonicalId
  readonly version: number
  /** The document as JSON. */
  readonly json: string
}

const instant = /^(\d{4}-\d\d-(\d\d))(T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?)(?:(?<=\.\d{3})\d+)?(Z|[+-]\d\d:\d\d)$/

/** Epoch milliseconds of an ISO 8601 instant, whose second may have any number of decimals. */
const millisOf = (value: unknown): number => {
  const [, date = "", day, time = "", zone = ""] = typeof value === "string" ? (instant.exec(value) ?? []) : []
  // `Date.parse` takes a 30th of February for the 2nd of March, and misreads long decimals.
  return new Date(date).getUTCDate() === Number(day) ? Date.parse(date + time + zone) : Number.NaN
}

const invalid = (reason: string): Either.Either<never, InvalidWork> => Either.left(new InvalidWork({ reason }))

const versionOf = (state: Readonly<Record<string, unknown>>): Either.Either<number, InvalidWork> => {
  const name =
    state["modifiedTime"] === null || state["modifiedTime"] === undefined ? "sourceModifiedTime" : "modifiedTime"
  const millis = millisOf(state[name])
  if (Number.isNaN(millis)) return invalid(`state.${name} must be an ISO 8601 instant`)
  return millis >= 0 ? Either.right(millis) : invalid(`state.${name} must not be before 1970`)
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** Reads a document. */
export const read = (requestId: string, document: ExactJson): Either.Either<Work, InvalidWork> =>
  Either.gen(function* () {
    const { value } = document
    if (!isRecord(value)) return yield* invalid("the document must be an object")
    const state = Object.hasOwn(value, "state") ? value["state"] : undefined
    if (!isRecord(state)) return yield* invalid("state must be an object")
    const wanted = yield* scan(value)
    const { key, printed } = yield* SourceKey.parse(state["sourceIdentifier"], "state.sourceIdentifier")
    // Another work would be indexed and announced in its place.
    if (printed !== requestId) return yield* invalid("state.sourceIdentifier must be that of the requested document")
    return { requestId, document, root: key, wanted, version: yield* versionOf(state) }
  })

/** The work with its ids, once all of its keys have one. */
export const identify = (
  { document, requestId, root, version }: Work,
  ids: ReadonlyMap<string, CanonicalId>
): Either.Either<IdentifiedWork, InvalidWork | MissingCanonicalId> =>
  Either.map(embed(document, ids), (identified) => ({
    requestId,
    // Embedding has found an id for every key of the work, its own among them.
    canonicalId: ids.get(root.id) as CanonicalId,
    version,
    json: JSON.stringify(identified)
  }))
