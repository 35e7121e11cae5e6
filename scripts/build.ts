/**
 * Builds the functions' bundles: `node scripts/build.ts` builds all of them, `node scripts/build.ts --check-budget`
 * what is stale and then compares every size with size-budget.json.
 */
import { realpathSync } from "node:fs"
import { mkdir, readFile, rm, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { type FunctionDefinition, functions } from "../src/handlers/Functions.ts"
import { checkBudget, type Size, sizeOf } from "./build/budget.ts"
import { buildFunction, codePath, root } from "./build/bundle.ts"
import { fillCache } from "./build/compileCache.ts"
import { isStale } from "./build/freshness.ts"

export { buildFunction } from "./build/bundle.ts"

const dist = join(root, "dist")
const metafiles = join(dist, "metafiles")

/** Where a function's bundle lies. */
export const bundlePath = (name: string): string => join(dist, "handlers", name, "index.mjs")

const metafilePath = (name: string): string => join(metafiles, `${name}.json`)
const entryPoint = (entry: string): string => `src/handlers/${entry}.ts`

const buildOne = async (name: string, { api, entry }: FunctionDefinition): Promise<void> => {
  // A bundle without its metafile is stale: so is one whose build did not come to its end.
  await rm(metafilePath(name), { force: true })
  // Loaded where a function has an API: the page's own code is large.
  if (api !== undefined) await (await import("./build/apiDocuments.ts")).writeDocuments(api, dirname(bundlePath(name)))
  const metafile = await buildFunction({ entryPoint: entryPoint(entry), outfile: bundlePath(name) })
  await fillCache(dirname(bundlePath(name)), name)
  await mkdir(metafiles, { recursive: true })
  await writeFile(metafilePath(name), JSON.stringify(metafile))
}

/** Builds every function. */
export const build = async (): Promise<void> => {
  await Promise.all(Object.entries(functions).map(([name, definition]) => buildOne(name, definition)))
}

/** Builds the functions whose code, dependencies or build settings have changed, and names them. */
export const buildStale = async (): Promise<ReadonlyArray<string>> => {
  const stale = await Promise.all(
    Object.entries(functions).map(async ([name, definition]) => {
      if (!(await isStale(bundlePath(name), metafilePath(name), entryPoint(definition.entry)))) return []
      await buildOne(name, definition)
      return [name]
    })
  )
  return stale.flat()
}

const main = async (options: ReadonlyArray<string>): Promise<void> => {
  const unknown = options.find((option) => option !== "--check-budget")
  if (unknown !== undefined) throw new Error(`unknown option ${unknown}; the only one is --check-budget`)
  await (options.length === 0 ? build() : buildStale())
  const names = Object.keys(functions)
  const sizes = Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await sizeOf(codePath(bundlePath(name)))]))
  )
  const budgets = JSON.parse(await readFile(join(root, "size-budget.json"), "utf8")) as Record<string, Size>
  const { table, over } = checkBudget(sizes, budgets)
  process.stdout.write(`${table}\n`)
  if (options.length > 0 && over.length > 0) process.exitCode = 1
}

const script = process.argv[1]
if (script !== undefined && realpathSync(script) === import.meta.filename) await main(process.argv.slice(2))
