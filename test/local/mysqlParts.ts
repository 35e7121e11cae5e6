/** What the tests of local/src/mysql share: a real server, and real clients of it. */
import { randomUUID } from "node:crypto"
import { createConnection, type Connection, type ConnectionOptions, type RowDataPacket } from "mysql2/promise"
import { givenMysql, type MysqlEngine } from "../../local/src/mysql/Engine.ts"
import { startMariaDb } from "../../local/src/mysql/MariaDb.ts"
import { provideMariaDb } from "../../local/src/mysql/provideMariaDb.ts"

/** A database of its own on somebody else's server, gone at the end. */
const borrowed = async (given: MysqlEngine): Promise<MysqlEngine> => {
  const database = `test_${randomUUID().replaceAll("-", "")}`
  await using client = await clientOf(given)
  await client.query(`CREATE DATABASE ${database} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`)
  return {
    ...given,
    database,
    [Symbol.asyncDispose]: async () => {
      await using client = await clientOf(given)
      await client.query(`DROP DATABASE ${database}`)
    }
  }
}

/** The engine that is the truth: MYSQL_URL's, or a private MariaDB. */
export const trueEngine = async (): Promise<MysqlEngine> => {
  const url = process.env["MYSQL_URL"]
  return url === undefined || url === ""
    ? startMariaDb({ programs: await provideMariaDb() })
    : borrowed(givenMysql(url))
}

/** Where an engine is and how it is entered. */
export type Entrance = Pick<MysqlEngine, "host" | "port" | "user" | "password" | "database">

/** A client that ends with its test. */
export type Client = Connection & AsyncDisposable

/** A connected client. Errors that come while it does nothing are not thrown. */
export const clientOf = async (entrance: Entrance, options: ConnectionOptions = {}): Promise<Client> => {
  const { database, host, password, port, user } = entrance
  const connection = await createConnection({ host, port, user, password, database, ...options })
  connection.on("error", () => {})
  return Object.assign(connection, { [Symbol.asyncDispose]: async () => connection.destroy() })
}

type Row = RowDataPacket & Array<unknown>

/** The rows of a prepared statement as arrays, as functions ask for them. */
export const rowsOf = async (
  client: Connection,
  sql: string,
  values: ReadonlyArray<string | number> = []
): Promise<ReadonlyArray<ReadonlyArray<unknown>>> => {
  const [rows] = await client.execute<Array<Row>>({ sql, rowsAsArray: true }, [...values])
  return rows
}

/** What a call fails with: the server's error number, or the driver's code for everything else. */
export const errorOf = async (call: Promise<unknown>): Promise<number | string> => {
  try {
    await call
    return "no error"
  } catch (error) {
    const { errno, code } = error as { readonly errno?: number; readonly code?: string }
    return errno !== undefined && errno > 0 ? errno : (code ?? String(error))
  }
}
