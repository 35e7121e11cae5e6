/** Compares the bundles with what size-budget.json allows them. */
import { readFile } from "node:fs/promises"
import { gzipSync } from "node:zlib"

/** Bytes as uploaded, plain and with gzip's best compression; the source map does not count. */
export interface Size {
  readonly raw: number
  readonly gzip: number
}

export interface Budget {
  /** One line per function and what is wrong with it, for people. */
  readonly table: string
  /** The names of the functions that are over their budget or have none. */
  readonly over: ReadonlyArray<string>
}

/** The size of the file at `path`. */
export const sizeOf = async (path: string): Promise<Size> => {
  const contents = await readFile(path)
  return { raw: contents.byteLength, gzip: gzipSync(contents, { level: 9 }).byteLength }
}

const verdict = (size: Size, allowed: Size | undefined): string => {
  if (allowed === undefined) return "has no budget in size-budget.json"
  const over = (["raw", "gzip"] as const).filter((kind) => size[kind] > allowed[kind])
  return over.length === 0 ? "ok" : `over: ${over.map((kind) => `${kind} by ${size[kind] - allowed[kind]}`).join(", ")}`
}

const share = (used: number, allowed: number | undefined): string =>
  allowed === undefined ? `${used}` : `${used} / ${allowed}`

/** Judges each function's size; a budget for a function that does not exist is a mistake too. */
export const checkBudget = (sizes: Readonly<Record<string, Size>>, budgets: Readonly<Record<string, Size>>): Budget => {
  const rows = Object.entries(sizes).map(([name, size]) => {
    const allowed = budgets[name]
    return [name, share(size.raw, allowed?.raw), share(size.gzip, allowed?.gzip), verdict(size, allowed)]
  })
  const unknown = Object.keys(budgets).filter((name) => !(name in sizes))
  rows.push(...unknown.map((name) => [name, "", "", "is no function"]))
  const lines = [["function", "raw", "gzip", ""], ...rows]
  const widths = [0, 1, 2].map((column) => Math.max(...lines.map((line) => (line[column] ?? "").length)))
  return {
    table: lines
      .map((line) =>
        line
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join("  ")
          .trimEnd()
      )
      .join("\n"),
    over: rows.filter((row) => row[3] !== "ok").map(([name]) => name ?? "")
  }
}
