/**
 * Builds what other packages import, as plain ES modules with their types: the entries that tsconfig.lib.json names and
 * what they reach, into dist/lib.
 */
import { realpathSync } from "node:fs"
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises"
import { dirname, join, relative } from "node:path"
import ts from "typescript"
import { root } from "./build/bundle.ts"
import { isStale } from "./build/freshness.ts"

const config = join(root, "tsconfig.lib.json")
const metafile = join(root, "dist/metafiles/library.json")

const host: ts.ParseConfigFileHost = {
  ...ts.sys,
  onUnRecoverableConfigFileDiagnostic: (diagnostic) => {
    throw new Error(ts.formatDiagnostic(diagnostic, formatHost))
  }
}

const formatHost: ts.FormatDiagnosticsHost = {
  getCurrentDirectory: () => root,
  getCanonicalFileName: (name) => name,
  getNewLine: () => "\n"
}

const readConfig = (): ts.ParsedCommandLine => {
  const parsed = ts.getParsedCommandLineOfConfigFile(config, {}, host)
  if (parsed === undefined) throw new Error("tsconfig.lib.json cannot be read")
  return parsed
}

const outDirOf = ({ options }: ts.ParsedCommandLine): string => options.outDir ?? join(root, "dist/lib")

/** Builds the library anew; whatever was in its folder before is gone. */
export const buildLibrary = async (): Promise<void> => {
  const parsed = readConfig()
  const program = ts.createProgram({ rootNames: parsed.fileNames, options: parsed.options })
  const outputs = new Map<string, string>()
  const { diagnostics } = program.emit(undefined, (path, text) => outputs.set(path, text))
  const problems = [...parsed.errors, ...ts.getPreEmitDiagnostics(program), ...diagnostics]
  if (problems.length > 0) throw new Error(ts.formatDiagnostics(problems, formatHost))
  const outDir = outDirOf(parsed)
  // File by file, each by renaming: whoever packs meanwhile finds a whole library.
  for (const [path, text] of outputs) {
    const unfinished = `${path}.${process.pid}.tmp`
    await mkdir(dirname(path), { recursive: true })
    await writeFile(unfinished, text)
    await rename(unfinished, path)
  }
  const written = new Set([...outputs.keys()].map((path) => relative(outDir, path)))
  const found = await readdir(outDir, { recursive: true, withFileTypes: true })
  const files = found.filter((entry) => entry.isFile()).map(({ name, parentPath }) => join(parentPath, name))
  const surplus = files.filter((path) => !path.endsWith(".tmp") && !written.has(relative(outDir, path)))
  await Promise.all(surplus.map((path) => rm(path)))
  const sources = program.getSourceFiles().map(({ fileName }) => relative(root, fileName))
  const inputs = [
    ...sources.filter((path) => path.startsWith("src/")),
    "scripts/buildLibrary.ts",
    "tsconfig.json",
    "tsconfig.lib.json"
  ]
  await mkdir(dirname(metafile), { recursive: true })
  await writeFile(metafile, JSON.stringify({ inputs: Object.fromEntries(inputs.map((path) => [path, {}])) }))
}

/** Builds the library where an entry is missing or older than what it is made of, and tells whether it did. */
export const buildStaleLibrary = async (): Promise<boolean> => {
  const parsed = readConfig()
  const checks = parsed.fileNames.map(async (path) => {
    const entry = relative(root, path)
    const output = join(outDirOf(parsed), relative("src", entry).replace(/\.ts$/, ".js"))
    return isStale(output, metafile, entry)
  })
  const stale = (await Promise.all(checks)).includes(true)
  if (stale) await buildLibrary()
  return stale
}

const script = process.argv[1]
if (script !== undefined && realpathSync(script) === import.meta.filename) await buildLibrary()
