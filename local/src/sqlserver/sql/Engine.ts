/** Carries out what clients ask in Transact-SQL. */
import { SqlServerError } from "../SqlServerError.ts"
import type { Parameter } from "../wire/parameters.ts"
import type { Value } from "../wire/rows.ts"
import type { ClientStore } from "./ClientStore.ts"
import { Rows } from "./Rows.ts"
import { sqlServerErrorOf } from "./sqliteErrors.ts"
import { isWord, statementsOf, syntaxError, type Token, tokensOf } from "./tokens.ts"
import { translate, type Translated } from "./translate.ts"

/** What comes of one statement: rows, a number of rows that it has changed, or nothing but its end. */
export type Result = Rows | { readonly changed: number } | "done"

const asking = ["SELECT", "WITH"]
const changing = ["INSERT", "UPDATE", "DELETE"]
const unsupported = [
  ..."ALTER BACKUP BEGIN BULK CLOSE COMMIT CREATE DBCC DEALLOCATE DECLARE DENY DROP EXEC EXECUTE FETCH GRANT".split(
    " "
  ),
  ..."IF KILL MERGE OPEN PRINT RAISERROR REVOKE ROLLBACK SAVE THROW TRUNCATE WAITFOR WHILE".split(" ")
]

const settingValue = /^(?:ON|OFF)$/i

/** Settings of a session change nothing here. */
const checkSetting = (statement: ReadonlyArray<Token>): void => {
  const isLevel = isWord(statement[1], "TRANSACTION")
  // Settings may follow each other without anything between them.
  const next = statement.findIndex((token, at) => at > 0 && isWord(token, "SET"))
  const setting = next === -1 ? statement : statement.slice(0, next)
  const [, name, value, rest] = setting
  if (name?.kind !== "word" || value === undefined) throw syntaxError(name?.text ?? "SET")
  if (!isLevel && rest !== undefined) throw syntaxError(rest.text)
  if (!isLevel && value.kind === "word" && !settingValue.test(value.text) && !isWord(name, "LANGUAGE", "DATEFORMAT"))
    throw syntaxError(value.text)
  if (next !== -1) checkSetting(statement.slice(next))
}

/** The one database of the server. */
export class Engine {
  readonly database: string
  private readonly store: ClientStore

  constructor(store: ClientStore, database: string) {
    this.store = store
    this.database = database
  }

  /** Carries a batch out, statement by statement. Throws a SqlServerError, after which nothing of it is left. */
  run(sql: string, parameters: ReadonlyArray<Parameter>): ReadonlyArray<Result> {
    const results: Array<Result> = []
    try {
      for (const statement of statementsOf(tokensOf(sql))) results.push(this.statement(statement, parameters))
      return results
    } catch (error) {
      for (const result of results) if (result instanceof Rows) result[Symbol.dispose]()
      throw error
    }
  }

  private statement(statement: ReadonlyArray<Token>, parameters: ReadonlyArray<Parameter>): Result {
    const [first] = statement
    if (isWord(first, "SET")) {
      checkSetting(statement)
      return "done"
    }
    if (isWord(first, "USE")) return this.use(statement)
    if (isWord(first, ...unsupported))
      throw SqlServerError.unsupported(`The statement ${first?.text.toUpperCase() ?? ""}`)
    const asks = isWord(first, ...asking)
    if (!asks && !isWord(first, ...changing)) throw syntaxError(first?.text ?? "")
    const translated = translate(statement, this.database)
    const values = this.values(translated, parameters)
    const names = new Set(statement.flatMap(({ kind, text }) => (kind === "word" || kind === "name" ? [text] : [])))
    try {
      return asks
        ? this.store.query({ sql: translated.sql, parameters: values, isName: (name) => names.has(name) })
        : { changed: this.store.change(translated.sql, values) }
    } catch (error) {
      throw sqlServerErrorOf(error, translated)
    }
  }

  private use([, name]: ReadonlyArray<Token>): Result {
    if (name?.text.toLowerCase() === this.database.toLowerCase()) return "done"
    const message = `Database '${name?.text ?? ""}' does not exist. Make sure that the name is entered correctly.`
    throw new SqlServerError({ number: 911, state: 1, class: 16, message })
  }

  private values({ variables }: Translated, parameters: ReadonlyArray<Parameter>): Record<string, Value> {
    const given = new Map(parameters.map(({ name, value }) => [`@${name.toLowerCase()}`, value]))
    return Object.fromEntries(
      [...variables].map((variable) => {
        const value = given.get(variable)
        if (value !== undefined) return [variable, value]
        const message = `Must declare the scalar variable "${variable}".`
        throw new SqlServerError({ number: 137, state: 2, class: 15, message })
      })
    )
  }
}
