/** What SQLite says about a statement, as SQL Server would say it. */
import { SqlServerError } from "../SqlServerError.ts"
import { syntaxError } from "./tokens.ts"
import type { Translated } from "./translate.ts"

type Reading = readonly [pattern: RegExp, error: (found: string, statement: Translated) => SqlServerError]

const error = (number: number, severity: number, message: string, state = 1): SqlServerError =>
  new SqlServerError({ number, state, class: severity, message })

const lastPart = (name: string): string => name.split(".").at(-1) ?? name

const lastWord = ({ sql }: Translated): string => sql.split(/\s+/).at(-1) ?? ""

const readings: ReadonlyArray<Reading> = [
  [
    /^no such table: (.*)$/s,
    (name, { names }) => error(208, 16, `Invalid object name '${names.get(name.toLowerCase()) ?? name}'.`)
  ],
  // SQLite asks in the same breath whether a text was meant.
  [
    /^(?:no such column: |table .* has no column named )"?(.*?)"?(?: - should this.*)?$/s,
    (name) => error(207, 16, `Invalid column name '${lastPart(name)}'.`)
  ],
  [/^ambiguous column name: (.*)$/s, (name) => error(209, 16, `Ambiguous column name '${lastPart(name)}'.`)],
  [/^no such function: (.*)$/s, (name) => error(195, 15, `'${name}' is not a recognized built-in function name.`, 10)],
  [/^near "(.*)": syntax error$/s, (near) => syntaxError(near)],
  [/^(incomplete input)$/, (_, statement) => syntaxError(lastWord(statement))],
  [/^unrecognized token: "(.*)"$/s, (near) => syntaxError(near)]
]

/** Any error as SQL Server's. */
export const sqlServerErrorOf = (thrown: unknown, statement: Translated): SqlServerError => {
  if (thrown instanceof SqlServerError) return thrown
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  for (const [pattern, made] of readings) {
    const found = pattern.exec(message)
    if (found !== null) return made(found[1] ?? "", statement)
  }
  return error(50000, 16, `The local platform's SQL Server failed: ${message}`)
}
