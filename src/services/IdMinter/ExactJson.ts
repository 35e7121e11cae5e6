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

/** Strings, so that nothing in them is taken for a number, and numbers. */
const tokens = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/g

const isChanged = (token: string): boolean => token.charCodeAt(0) !== 0x22 && String(Number(token)) !== token

const changesNumbers = (text: string): boolean => {
  tokens.lastIndex = 0
  for (let token = tokens.exec(text); token !== null; token = tokens.exec(text)) {
    if (isChanged(token[0])) return true
  }
  return false
}

const unusedName = (text: string): string => {
  let name = "exact"
  while (text.includes(name)) name += "-"
  return name
}

/** Reads a JSON text; throws a `SyntaxError` as `JSON.parse` does. */
export const parse = (text: string): ExactJson => {
  if (!changesNumbers(text)) return { value: JSON.parse(text), wrapper: undefined }
  // Wrapping must not make JSON out of what is none.
  JSON.parse(text)
  const wrapper = unusedName(text)
  const wrapped = text.replace(tokens, (token) => (isChanged(token) ? `{"${wrapper}":"${token}"}` : token))
  return { value: JSON.parse(wrapped), wrapper }
}

/** The number that an object stands for, as `JSON.stringify` writes it; undefined for an object that is one. */
export const unwrapped = (value: object, wrapper: string | undefined): object | undefined => {
  if (wrapper === undefined || !Object.hasOwn(value, wrapper)) return undefined
  return JSON.rawJSON(String((value as Readonly<Record<string, unknown>>)[wrapper]))
}
