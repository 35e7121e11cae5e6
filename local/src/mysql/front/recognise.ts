/** Finding out which of the known statements a text is. */
import { MysqlError } from "./MysqlError.ts"
import type { Argument, Statement } from "./Statement.ts"
import { statements } from "./statements.ts"
import { type Slot, Template } from "./Template.ts"
import { tokensOf } from "./tokens.ts"

/** A known statement, with the values that stand in its text. */
export interface Recognised {
  readonly statement: Statement
  readonly slots: ReadonlyArray<Slot>
  /** How many values come as parameters. */
  readonly parameters: number
}

const notSupported = 1235
const shown = 80

const templates = statements.map((statement) => [new Template(statement.text), statement] as const)

/** The statement. Throws when it is none of those that are known. */
export const recognise = (sql: string): Recognised => {
  const tokens = tokensOf(sql)
  for (const [template, statement] of templates) {
    const slots = template.match(tokens)
    if (slots !== undefined) {
      return { statement, slots, parameters: slots.filter((slot) => slot === undefined).length }
    }
  }
  const beginning = sql.trim().replaceAll(/\s+/g, " ")
  throw new MysqlError(
    notSupported,
    `The embedded database knows the id minter's statements only, and not "${beginning.slice(0, shown)}${beginning.length > shown ? "…" : ""}"; install MariaDB or set MYSQL_URL for others`
  )
}

/** All values of a statement in their order. */
export const argumentsOf = (
  { slots }: Recognised,
  parameters: ReadonlyArray<string | number | null>
): ReadonlyArray<Argument> => {
  let next = 0
  return slots.map((slot) => {
    if (slot !== undefined) return slot
    const parameter = parameters[next] ?? null
    next += 1
    return parameter === null ? null : String(parameter)
  })
}
