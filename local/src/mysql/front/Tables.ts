/** The tables in SQLite, as one connection sees them. */
import { DatabaseSync, type StatementSync } from "node:sqlite"

/** A value in a row or for a statement. */
export type Value = string | number | null

export class Tables implements Disposable {
  private readonly database: DatabaseSync
  private readonly statements = new Map<string, StatementSync>()

  constructor(file: string, pragmas: ReadonlyArray<string>) {
    this.database = new DatabaseSync(file)
    for (const pragma of pragmas) this.exec(`PRAGMA ${pragma}`)
  }

  private prepared(sql: string): StatementSync {
    const known = this.statements.get(sql)
    if (known !== undefined) return known
    const statement = this.database.prepare(sql)
    statement.setReturnArrays(true)
    this.statements.set(sql, statement)
    return statement
  }

  /** The rows of a statement. */
  all(sql: string, ...values: ReadonlyArray<Value>): ReadonlyArray<ReadonlyArray<Value>> {
    return this.prepared(sql).all(...values) as unknown as ReadonlyArray<ReadonlyArray<Value>>
  }

  /** How many rows a statement has changed. */
  run(sql: string, ...values: ReadonlyArray<Value>): number {
    return Number(this.prepared(sql).run(...values).changes)
  }

  exec(sql: string): void {
    this.database.exec(sql)
  }

  /** Takes back an open transaction; some errors have made SQLite do so by itself. */
  rollBack(): void {
    if (this.database.isTransaction) this.exec("ROLLBACK")
  }

  [Symbol.dispose](): void {
    this.database.close()
  }
}
