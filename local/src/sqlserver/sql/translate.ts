/** Transact-SQL as SQLite understands it, as far as the two differ in what the functions ask. */
import { isSymbol, isWord, syntaxError, type Token } from "./tokens.ts"

/** A statement for SQLite. */
export interface Translated {
  readonly sql: string
  /** The variables that it uses, in lower case and with their "@". */
  readonly variables: ReadonlySet<string>
  /** Names as they were written, by what is left of them in lower case. */
  readonly names: ReadonlyMap<string, string>
}

const functions: Readonly<Record<string, string>> = { ISNULL: "IFNULL", LEN: "LENGTH", COUNT_BIG: "COUNT" }

/** What SQLite would take, and SQL Server does not. */
const unknownWords = ["LIMIT", "GLOB", "REGEXP", "ISNULL", "NOTNULL", "RETURNING"]
const unknownSymbols = new Set(["`", "?", ":", "$"])

const hints = new Set(["NOLOCK", "READUNCOMMITTED", "READCOMMITTED", "READPAST", "ROWLOCK", "HOLDLOCK", "UPDLOCK"])

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

const written = ({ kind, text }: Token): string => {
  if (kind === "name") return quoted(text)
  if (kind === "text") return `'${text.replaceAll("'", "''")}'`
  return kind === "variable" ? text.toLowerCase() : text
}

/** A walk over the tokens of one statement. */
class Translator {
  readonly variables = new Set<string>()
  readonly names = new Map<string, string>()
  private readonly tokens: ReadonlyArray<Token>
  private readonly database: string
  private readonly out: Array<string> = []
  /** For each open bracket, and the statement itself, what is to be added at its end. */
  private readonly ends: Array<string> = [""]
  private at = 0

  constructor(tokens: ReadonlyArray<Token>, database: string) {
    this.tokens = tokens
    this.database = database.toLowerCase()
  }

  run(): string {
    while (this.at < this.tokens.length) this.step()
    return [...this.out, this.ends.at(-1) ?? ""].join(" ").trim()
  }

  private peek(ahead = 0): Token | undefined {
    return this.tokens[this.at + ahead]
  }

  private step(): void {
    const token = this.peek()
    if (token === undefined || this.hint() || this.top() || this.page() || this.qualifier()) return
    this.at += 1
    if (isSymbol(token, "(")) this.ends.push("")
    if (isSymbol(token, ")")) this.out.push(this.ends.length > 1 ? (this.ends.pop() ?? "") : "")
    this.out.push(this.text(token))
  }

  private text(token: Token): string {
    if (token.kind === "variable") this.variables.add(token.text.toLowerCase())
    if (token.kind === "symbol" && unknownSymbols.has(token.text)) throw syntaxError(token.text)
    if (isSymbol(token, "+") && this.joinsTexts()) return "||"
    if (token.kind !== "word") return written(token)
    const renamed = isSymbol(this.peek(), "(") ? functions[token.text.toUpperCase()] : undefined
    if (renamed !== undefined) return renamed
    if (isWord(token, ...unknownWords)) throw syntaxError(token.text)
    return written(token)
  }

  /** Whether the sign that was just read has a text beside it. */
  private joinsTexts(): boolean {
    return this.peek()?.kind === "text" || this.tokens[this.at - 2]?.kind === "text"
  }

  /** `WITH (NOLOCK)` or `(NOLOCK)`: nobody waits for anybody here. */
  private hint(): boolean {
    const start = isWord(this.peek(), "WITH") ? 1 : 0
    if (!isSymbol(this.peek(start), "(")) return false
    let end = start + 1
    while (isWord(this.peek(end), ...hints) || (end > start + 1 && isSymbol(this.peek(end), ","))) end += 1
    if (end === start + 1 || !isSymbol(this.peek(end), ")")) return false
    this.at += end + 1
    return true
  }

  /** `TOP (n)` stands in front in one language and at the end in the other. */
  private top(): boolean {
    if (!isWord(this.peek(), "TOP")) return false
    const before = this.tokens[this.at - 1]
    if (!isWord(before, "SELECT", "DISTINCT", "ALL")) return false
    const bracketed = isSymbol(this.peek(1), "(")
    const count = this.peek(bracketed ? 2 : 1)
    if (count?.kind !== "number" && count?.kind !== "variable") throw syntaxError(count?.text ?? "TOP")
    if (bracketed && !isSymbol(this.peek(3), ")")) throw syntaxError(this.peek(3)?.text ?? "TOP")
    if (isWord(this.peek(bracketed ? 4 : 2), "PERCENT")) throw syntaxError("PERCENT")
    this.ends[this.ends.length - 1] = `LIMIT ${this.text(count)}`
    this.at += bracketed ? 4 : 2
    return true
  }

  /** `OFFSET n ROWS FETCH NEXT m ROWS ONLY`. */
  private page(): boolean {
    if (!isWord(this.peek(), "OFFSET") || !isWord(this.peek(2), "ROW", "ROWS")) return false
    const offset = this.peek(1)
    const fetches = isWord(this.peek(3), "FETCH")
    const count = this.peek(5)
    if (fetches && !(isWord(this.peek(6), "ROW", "ROWS") && isWord(this.peek(7), "ONLY"))) throw syntaxError("FETCH")
    const limit = fetches && count !== undefined ? this.text(count) : "-1"
    this.out.push(`LIMIT ${limit} OFFSET ${offset === undefined ? "0" : this.text(offset)}`)
    this.at += fetches ? 8 : 3
    return true
  }

  /** `Mediant.dbo.`, `Mediant..` and `dbo.` in front of a name: there is one database, with one schema. */
  private qualifier(): boolean {
    const first = this.peek()
    if (first?.kind !== "word" && first?.kind !== "name") return false
    if (!isSymbol(this.peek(1), ".") || isSymbol(this.tokens[this.at - 1], ".")) return false
    const isDatabase = first.text.toLowerCase() === this.database
    if (!isDatabase && first.text.toLowerCase() !== "dbo") return false
    const skipped = isDatabase ? this.schema() : 2
    const name = skipped === undefined ? undefined : this.peek(skipped)
    if (skipped === undefined || name === undefined) return false
    const whole = this.tokens.slice(this.at, this.at + skipped + 1).map(({ text }) => text)
    this.names.set(name.text.toLowerCase(), whole.join(""))
    this.at += skipped
    return true
  }

  /** How many tokens a database and its schema take, here and with the dots behind them. */
  private schema(): number | undefined {
    if (isSymbol(this.peek(2), ".")) return 3
    return this.peek(2)?.text.toLowerCase() === "dbo" && isSymbol(this.peek(3), ".") ? 4 : undefined
  }
}

/** Translates one statement. Throws for what SQL Server does not know. */
export const translate = (tokens: ReadonlyArray<Token>, database: string): Translated => {
  const translator = new Translator(tokens, database)
  const sql = translator.run()
  return { sql, variables: translator.variables, names: translator.names }
}
