/**
 * The templates of the functions' environments, and the page about them: `node scripts/environment.ts` writes them,
 * `--check` only tells whether they are what the Config definitions say.
 */
import { realpathSync } from "node:fs"
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { format } from "oxfmt"
import { root } from "./build/bundle.ts"
import { documentation, examples } from "./environment/documentation.ts"
import { type AnyConfig, functionConfigs } from "./environment/functionConfigs.ts"
import { type AllSettings, page, template } from "./environment/render.ts"
import { isDefault, settingsOf } from "./environment/settingsOf.ts"
import { grantedParameters, parameters } from "./environment/stores.ts"

const folder = "infra/environment"
const pagePath = "docs/environment.md"

/** The settings of every function, and what is wrong with what is documented of them. */
export interface Found {
  readonly settings: AllSettings
  readonly problems: ReadonlyArray<string>
}

/** Names on one side alone. */
const unmatched = (known: ReadonlyArray<string>, told: ReadonlyArray<string>, kind: string): ReadonlyArray<string> => [
  ...known.filter((name) => !told.includes(name)).map((name) => `the ${kind} ${name} is explained nowhere`),
  ...told.filter((name) => !known.includes(name)).map((name) => `the ${kind} ${name} is explained, and nobody reads it`)
]

const wrongDefaults = (configs: ReadonlyMap<string, ReadonlyArray<AnyConfig>>): ReadonlyArray<string> =>
  Object.entries(documentation).flatMap(([name, { default: text }]) => {
    if (text === undefined) return []
    const all = [...new Set([...configs.values()].flat())]
    return isDefault(all, name, text, examples) ? [] : [`${name} has another default than ${text}`]
  })

/** Loads every function's definitions, and holds the documentation against them. */
export const find = async (): Promise<Found> => {
  const configs = await functionConfigs(examples)
  const settings = new Map([...configs].map(([name, all]) => [name, settingsOf(all, examples)]))
  const names = [...new Set([...settings.values()].flatMap(({ optional, required }) => [...required, ...optional]))]
  const problems = [
    ...unmatched(names, Object.keys(documentation), "setting"),
    ...unmatched(
      grantedParameters,
      Object.keys(parameters).filter((name) => parameters[name]?.forPeople !== true),
      "parameter"
    ),
    ...wrongDefaults(configs)
  ]
  return { settings, problems }
}

/** The files as they must be, by their paths. */
export const files = async (settings: AllSettings): Promise<Readonly<Record<string, string>>> => ({
  [pagePath]: (await format(pagePath, page(settings))).code,
  ...Object.fromEntries([...settings].map(([name, found]) => [`${folder}/${name}.env`, template(name, found)]))
})

const present = async (): Promise<ReadonlyArray<string>> => {
  const names = await readdir(join(root, folder)).catch(() => [])
  return [pagePath, ...names.map((name) => `${folder}/${name}`)]
}

/** What is wrong with the files, a line each. */
export const problems = async (): Promise<ReadonlyArray<string>> => {
  const found = await find()
  if (found.problems.length > 0) return found.problems
  const wanted = await files(found.settings)
  const changed = await Promise.all(
    Object.entries(wanted).map(async ([path, text]) => {
      const there = await readFile(join(root, path), "utf8").catch(() => undefined)
      return there === text ? [] : [`${path} ${there === undefined ? "is missing" : "is not what src says"}`]
    })
  )
  const surplus = (await present()).filter((path) => !(path in wanted))
  return [...changed.flat(), ...surplus.map((path) => `${path} is no function's template`)].map(
    (line) => `${line}: npm run environment`
  )
}

const write = async (): Promise<void> => {
  const found = await find()
  if (found.problems.length > 0) throw new Error(found.problems.join("\n"))
  const wanted = await files(found.settings)
  await mkdir(join(root, folder), { recursive: true })
  await Promise.all(Object.entries(wanted).map(([path, text]) => writeFile(join(root, path), text)))
  const surplus = (await present()).filter((path) => !(path in wanted))
  await Promise.all(surplus.map((path) => rm(join(root, path))))
}

const check = async (): Promise<void> => {
  const found = await problems()
  for (const line of found) process.stderr.write(`${line}\n`)
  if (found.length > 0) process.exitCode = 1
}

const script = process.argv[1]
if (script !== undefined && realpathSync(script) === import.meta.filename) {
  const option = process.argv.slice(2).join(" ")
  if (option !== "" && option !== "--check") throw new Error(`unknown option ${option}; the only one is --check`)
  await (option === "--check" ? check() : write())
}
