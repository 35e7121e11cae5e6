/**
 * JSON whose numbers come out as they went in. `JSON.parse` makes `1` of `1.0` and loses the end of long integers; the
 * function that could tell (its reviver) costs ten times as much, and overflows the stack on deep documents. So what it
 * would change is wrapped before it is read, which is next to never.
 */

/** TypeScript's library does not know it yet. */
declare global {
  interface JSON {
    readonly rawJSON: (text: string) => object
    readonly isRawJSON: (value: unknown) => boolean
  }
}

/** A JSON value, in which some numbers may be wrapped. */
export interface ExactJson {
  readonly value: unknown
  /** The only member of an object that stands for a number; none is wrapped when it is undefined. */
  readonly wrapper: string | undefined
}

/** What begins outside of strings and matters: a string, or a number. */
const outside = /"|-?\d[\d.eE+-]*/g
/** What matters in a string: its end, and whatever is escaped. A pattern of whole strings overflows on long ones. */
const inside = /"|\\./gs

/** The numbers of a JSON text that would come out differently. */
function* changedNumbers(text: string): Generator<{ readonly token: string; readonly index: number }> {
  let [position, isQuoted] = [0, false]
  for (;;) {
    const pattern = isQuoted ? inside : outside
    pattern.lastIndex = position
    const found = pattern.exec(text)
    if (found === null) return
    const [token] = found
    position = pattern.lastIndex
    if (token === '"') isQuoted = !isQuoted
    else if (!isQuoted && String(Number(token)) !== token) yield { token, index: found.index }
  }
}

/** A name that no member has, with whatever escapes it is written. */
const unusedName = (text: string): string => {
  const plain = text.replace(/\\u([\da-f]{4})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
  const used = new Set(plain.match(/exact\d+/g))
  let number = 0
  while (used.has(`exact${number}`)) number += 1
  return `exact${number}`
}

const wrapped = (text: string, wrapper: string): string => {
  const parts: Array<string> = []
  let from = 0
  for (const { index, token } of changedNumbers(text)) {
    parts.push(text.slice(from, index), `{"${wrapper}":"${token}"}`)
    from = index + token.length
  }
  return parts.join("") + text.slice(from)
}

/** Reads a JSON text; throws a `SyntaxError` as `JSON.parse` does. */
export const parse = (text: string): ExactJson => {
  // Wrapping must not make JSON out of what is none, so this is read in any case.
  const value: unknown = JSON.parse(text)
  if (changedNumbers(text).next().done === true) return { value, wrapper: undefined }
  const wrapper = unusedName(text)
  return { value: JSON.parse(wrapped(text, wrapper)), wrapper }
}

/** The number that an object stands for, as `JSON.stringify` writes it; undefined for an object that is one. */
export const unwrapped = (value: object, wrapper: string | undefined): object | undefined => {
  if (wrapper === undefined || !Object.hasOwn(value, wrapper)) return undefined
  return JSON.rawJSON(String((value as Readonly<Record<string, unknown>>)[wrapper]))
}
