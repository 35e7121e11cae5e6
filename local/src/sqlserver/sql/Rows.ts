/** The rows of one statement, set aside as they were when it was carried out, so that a slow reader holds up nobody. */
import type { DatabaseSync } from "node:sqlite"
import type { Column, Value } from "../wire/rows.ts"

/** Stands in the tables for a ClientID that is null, which would not be equal to itself: no number in JSON is this one. */
export const nullClientId = Number.NEGATIVE_INFINITY

const nullInSql = "-9e999"
const pageRows = 256
const largestInt = 2 ** 31
/** Half of the 4,000 characters that fit: SQLite counts those outside the first plane once, TDS twice. */
const longestText = 2_000

/** What a column holds. */
interface Census {
  readonly texts: bigint
  readonly fractions: bigint
  readonly smallest: bigint | null
  readonly largest: bigint | null
  readonly longest: bigint | null
}

const typeOf = (census: Census, declared: string | null): Column["type"] => {
  const { fractions, largest, longest, smallest, texts } = census
  if (texts > 0n) return (longest ?? 0n) > longestText ? "longText" : "text"
  if (fractions > 0n) return "float"
  if (smallest === null || largest === null) return declared === "TEXT" ? "text" : "int"
  return smallest >= -largestInt && largest < largestInt ? "int" : "bigint"
}

let made = 0

/** A statement that answers with rows, and its parameters. */
export interface Query {
  readonly sql: string
  readonly parameters: Readonly<Record<string, Value>>
  /** Whether a column's name was given to it; what else has no name in SQL Server has none. */
  readonly isName: (name: string) => boolean
}

/** The rows that a query has found. */
export class Rows implements Disposable {
  readonly columns: ReadonlyArray<Column>
  readonly count: number
  private readonly database: DatabaseSync
  private readonly table: string

  /** Carries the query out. Throws what SQLite says. */
  constructor(database: DatabaseSync, { isName, parameters, sql }: Query) {
    const described = database.prepare(sql).columns()
    made += 1
    this.database = database
    this.table = `temp.rows_${made}`
    const names = described.map((_, at) => `c${at}`)
    // Columns without a type keep every value as it is.
    database.exec(`CREATE TABLE ${this.table} (${names.join(", ")})`)
    try {
      this.count = Number(database.prepare(`INSERT INTO ${this.table} ${sql}`).run(parameters).changes)
      this.columns = described.map(({ column, name, type }, at) => ({
        name: column !== null || isName(name) ? name : "",
        type: typeOf(this.census(`c${at}`), type)
      }))
    } catch (error) {
      this[Symbol.dispose]()
      throw error
    }
  }

  /** The rows, a page at a time. */
  *[Symbol.iterator](): Generator<ReadonlyArray<Value>> {
    const page = this.database.prepare(
      `SELECT rowid, * FROM ${this.table} WHERE rowid > ? ORDER BY rowid LIMIT ${pageRows}`
    )
    page.setReturnArrays(true)
    page.setReadBigInts(true)
    let last = 0n
    while (true) {
      const rows = page.all(last) as unknown as ReadonlyArray<readonly [bigint, ...ReadonlyArray<Value>]>
      for (const [at, ...row] of rows) {
        last = at
        yield row.map((value) => (value === nullClientId ? null : value))
      }
      if (rows.length < pageRows) return
    }
  }

  [Symbol.dispose](): void {
    if (this.database.isOpen) this.database.exec(`DROP TABLE IF EXISTS ${this.table}`)
  }

  private census(column: string): Census {
    const statement = this.database.prepare(
      `SELECT COUNT(*) FILTER (WHERE typeof(${column}) IN ('text', 'blob')) AS texts,
              COUNT(*) FILTER (WHERE typeof(${column}) = 'real' AND ${column} <> ${nullInSql}) AS fractions,
              MIN(${column}) FILTER (WHERE typeof(${column}) = 'integer') AS smallest,
              MAX(${column}) FILTER (WHERE typeof(${column}) = 'integer') AS largest,
              MAX(LENGTH(${column})) FILTER (WHERE typeof(${column}) = 'text') AS longest
       FROM ${this.table}`
    )
    statement.setReadBigInts(true)
    return statement.get() as unknown as Census
  }
}
