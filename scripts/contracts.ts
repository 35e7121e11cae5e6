/**
 * The public contracts as JSON Schema and OpenAPI, in the folder `contracts`: `node scripts/contracts.ts` writes them, `--check` only
 * tells whether they are up to date and carry the right version, `--release` also writes down what is released.
 */
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { realpathSync } from "node:fs"
import { join } from "node:path"
import { contractVersion } from "../src/schemas/ContractVersion.ts"
import { readDocumentation } from "./contracts/documentation.ts"
import type { JsonObject } from "./contracts/json.ts"
import { jsonSchemaOf } from "./contracts/jsonSchema.ts"
import { publicContracts } from "./contracts/publicContracts.ts"
import { type Contracts, differenceOf, newest, versionProblem } from "./contracts/release.ts"

const root = join(import.meta.dirname, "..")

/** Where the contracts lie. */
export const folder = join(root, "contracts")

/** Where the OpenAPI documents lie. */
export const documentFolder = join(folder, "openapi")

const released = join(folder, "released")

/** Texts by the names of their files. */
export type Files = Readonly<Record<string, string>>

/** The files as they must be. */
export const generate = async (): Promise<Files> => {
  const documentation = await readDocumentation(join(root, "src/schemas/index.ts"))
  return Object.fromEntries(
    Object.entries(publicContracts).map(([name, { schema }]) => [
      `${name}.json`,
      `${JSON.stringify(jsonSchemaOf(name, schema, documentation), undefined, 2)}\n`
    ])
  )
}

/** The OpenAPI documents as they must be. */
export const documents = async (): Promise<Files> => {
  // Loaded where they are wanted: the reference page comes along, and its code is large.
  const { apiNames, openApiOf } = await import("./build/apiDocuments.ts")
  return Object.fromEntries(apiNames.map((name) => [`${name}.json`, openApiOf(name)]))
}

/** The contracts in a folder; none where it does not exist. */
export const readFiles = async (path: string): Promise<Files> => {
  const names = await readdir(path).catch(() => [])
  const files = names.filter((name) => name.endsWith(".json")).toSorted()
  return Object.fromEntries(
    await Promise.all(files.map(async (name) => [name, await readFile(join(path, name), "utf8")] as const))
  )
}

/** In which way the found files are not those expected, a line each. */
export const drift = (expected: Files, found: Files, place = "contracts"): ReadonlyArray<string> => [
  ...Object.entries(expected).flatMap(([name, text]) => {
    const other = found[name]
    if (other === text) return []
    return [`${place}/${name} ${other === undefined ? "is missing" : "is not what src says"}: npm run contracts`]
  }),
  ...Object.keys(found)
    .filter((name) => !(name in expected))
    .map((name) => `${place}/${name} is no public contract: npm run contracts removes it`)
]

const parsed = (files: Files): Contracts =>
  Object.fromEntries(
    Object.entries(files).map(([name, text]) => [name.replace(/\.json$/, ""), JSON.parse(text) as JsonObject])
  )

/** What is wrong with the version of the contracts in the files, seen from the newest that was released. */
export const releaseProblem = async (files: Files): Promise<string | undefined> => {
  const version = newest(await readdir(released).catch(() => []))
  if (version === undefined) return "nothing was released yet: npm run contracts -- --release"
  const before = parsed(await readFiles(join(released, version)))
  const difference = differenceOf(before, parsed(files), (name) => publicContracts[name]?.direction ?? "request")
  return versionProblem(version, contractVersion, difference)
}

const write = async (path: string, files: Files): Promise<void> => {
  await mkdir(path, { recursive: true })
  const surplus = Object.keys(await readFiles(path)).filter((name) => !(name in files))
  await Promise.all([
    ...surplus.map((name) => rm(join(path, name))),
    ...Object.entries(files).map(([name, text]) => writeFile(join(path, name), text))
  ])
}

/** Everything that is wrong with the files and their version, a line each. */
export const problems = async (): Promise<ReadonlyArray<string>> => {
  const files = await generate()
  const problem = await releaseProblem(files)
  return [
    ...drift(files, await readFiles(folder)),
    ...drift(await documents(), await readFiles(documentFolder), "contracts/openapi"),
    ...(problem === undefined ? [] : [problem])
  ]
}

const check = async (): Promise<void> => {
  const found = await problems()
  for (const line of found) process.stderr.write(`${line}\n`)
  if (found.length > 0) process.exitCode = 1
}

const writeAll = async (files: Files): Promise<void> => {
  await write(folder, files)
  await write(documentFolder, await documents())
}

const release = async (): Promise<void> => {
  const files = await generate()
  const target = join(released, contractVersion)
  const earlier = await readFiles(target)
  if (Object.keys(earlier).length > 0 && drift(files, earlier).length > 0) {
    throw new Error(`${contractVersion} was released with other contracts: raise contractVersion`)
  }
  const isFirst = (await readdir(released).catch(() => [])).length === 0
  const problem = isFirst ? undefined : await releaseProblem(files)
  if (problem !== undefined) throw new Error(problem)
  await writeAll(files)
  await write(target, files)
}

const actions: Readonly<Record<string, () => Promise<void>>> = {
  "": async () => writeAll(await generate()),
  "--check": check,
  "--release": release
}

const script = process.argv[1]
if (script !== undefined && realpathSync(script) === import.meta.filename) {
  const option = process.argv.slice(2).join(" ")
  const action = actions[option]
  if (action === undefined) throw new Error(`unknown option ${option}; there are --check and --release`)
  await action()
}
