/** Finding the ids of keys: one statement for up to a thousand keys of one type and system (contract 1.6, Lookup). */
import type * as SqlConnection from "@effect/sql/SqlConnection"
import type * as SqlError from "@effect/sql/SqlError"
import * as Effect from "effect/Effect"
import { CanonicalId } from "../../schemas/IdMinter.ts"
import { CollidingSourceIdentifier } from "../../schemas/IdMinterError.ts"
import * as SourceKey from "../../services/IdMinter/SourceKey.ts"
import type { Found } from "../../services/Identifiers.ts"
import * as statements from "./statements.ts"

/** Keys that one statement asks for. */
type Chunk = readonly [first: SourceKey.SourceKey, ...rest: ReadonlyArray<SourceKey.SourceKey>]

/** Keys by type and system, sorted, since the server finds neighbours faster, and no more than a statement takes. */
const chunksOf = (keys: ReadonlyArray<SourceKey.SourceKey>): ReadonlyArray<Chunk> => {
  const chunks: Array<[SourceKey.SourceKey, ...Array<SourceKey.SourceKey>]> = []
  for (const key of keys.toSorted(SourceKey.compare)) {
    const current = chunks.at(-1)
    const fits =
      current !== undefined &&
      current.length < statements.keysPerStatement &&
      current[0].ontologyType === key.ontologyType &&
      current[0].sourceSystem === key.sourceSystem
    if (fits) current.push(key)
    else chunks.push([key])
  }
  return chunks
}

/** What a collation that is not binary takes for the same: case, accents and spaces at the end. */
const folded = (text: string): string => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().trimEnd()

/** The keys of a chunk for which the server found a row of another key. */
const collisions = (
  chunk: Chunk,
  surplus: ReadonlyArray<string>,
  ids: ReadonlyMap<string, CanonicalId>
): ReadonlyArray<readonly [string, CollidingSourceIdentifier]> => {
  const stored = new Map(surplus.map((sourceId) => [folded(sourceId), sourceId]))
  return chunk.flatMap((key) => {
    const other = ids.has(key.id) ? undefined : stored.get(folded(key.sourceId))
    return other === undefined
      ? []
      : [[key.id, new CollidingSourceIdentifier({ requested: SourceKey.describe(key), stored: other })] as const]
  })
}

/** Finds the ids of keys; `statement` makes the statement for a number of them. */
export const find = (
  connection: SqlConnection.Connection,
  keys: ReadonlyArray<SourceKey.SourceKey>,
  statement: (length: number) => string
): Effect.Effect<Found<CollidingSourceIdentifier>, SqlError.SqlError> =>
  Effect.gen(function* () {
    const ids = new Map<string, CanonicalId>()
    const failures = new Map<string, CollidingSourceIdentifier>()
    for (const chunk of chunksOf(keys)) {
      const [{ ontologyType, sourceSystem }] = chunk
      const asked = new Map(chunk.map((key) => [key.sourceId, key.id]))
      const list = statements.padded([...asked.keys()])
      const rows = yield* connection.executeValues(statement(list.length), [ontologyType, sourceSystem, ...list])
      const surplus: Array<string> = []
      for (const [sourceId, id] of rows) {
        const key = asked.get(String(sourceId))
        if (key === undefined) surplus.push(String(sourceId))
        else ids.set(key, CanonicalId.make(String(id), { disableValidation: true }))
      }
      if (surplus.length > 0) {
        for (const [key, failure] of collisions(chunk, surplus, ids)) failures.set(key, failure)
      }
    }
    return { ids, failures }
  })
