/** Finding the ids of keys: one statement for up to a thousand keys of one type and system (contract 1.6, Lookup). */
import type * as SqlConnection from "@effect/sql/SqlConnection"
import type * as SqlError from "@effect/sql/SqlError"
import * as Effect from "effect/Effect"
import { CanonicalId } from "../../schemas/IdMinter.ts"
import { CollidingSourceIdentifier } from "../../schemas/IdMinterError.ts"
import * as SourceKey from "../../services/IdMinter/SourceKey.ts"
import * as statements from "./statements.ts"

/** The ids of keys, by the keys' `id`. */
export type Ids = ReadonlyMap<string, CanonicalId>

/** Keys that one statement asks for. */
type Chunk = readonly [first: SourceKey.SourceKey, ...rest: ReadonlyArray<SourceKey.SourceKey>]

/** Whether one statement can ask for both keys. */
export const areAlike = (one: SourceKey.SourceKey, other: SourceKey.SourceKey): boolean =>
  one.ontologyType === other.ontologyType && one.sourceSystem === other.sourceSystem

/** Keys by type and system, sorted, since the server finds neighbours faster, and no more than a statement takes. */
const chunksOf = (keys: ReadonlyArray<SourceKey.SourceKey>): ReadonlyArray<Chunk> => {
  const chunks: Array<[SourceKey.SourceKey, ...Array<SourceKey.SourceKey>]> = []
  for (const key of keys.toSorted(SourceKey.compare)) {
    const current = chunks.at(-1)
    const fits = current !== undefined && current.length < statements.keysPerStatement && areAlike(current[0], key)
    if (fits) current.push(key)
    else chunks.push([key])
  }
  return chunks
}

/** A row by the names of its columns. */
type Row = Readonly<Record<string, unknown>>

/** A row of {@link statements.lookup} or {@link statements.holders}. */
const read = (row: Row) => ({
  key: SourceKey.make(String(row["OntologyType"]), String(row["SourceSystem"]), String(row["SourceId"])),
  id: CanonicalId.make(String(row["CanonicalId"]), { disableValidation: true })
})

/** Runs a statement, and gives its rows. */
export type Run<E> = (sql: string, parameters: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<Row>, E>

/** Finds the ids of keys; `statement` makes the statement for a number of them. */
export const find = <E>(
  run: Run<E>,
  keys: ReadonlyArray<SourceKey.SourceKey>,
  statement: (length: number) => string
): Effect.Effect<Ids, E> =>
  Effect.gen(function* () {
    const ids = new Map<string, CanonicalId>()
    for (const chunk of chunksOf(keys)) {
      const [{ ontologyType, sourceSystem }] = chunk
      const asked = new Map<unknown, string>()
      for (const { id, sourceId } of chunk) asked.set(sourceId, id)
      const list = statements.padded(chunk.map(({ sourceId }) => sourceId))
      const rows = yield* run(statement(list.length), [ontologyType, sourceSystem, ...list])
      for (const row of rows) {
        const key = asked.get(row["SourceId"])
        // A collation that is not binary finds the rows of other keys, too.
        const isAsked =
          key !== undefined && row["OntologyType"] === ontologyType && row["SourceSystem"] === sourceSystem
        if (isAsked) ids.set(key, CanonicalId.make(String(row["CanonicalId"]), { disableValidation: true }))
      }
    }
    return ids
  })

/** The keys that have these ids: those that they went to, where nobody else can have given them away. */
export const holders = (
  connection: SqlConnection.Connection,
  ids: ReadonlyArray<string>
): Effect.Effect<Ids, SqlError.SqlError> => {
  if (ids.length === 0) return Effect.succeed(new Map())
  const list = statements.padded(ids)
  return Effect.map(
    connection.execute(statements.holders(list.length), list, undefined),
    (rows) => new Map(rows.map(read).map(({ id, key }) => [key.id, id]))
  )
}

/** What the database has in the place of a key that it does not store: it takes the two for equal. */
export const collision = (
  connection: SqlConnection.Connection,
  key: SourceKey.SourceKey
): Effect.Effect<CollidingSourceIdentifier, SqlError.SqlError> =>
  Effect.map(
    connection.execute(statements.lockedLookup(1), [key.ontologyType, key.sourceSystem, key.sourceId], undefined),
    ([row]) =>
      new CollidingSourceIdentifier({
        requested: SourceKey.describe(key),
        stored: row === undefined ? "" : SourceKey.describe(read(row).key)
      })
  )
