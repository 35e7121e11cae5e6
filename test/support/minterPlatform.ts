/** The id minter on the platform, for its tests. */
import { createConnection, type RowDataPacket } from "mysql2/promise"
import { sampleWork, workId } from "../../local/src/minter/sampleWork.ts"
import { call, invoke, type Invoked, type Running } from "./platform.ts"

/** Puts works into the source index. */
export const putWorks = async (running: Running, values: ReadonlyArray<string>): Promise<void> => {
  const answer = await call(running, "PUT", "/_sandbox/idminter/works", values.map(sampleWork))
  if (!answer.ok) throw new Error(`the works were not taken: ${await answer.text()}`)
}

/** The target index, by canonical id. */
export const targetIndex = async (running: Running): Promise<ReadonlyMap<string, Record<string, unknown>>> => {
  const answer = await call(running, "GET", "/_sandbox/idminter/works")
  const works = (await answer.json()) as ReadonlyArray<{ _id: string; _source: Record<string, unknown> }>
  return new Map(works.map(({ _id, _source }) => [_id, _source]))
}

/** Asks the function that state machines ask. */
export const mint = (running: Running, values: ReadonlyArray<string>): Promise<Invoked> =>
  invoke(running.lambda, "id-minter-stepfunction", {
    sourceIdentifiers: values.map(workId),
    includeCanonicalIds: true
  })

/** The ids that were answered, in the order asked for. */
export const idsOf = ({ payload }: Invoked): ReadonlyArray<string> =>
  ((payload["identifiers"] ?? []) as ReadonlyArray<{ canonicalId: string }>).map(({ canonicalId }) => canonicalId)

/** Rows of the identifiers' database. */
export const rowsOf = async (running: Running, sql: string): Promise<ReadonlyArray<Record<string, unknown>>> => {
  const connection = await createConnection(running.platform.info.mysql ?? "")
  try {
    return (await connection.query<Array<RowDataPacket>>(sql))[0]
  } finally {
    await connection.end()
  }
}

/** What does not hold in the database: nothing, whatever has happened. */
export const brokenInvariants = (running: Running): Promise<ReadonlyArray<Record<string, unknown>>> =>
  rowsOf(
    running,
    `SELECT CanonicalId, Status, COUNT(SourceId) AS used FROM canonical_ids LEFT JOIN identifiers USING (CanonicalId)
     GROUP BY CanonicalId, Status HAVING (Status = 'free' AND used > 0) OR (Status = 'assigned' AND used <> 1)`
  )
