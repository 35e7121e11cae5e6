/** Pages that people write and runs complete: tables, and the part between two marks. */
import { execFileSync } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { cpus, totalmem } from "node:os"
import { basename, join } from "node:path"

/** A text that a cell can hold. */
const cell = (text: string): string => text.replaceAll("|", String.raw`\|`).replaceAll(/\s+/g, " ")

/** A table; the formatter gives its columns their widths. */
export const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const line = (cells: ReadonlyArray<string>): string => `| ${cells.map(cell).join(" | ")} |`
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n")
}

/** The page with another text between the marks of this name. Throws when it has no such marks. */
export const withGenerated = (page: string, name: string, text: string): string => {
  const [start, stop] = [`<!-- ${name}: begin, written by the run -->`, `<!-- ${name}: end -->`]
  const [from, to] = [page.indexOf(start), page.indexOf(stop)]
  if (from < 0 || to < from) throw new Error(`the page has lost the marks of its generated part, ${name}`)
  return `${page.slice(0, from)}${start}\n\n${text}\n\n${page.slice(to)}`
}

/** Writes a page as the formatter would have it. */
export const writePage = (file: string, text: string): void => {
  writeFileSync(file, text)
  execFileSync(join(import.meta.dirname, "../../node_modules/.bin/oxfmt"), [file], { stdio: "ignore" })
}

/** Writes the text into the page, between the marks of the file's name. */
export const writeGenerated = (file: string, text: string): void =>
  writePage(file, withGenerated(readFileSync(file, "utf8"), basename(file, ".md"), text))

/** What a page says of the machine that its numbers are of. */
export const thisMachine = (): string =>
  `${cpus().length} cores (${cpus()[0]?.model ?? "unknown"}), ${Math.round(totalmem() / 2 ** 30)} GiB, Node.js ${process.version}, ${process.platform} ${process.arch}`
