/** Recognising a statement by a text in which some values are left open. */
import { type Token, tokensOf } from "./tokens.ts"

/** A value of a statement: one that stands in its text, or undefined for the next parameter. */
export type Slot = string | undefined

type Part =
  | { readonly is: "token"; readonly token: Token }
  | { readonly is: "repeated"; readonly tokens: ReadonlyArray<Token> }
  | { readonly is: "rest" }

const isSymbol = (token: Token | undefined, text: string): boolean => token?.kind === "symbol" && token.text === text

const partsOf = (text: string): ReadonlyArray<Part> => {
  const tokens = tokensOf(text)
  const parts: Array<Part> = []
  for (let at = 0; at < tokens.length; at += 1) {
    const token = tokens[at]
    if (token === undefined) break
    if (isSymbol(token, "[")) {
      const end = tokens.findIndex((other, index) => index > at && isSymbol(other, "]"))
      parts.push({ is: "repeated", tokens: tokens.slice(at + 1, end) })
      at = end
    } else {
      parts.push(isSymbol(token, "...") ? { is: "rest" } : { is: "token", token })
    }
  }
  return parts
}

/**
 * A statement's text. `?` stands for a value, as a parameter or in the text, `$` for a number in the text, `[...]` for
 * what is inside it once or several times with commas between, `...` for whatever follows.
 */
export class Template {
  private readonly parts: ReadonlyArray<Part>

  constructor(text: string) {
    this.parts = partsOf(text)
  }

  /** The statement's values in their order; undefined when it is another statement. */
  match(tokens: ReadonlyArray<Token>): ReadonlyArray<Slot> | undefined {
    const slots: Array<Slot> = []
    let at = 0
    const one = (wanted: Token): boolean => {
      const token = tokens[at]
      if (token === undefined || !fits(wanted, token, slots)) return false
      at += 1
      return true
    }
    for (const part of this.parts) {
      if (part.is === "rest") return slots
      if (part.is === "token") {
        if (!one(part.token)) return undefined
        continue
      }
      if (!part.tokens.every(one)) return undefined
      while (isSymbol(tokens[at], ",")) {
        at += 1
        if (!part.tokens.every(one)) return undefined
      }
    }
    return at === tokens.length ? slots : undefined
  }
}

/** Whether a token is what the template has there; a value that the template leaves open is kept. */
const fits = (wanted: Token, token: Token, slots: Array<Slot>): boolean => {
  if (isSymbol(wanted, "$")) {
    if (token.kind !== "number") return false
    slots.push(token.text)
    return true
  }
  if (wanted.kind === "placeholder") {
    if (token.kind === "word" || token.kind === "symbol") return false
    slots.push(token.kind === "placeholder" ? undefined : token.text)
    return true
  }
  return token.kind === wanted.kind && token.text === wanted.text
}
