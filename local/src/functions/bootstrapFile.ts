/** The bootstrap as plain JavaScript: stripping its types in every process would add 65 ms to each cold start. */
import { createHash } from "node:crypto"
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { stripTypeScriptTypes } from "node:module"
import { dirname } from "node:path"
import { fileURLToPath } from "node:url"

const target = fileURLToPath(new URL("../../../dist/local/bootstrap.mjs", import.meta.url))

let checked = false

const strip = (source: string): string => {
  // The types are stripped by the same code that runs this file; its "experimental" warning is of no use to a reader.
  const { emitWarning } = process
  process.emitWarning = () => {}
  try {
    return stripTypeScriptTypes(source)
  } finally {
    process.emitWarning = emitWarning
  }
}

const current = (): string => {
  try {
    return readFileSync(target, "utf8")
  } catch {
    return ""
  }
}

/** Path of the bootstrap without types; the first call brings it up to date. */
export const bootstrapFile = (): string => {
  if (checked) return target
  const source = readFileSync(new URL("bootstrap.ts", import.meta.url), "utf8")
  const mark = `// Made from local/src/functions/bootstrap.ts ${createHash("sha256").update(source).digest("hex")}\n`
  if (!current().startsWith(mark)) {
    mkdirSync(dirname(target), { recursive: true })
    const draft = `${target}.${process.pid}`
    writeFileSync(draft, mark + strip(source))
    renameSync(draft, target)
  }
  checked = true
  return target
}
