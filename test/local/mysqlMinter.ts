/** The id minter's tables, as its migrations make them, and the embedded database with them. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Connection, ResultSetHeader } from "mysql2/promise"
import { type EmbeddedOptions, startEmbedded } from "../../local/src/mysql/Front.ts"
import * as statements from "../../src/layers/IdMinter/statements.ts"
import { type Client, clientOf, rowsOf } from "./mysqlParts.ts"

const end = "ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
const createdAt = "CreatedAt TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)"

export const definitions = [
  `CREATE TABLE IF NOT EXISTS id_minter_migrations (id INT UNSIGNED NOT NULL PRIMARY KEY, name VARCHAR(255) NOT NULL) ${end}`,
  `CREATE TABLE IF NOT EXISTS canonical_ids (CanonicalId VARCHAR(8) NOT NULL, Status ENUM('free', 'assigned') NOT NULL DEFAULT 'free', ${createdAt}, PRIMARY KEY (CanonicalId), INDEX idx_free (Status, CanonicalId)) ${end}`,
  `CREATE TABLE IF NOT EXISTS identifiers (OntologyType VARCHAR(255) NOT NULL, SourceSystem VARCHAR(255) NOT NULL, SourceId VARCHAR(255) NOT NULL, CanonicalId VARCHAR(8) NOT NULL, ${createdAt}, PRIMARY KEY (OntologyType, SourceSystem, SourceId), INDEX idx_canonical (CanonicalId), CONSTRAINT fk_canonical FOREIGN KEY (CanonicalId) REFERENCES canonical_ids (CanonicalId)) ${end}`
] as const

export const createTables = async (client: Connection): Promise<void> => {
  for (const definition of definitions) await client.query(definition)
}

/** A folder that goes with the test. */
export const temporary = async () => {
  const path = await mkdtemp(join(tmpdir(), "mysql-test-"))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/** The embedded database with its tables, and ids in its pool. */
export const started = async (options: EmbeddedOptions = {}, ...free: ReadonlyArray<string>) => {
  const engine = await startEmbedded(options)
  await using client = await clientOf(engine)
  await createTables(client)
  if (free.length > 0) await client.execute(statements.addFree(free.length), [...free])
  return engine
}

/** How many ids are free. */
export const free = async (client: Client): Promise<unknown> => (await rowsOf(client, statements.countFree))[0]?.[0]

/** Stores an identifier. */
export const insert = (client: Client, sourceId: string, id: string): Promise<[ResultSetHeader, unknown]> =>
  client.execute<ResultSetHeader>(statements.insert(1), ["Work", "sierra", sourceId, id])

/** The identifiers that are stored, with their ids. */
export const lookup = async (client: Client, ...ids: ReadonlyArray<string>) =>
  (await rowsOf(client, statements.lookup(ids.length), ["Work", "sierra", ...ids])).map((row) => row.slice(2))
