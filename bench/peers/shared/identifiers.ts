/** The id minter's database: mysql2, with a login that may be in a secret. */
import { randomInt } from "node:crypto"
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager"
import { createPool, type Pool, type RowDataPacket } from "mysql2/promise"
import * as z from "zod"
import { setting } from "./setting.ts"

const secrets = new SecretsManagerClient({ maxAttempts: 1 })

const login = z.object({ username: z.string(), password: z.string() })

const loginOf = async (): Promise<z.infer<typeof login>> => {
  const SecretId = process.env["db_secret_name"]
  if (SecretId === undefined) return { username: setting("db_username"), password: setting("db_password") }
  const { SecretString = "" } = await secrets.send(new GetSecretValueCommand({ SecretId }))
  return login.parse(JSON.parse(SecretString))
}

const settings = z
  .object({
    cluster_url: z.string().min(1),
    db_port: z.coerce.number().int().min(1).max(65_535).default(3_306),
    max_connections: z.coerce.number().int().min(1).max(1_000).default(8)
  })
  .parse(process.env)

let opened: Promise<Pool> | undefined

const open = async (): Promise<Pool> => {
  const { password, username: user } = await loginOf()
  return createPool({
    host: settings.cluster_url,
    port: settings.db_port,
    database: "identifiers",
    user,
    password,
    connectionLimit: settings.max_connections,
    connectTimeout: 5_000,
    maxPreparedStatements: 32
  })
}

/** The pool; a failed one is not kept. */
export const pool = (): Promise<Pool> => {
  opened ??= open().catch((error: unknown) => {
    opened = undefined
    throw error
  })
  return opened
}

/** A key of the table of identifiers. */
export interface Key {
  readonly ontologyType: string
  readonly sourceSystem: string
  readonly sourceId: string
}

interface Found extends RowDataPacket {
  readonly CanonicalId: string
  readonly SourceId: string
}

interface Free extends RowDataPacket {
  readonly CanonicalId: string
}

interface Count extends RowDataPacket {
  readonly count: number
}

/** The canonical ids that are there, and new ones for the others. */
export const mint = async (keys: ReadonlyArray<Key>): Promise<ReadonlyMap<string, string>> => {
  const connection = await (await pool()).getConnection()
  try {
    await connection.query("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
    await connection.beginTransaction()
    const tuples = keys.map(({ ontologyType, sourceId, sourceSystem }) => [ontologyType, sourceSystem, sourceId])
    const [found] = await connection.query<Array<Found>>(
      "SELECT CanonicalId, SourceId FROM identifiers WHERE (OntologyType, SourceSystem, SourceId) IN (?)",
      [tuples]
    )
    const ids = new Map(found.map(({ CanonicalId, SourceId }) => [SourceId, CanonicalId]))
    const missing = keys.filter(({ sourceId }) => !ids.has(sourceId))
    if (missing.length > 0) {
      const [free] = await connection.query<Array<Free>>(
        "SELECT CanonicalId FROM canonical_ids WHERE Status = 'free' LIMIT ? FOR UPDATE SKIP LOCKED",
        [missing.length]
      )
      if (free.length < missing.length) throw new Error("there are not enough free ids")
      const rows = missing.map((key, at) => {
        const id = free[at]?.CanonicalId ?? ""
        ids.set(key.sourceId, id)
        return [key.ontologyType, key.sourceSystem, key.sourceId, id]
      })
      await connection.query("INSERT INTO identifiers (OntologyType, SourceSystem, SourceId, CanonicalId) VALUES ?", [
        rows
      ])
      await connection.query("UPDATE canonical_ids SET Status = 'assigned' WHERE CanonicalId IN (?)", [
        rows.map((row) => row.at(-1))
      ])
    }
    await connection.commit()
    return ids
  } catch (error) {
    await connection.rollback()
    throw error
  } finally {
    connection.release()
  }
}

const alphabet = "abcdefghjkmnpqrstuvwxyz23456789"

const newId = (): string => Array.from({ length: 8 }, () => alphabet[randomInt(alphabet.length)]).join("")

/** Fills the pool of free ids up. */
export const topUp = async (desired: number): Promise<object> => {
  const connection = await pool()
  const [[row]] = await connection.query<Array<Count>>(
    "SELECT COUNT(*) AS count FROM canonical_ids WHERE Status = 'free'"
  )
  const missing = Math.max(0, desired - (row?.count ?? 0))
  for (let left = missing; left > 0; left -= 1_000) {
    const rows = Array.from({ length: Math.min(left, 1_000) }, () => [newId(), "free"])
    await connection.query("INSERT IGNORE INTO canonical_ids (CanonicalId, Status) VALUES ?", [rows])
  }
  return { free: desired, added: missing }
}

const migrations: ReadonlyArray<string> = [
  "CREATE TABLE IF NOT EXISTS canonical_ids (CanonicalId VARCHAR(255) PRIMARY KEY, Status ENUM('free', 'assigned'))",
  "CREATE TABLE IF NOT EXISTS identifiers (OntologyType VARCHAR(255), SourceSystem VARCHAR(255), SourceId VARCHAR(255), CanonicalId VARCHAR(255), PRIMARY KEY (OntologyType, SourceSystem, SourceId))"
]

/** Applies what is missing. */
export const migrate = async (): Promise<object> => {
  const connection = await pool()
  for (const statement of migrations) await connection.query(statement)
  return { applied: migrations.length }
}
