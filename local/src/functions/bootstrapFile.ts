/** The bootstrap as plain JavaScript: stripping its types in every process would add 65 ms to each cold start. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { stripTypeScriptTypes } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"

let written: string | undefined

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

/** Path of the bootstrap without types, written on the first call and removed when this process exits. */
export const bootstrapFile = (): string => {
  if (written !== undefined) return written
  const folder = mkdtempSync(join(tmpdir(), "integration-services-"))
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, "bootstrap.mjs")
  writeFileSync(file, strip(readFileSync(new URL("bootstrap.ts", import.meta.url), "utf8")))
  written = file
  return file
}
