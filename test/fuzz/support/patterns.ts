/** Every regular expression in `src`, and whether its time grows with its input as it should. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import ts from "typescript"

const root = join(import.meta.dirname, "../../../src")

/** A regular expression and where it stands. */
export interface Found {
  readonly place: string
  readonly pattern: RegExp
}

const sources = (): ReadonlyArray<string> =>
  readdirSync(root, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"))

/** The regular expressions that are written down, and the files that put theirs together. */
export const patternsIn = (): { readonly found: ReadonlyArray<Found>; readonly composed: ReadonlyArray<string> } => {
  const found: Array<Found> = []
  const composed = new Set<string>()
  for (const name of sources()) {
    const source = ts.createSourceFile(name, readFileSync(join(root, name), "utf8"), ts.ScriptTarget.Latest, true)
    const visit = (node: ts.Node): void => {
      if (ts.isRegularExpressionLiteral(node)) {
        const end = node.text.lastIndexOf("/")
        const flags = node.text.slice(end + 1).replace(/[gy]/g, "")
        const line = source.getLineAndCharacterOfPosition(node.getStart()).line + 1
        found.push({ place: `${name}:${line}`, pattern: new RegExp(node.text.slice(1, end), flags) })
      }
      if (ts.isNewExpression(node) && node.expression.getText() === "RegExp") composed.add(name)
      ts.forEachChild(node, visit)
    }
    visit(source)
  }
  return { found, composed: [...composed].toSorted() }
}

/** What is repeated: the pattern's own characters and words, and some of each class. */
const pumps = (source: string): ReadonlyArray<string> => {
  const words = source.replace(/\\(.)/g, "$1").match(/[A-Za-z]{3,}/g) ?? []
  return [...new Set([...source, ..."a0A é\n", "a.", "a-", "0.", "a:", "@a.", "%40", "a=", "+0", "\\u0065", ...words])]
}

/** What stands before: nothing, or something that the pattern may begin with. */
const heads = (source: string): ReadonlyArray<string> => {
  const words = source.replace(/\\(.)/g, "$1").match(/[A-Za-z0-9:/+@."-]{2,}/g) ?? []
  return ["", "a@", "2024-01-15T10:30:00.000", ...words.slice(0, 2)]
}

/** What grows: a head, what is repeated behind it, and a tail that may spoil the match. */
export interface Attack {
  readonly head: string
  readonly pump: string
  readonly tail: string
}

/** The attacks on a pattern. */
export const attacksOn = ({ source }: RegExp): ReadonlyArray<Attack> =>
  heads(source).flatMap((head) =>
    pumps(source).flatMap((pump) => ["", "!\u0000"].map((tail) => ({ head, pump, tail })))
  )

const millisOf = (use: () => void): number => {
  const began = performance.now()
  use()
  return performance.now() - began
}

/** The least of several, of which any may have had to wait; none further is made once it is no more than `enough`. */
const leastOf = (use: () => void, enough: number): number => {
  let least = Number.POSITIVE_INFINITY
  for (let turn = 0; turn < 7 && least > enough; turn += 1) least = Math.min(least, millisOf(use))
  return least
}

/**
 * How large an input is, and how much longer it may take than so many of its parts, one after the other: at first only
 * what would never come to an end, and where windows and compilers no longer count, four times as long.
 */
const steps = [
  { size: 1_600, parts: 4, times: 10 },
  { size: 6_400, parts: 4, times: 10 },
  { size: 25_600, parts: 16, times: 4 },
  { size: 102_400, parts: 16, times: 4 }
]

/** Less than this is noise, however it grows. */
const noticeableMillis = 4

/** Whether time grows much faster than input, up to 100 kB. */
export const growsTooFast = (use: (text: string) => void, { head, pump, tail }: Attack): boolean => {
  const textOf = (size: number): string => head + pump.repeat(Math.ceil(size / pump.length)) + tail
  return steps.some(({ parts, size, times }) => {
    const text = textOf(size)
    if (millisOf(() => use(text)) < noticeableMillis) return false
    const part = textOf(size / parts)
    const inParts = leastOf(() => {
      for (let turn = 0; turn < parts; turn += 1) use(part)
    }, 0)
    const tolerable = Math.max(noticeableMillis, times * inParts)
    return leastOf(() => use(text), tolerable) > tolerable
  })
}
