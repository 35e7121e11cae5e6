/** Taking Transact-SQL apart into words, symbols and values. */
import { SqlServerError } from "../SqlServerError.ts"

/** A word, a symbol or a value. */
export interface Token {
  /** A name is a word in brackets or double quotes, which is no keyword whatever it says. */
  readonly kind: "word" | "name" | "text" | "number" | "variable" | "symbol"
  /** Of a name or a text, what it says. */
  readonly text: string
}

const patterns = {
  skipped: /\s+|--[^\n]*|\/\*.*?\*\//sy,
  text: /N?'([^']*(?:''[^']*)*)'/isy,
  name: /\[([^\]]*(?:\]\][^\]]*)*)\]|"([^"]*(?:""[^"]*)*)"/sy,
  variable: /@[\w@#$]+/y,
  word: /[\p{L}_#][\p{L}\p{N}_@#$]*/uy,
  number: /0x[0-9a-f]*|(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?/iy,
  symbol: /<>|!=|<=|>=|!<|!>|\|\||./sy
} as const

const order = ["text", "name", "variable", "word", "number", "symbol"] as const

const said = (kind: Token["kind"], [whole, first, second]: RegExpExecArray): string => {
  if (kind === "text") return (first ?? "").replaceAll("''", "'")
  if (kind === "name") return first?.replaceAll("]]", "]") ?? second?.replaceAll('""', '"') ?? ""
  return whole
}

/** The tokens of a batch. Throws for a text that does not end. */
export const tokensOf = (sql: string): ReadonlyArray<Token> => {
  const tokens: Array<Token> = []
  let at = 0
  const take = (name: keyof typeof patterns): RegExpExecArray | null => {
    const pattern = patterns[name]
    pattern.lastIndex = at
    const found = pattern.exec(sql)
    if (found !== null) at = pattern.lastIndex
    return found
  }
  while (at < sql.length) {
    if (take("skipped") !== null) continue
    for (const kind of order) {
      const found = take(kind)
      if (found === null) continue
      if (found[0] === "'") {
        const message = `Unclosed quotation mark after the character string '${sql.slice(at)}'.`
        throw new SqlServerError({ number: 105, state: 1, class: 15, message })
      }
      tokens.push({ kind, text: said(kind, found) })
      break
    }
  }
  return tokens
}

/** Whether a token is this keyword, or one of these. */
export const isWord = (token: Token | undefined, ...words: ReadonlyArray<string>): boolean =>
  token?.kind === "word" && words.includes(token.text.toUpperCase())

/** Whether a token is this symbol. */
export const isSymbol = (token: Token | undefined, symbol: string): boolean =>
  token?.kind === "symbol" && token.text === symbol

/** The error for a token that nothing can be made of. */
export const syntaxError = (near: string): SqlServerError =>
  new SqlServerError({ number: 102, state: 1, class: 15, message: `Incorrect syntax near '${near}'.` })

/** The statements of a batch, which semicolons part. */
export const statementsOf = (tokens: ReadonlyArray<Token>): ReadonlyArray<ReadonlyArray<Token>> => {
  const statements: Array<Array<Token>> = [[]]
  for (const token of tokens) {
    if (isSymbol(token, ";")) statements.push([])
    else statements.at(-1)?.push(token)
  }
  return statements.filter((statement) => statement.length > 0)
}
