/** The tables of the clients, in SQLite. */
import { mkdirSync } from "node:fs"
import { dirname } from "node:path"
import { DatabaseSync } from "node:sqlite"
import type { Value } from "../wire/rows.ts"
import { nullClientId, type Query, Rows } from "./Rows.ts"

/** A client, with what its rows in both tables say. */
export interface ClientRecord {
  /** Stored as it is given. */
  readonly clientId: number | string | null
  readonly name: string | null
  /** OAuth2ClientCredentialsID; without one the client cannot call the API. Its place in the list when left out. */
  readonly credentialsId?: number | null
  /** ServiceID, once for each of the services that it uses; 2 when left out. */
  readonly serviceIds?: ReadonlyArray<number>
}

/** A service that goes with the scope `dex/trigger:all`. */
const triggerService = 2

/**
 * ClientID has no type, so that it can be anything. Names are compared as the product compares them by default, without
 * regard to capitals.
 */
const schema = `
  CREATE TABLE IF NOT EXISTS Client (ClientID, name TEXT COLLATE NOCASE, OAuth2ClientCredentialsID INTEGER);
  CREATE TABLE IF NOT EXISTS ClientServiceExt (ClientID, ServiceID INTEGER);
  CREATE INDEX IF NOT EXISTS ClientServiceExt_ClientID ON ClientServiceExt (ClientID);
`

/** SQLite keeps a whole number as one only when it comes as such. */
const stored = (id: ClientRecord["clientId"]): Value => {
  if (id === null) return nullClientId
  return typeof id === "number" && Number.isInteger(id) ? BigInt(id) : id
}

/** All clients, and who may change them. */
export class ClientStore implements Disposable {
  private readonly database: DatabaseSync

  /** Without a file the clients are gone at the end. */
  constructor(file?: string) {
    if (file !== undefined) mkdirSync(dirname(file), { recursive: true })
    this.database = new DatabaseSync(file ?? ":memory:")
    if (file !== undefined) this.database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL")
    this.database.exec(schema)
  }

  /** Replaces all clients, or none of them when it fails. */
  replace(clients: ReadonlyArray<ClientRecord>): void {
    this.atomically(() => {
      this.database.exec("DELETE FROM Client; DELETE FROM ClientServiceExt")
      this.insert(clients)
    })
  }

  /** Adds clients to those that there are, or none of them when it fails. */
  add(clients: ReadonlyArray<ClientRecord>): void {
    this.atomically(() => this.insert(clients))
  }

  /** Carries out a statement of SQLite that answers with rows. */
  query(query: Query): Rows {
    return new Rows(this.database, query)
  }

  /** Carries out a statement of SQLite that changes rows, and answers how many. */
  change(sql: string, parameters: Readonly<Record<string, Value>> = {}): number {
    return Number(this.database.prepare(sql).run(parameters).changes)
  }

  [Symbol.dispose](): void {
    this.database.close()
  }

  private insert(clients: ReadonlyArray<ClientRecord>): void {
    const client = this.database.prepare("INSERT INTO Client VALUES (?, ?, ?)")
    const service = this.database.prepare("INSERT INTO ClientServiceExt VALUES (?, ?)")
    for (const [at, { clientId, name, ...rest }] of clients.entries()) {
      const { credentialsId = at + 1, serviceIds = [triggerService] } = rest
      client.run(stored(clientId), name, credentialsId)
      for (const serviceId of serviceIds) service.run(stored(clientId), serviceId)
    }
  }

  private atomically(work: () => void): void {
    this.database.exec("BEGIN IMMEDIATE")
    try {
      work()
      this.database.exec("COMMIT")
    } finally {
      if (this.database.isTransaction) this.database.exec("ROLLBACK")
    }
  }
}
