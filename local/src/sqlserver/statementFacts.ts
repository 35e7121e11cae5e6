/** What a batch is, as the journal and the rules name it. */

/** The names of a batch. */
export interface StatementFacts {
  readonly operation: string
  /** What rules find it by; nothing for what drivers send on their own. */
  readonly operations: ReadonlyArray<string>
  /** The first word of its first statement that is no setting; "/" when there is none. */
  readonly verb: string
}

const none = "/"

/** A connection pool asks this to see whether its connection is alive. */
const validation = /^\s*select\s+1\s*;?\s*$/i

const settings =
  /^(?:\s|--[^\n]*|\/\*.*?\*\/|set\s+(?:transaction\s+isolation\s+level\s+(?:read\s+|repeatable\s+)?\w+|\w+\s+[\w-]+)\s*;?)*/is

const verbOf = (sql: string): string => /^[(\s]*([a-z]+)/i.exec(sql)?.[1]?.toUpperCase() ?? none

/** Names a batch. */
export const statementFacts = (sql: string): StatementFacts => {
  if (validation.test(sql)) return { operation: "validate", operations: [], verb: "SELECT" }
  const rest = sql.slice(settings.exec(sql)?.[0].length ?? 0)
  if (rest.trim() === "") return { operation: "set", operations: [], verb: "SET" }
  const verb = verbOf(rest)
  return { operation: "query", operations: verb === none ? ["query"] : ["query", verb], verb }
}
