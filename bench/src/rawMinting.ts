/** Minting as one would write it with mysql2 alone: as few statements as it takes, and one key after the other. */
import type { Pool, PoolConnection, ResultSetHeader, RowDataPacket } from "mysql2/promise"
import type { SourceKey } from "../../src/services/IdMinter/SourceKey.ts"

const marks = (count: number): string => Array<string>(count).fill("?").join(", ")

const inTransaction = async <A>(pool: Pool, body: (connection: PoolConnection) => Promise<A>): Promise<A> => {
  const connection = await pool.getConnection()
  try {
    await connection.query("BEGIN")
    const result = await body(connection)
    await connection.query("COMMIT")
    return result
  } catch (error) {
    await connection.query("ROLLBACK")
    throw error
  } finally {
    connection.release()
  }
}

const claim = async (connection: PoolConnection, count: number): Promise<ReadonlyArray<string>> => {
  const [rows] = await connection.query<Array<RowDataPacket>>(
    `SELECT CanonicalId FROM canonical_ids WHERE Status = 'free' LIMIT ${count} FOR UPDATE SKIP LOCKED`
  )
  return rows.map((row) => String(row["CanonicalId"]))
}

/** The ids of keys of one type and system, in one statement. */
export const rawLookup = async (pool: Pool, keys: ReadonlyArray<SourceKey>): Promise<ReadonlyMap<string, string>> => {
  const [first] = keys
  const [rows] = await pool.execute<Array<RowDataPacket>>(
    // The whole key, as the minter reads it: a collation that is not binary finds the rows of other keys, too.
    `SELECT OntologyType, SourceSystem, SourceId, CanonicalId FROM identifiers WHERE OntologyType = ? AND SourceSystem = ? AND SourceId IN (${marks(keys.length)})`,
    [first?.ontologyType ?? "", first?.sourceSystem ?? "", ...keys.map(({ sourceId }) => sourceId)]
  )
  return new Map(rows.map((row) => [String(row["SourceId"]), String(row["CanonicalId"])]))
}

/** Looks up, claims, inserts, reads what won, and takes the ids out of the pool: seven round trips. */
export const rawMint = async (pool: Pool, keys: ReadonlyArray<SourceKey>): Promise<number> => {
  const known = await rawLookup(pool, keys)
  const missing = keys.filter(({ sourceId }) => !known.has(sourceId))
  return inTransaction(pool, async (connection) => {
    const ids = await claim(connection, missing.length)
    await connection.execute<ResultSetHeader>(
      `INSERT INTO identifiers (OntologyType, SourceSystem, SourceId, CanonicalId) VALUES ${missing.map(() => "(?, ?, ?, ?)").join(", ")} ON DUPLICATE KEY UPDATE CanonicalId = CanonicalId`,
      missing.flatMap((key, index) => [key.ontologyType, key.sourceSystem, key.sourceId, ids[index] ?? ""])
    )
    const [won] = await connection.execute<Array<RowDataPacket>>(
      `SELECT SourceId, CanonicalId FROM identifiers WHERE CanonicalId IN (${marks(ids.length)}) LOCK IN SHARE MODE`,
      [...ids]
    )
    await connection.execute(
      `UPDATE canonical_ids SET Status = 'assigned' WHERE CanonicalId IN (${marks(won.length)})`,
      won.map((row) => String(row["CanonicalId"]))
    )
    return won.length
  })
}

/** The same, for one key after the other. */
export const rowByRow = async (pool: Pool, keys: ReadonlyArray<SourceKey>): Promise<number> => {
  let minted = 0
  for (const key of keys) minted += await rawMint(pool, [key])
  return minted
}
