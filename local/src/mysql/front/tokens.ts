/** Taking SQL apart into words, symbols and values. */

export interface Token {
  readonly kind: "word" | "symbol" | "text" | "number" | "placeholder"
  /** A word in upper case, since MySQL does not tell them apart; of a text, what it says. */
  readonly text: string
}

const patterns = {
  skipped: /\s+|\/\*.*?\*\/|--\s[^\n]*|#[^\n]*/sy,
  word: /`([^`]+)`|([A-Za-z_@][\w@.$]*)/y,
  number: /\d+(?:\.\d+)?/y,
  text: /'((?:[^'\\]|\\.|'')*)'|"((?:[^"\\]|\\.|"")*)"/sy,
  symbol: /\.\.\.|./sy
}

const escapes: Readonly<Record<string, string>> = { 0: "\0", b: "\b", n: "\n", r: "\r", t: "\t", Z: "\u001a" }

const unescaped = (text: string, quote: string): string =>
  text.replaceAll(/\\(.)|''|""/gs, (found, escaped: string | undefined) => {
    if (escaped !== undefined) return escapes[escaped] ?? escaped
    return found === quote + quote ? quote : found
  })

/** The tokens of a statement. */
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
    const word = take("word")
    if (word !== null) {
      tokens.push({ kind: "word", text: (word[1] ?? word[2] ?? "").toUpperCase() })
      continue
    }
    const number = take("number")
    if (number !== null) {
      tokens.push({ kind: "number", text: number[0] })
      continue
    }
    const text = take("text")
    if (text !== null) {
      const [whole, single, double] = text
      tokens.push({ kind: "text", text: unescaped(single ?? double ?? "", whole[0] ?? "") })
      continue
    }
    const [symbol = ""] = take("symbol") ?? []
    tokens.push({ kind: symbol === "?" ? "placeholder" : "symbol", text: symbol })
  }
  // One semicolon at the end ends the statement; another one would begin a second statement.
  const last = tokens.at(-1)
  return last?.kind === "symbol" && last.text === ";" ? tokens.slice(0, -1) : tokens
}
