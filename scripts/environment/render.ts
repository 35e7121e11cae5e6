/** The templates and the page, out of what the definitions say and what is documented. */
import { services } from "../../infra/src/services.ts"
import { functions } from "../../src/handlers/Functions.ts"
import { type Documented, documentation, processVariables } from "./documentation.ts"
import { exampleStage } from "./examples.ts"
import type { Settings } from "./settingsOf.ts"
import { parameters, readersOfParameter, readersOfSecret, secrets } from "./stores.ts"

/** Every function's settings by its name. */
export type AllSettings = ReadonlyMap<string, Settings>

/** What is documented of a setting; nothing that the code reads may be without it. */
export const documented = (name: string): Documented => {
  const found = documentation[name]
  if (found === undefined) throw new Error(`the setting ${name} is not explained: scripts/environment/documentation.ts`)
  return found
}

const without = ({ absent, default: text }: Documented): string =>
  text === undefined ? `Without it: ${absent ?? "nothing"}` : `Default: ${text}`

const secretMark = ({ secret }: Documented): string => (secret === true ? " Secret." : "")

const requiredLines = (name: string): string => {
  const { example = "", ...rest } = documented(name)
  return `# ${rest.what}.${secretMark(rest)} Required.\n${name}=${example}\n`
}

const optionalLines = (name: string): string => {
  const setting = documented(name)
  return `# ${setting.what}.${secretMark(setting)} ${without(setting)}.\n#${name}=${setting.default ?? ""}\n`
}

/** The template of one function. */
export const template = (name: string, { optional, required }: Settings): string => {
  const settable = optional.filter((setting) => documented(setting).byLambda !== true)
  const head = [
    `# Settings of ${name}, made by "npm run environment" from the Config definitions that its code loads.`,
    `# What is required has a value as in ${exampleStage}; what is commented out has its default.`
  ]
  return `${[head.join("\n"), "", ...required.map(requiredLines), ...settable.map(optionalLines)].join("\n").trimEnd()}\n`
}

const code = (text: string): string => `\`${text}\``

const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const line = (cells: ReadonlyArray<string>): string => `| ${cells.join(" | ")} |`
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n")
}

/** Which of a service's functions read a setting; all of them is the rule. */
const readers = (all: ReadonlyArray<string>, some: ReadonlyArray<string>): string => {
  const others = all.filter((name) => !some.includes(name))
  if (others.length === 0) return "all"
  return others.length < some.length ? `all but ${others.map(code).join(", ")}` : some.map(code).join(", ")
}

const settingRow = (name: string, all: ReadonlyArray<string>, settings: AllSettings): ReadonlyArray<string> => {
  const setting = documented(name)
  const of = all.filter((one) => {
    const found = settings.get(one)
    return found !== undefined && [...found.required, ...found.optional].includes(name)
  })
  const isRequired = of.some((one) => settings.get(one)?.required.includes(name) === true)
  const standing = setting.default === undefined ? (setting.absent ?? "") : code(setting.default)
  const mark = setting.byLambda === true ? "set by Lambda; " : ""
  return [
    code(name),
    isRequired ? "**required**" : `${mark}${standing}`,
    setting.secret === true ? "yes" : "",
    readers(all, of),
    setting.what
  ]
}

const namesOf = (all: ReadonlyArray<string>, settings: AllSettings): ReadonlyArray<string> => {
  const found = all.map((one) => settings.get(one) ?? { required: [], optional: [] })
  return [...new Set([...found.flatMap(({ required }) => required), ...found.flatMap(({ optional }) => optional)])]
}

const isShared = (name: string, settings: AllSettings): boolean =>
  [...settings.values()].every(({ optional, required }) => [...optional, ...required].includes(name))

const heads = ["setting", "default, or without it", "secret", "read by", "what it is"]

const section = (title: string, all: ReadonlyArray<string>, names: ReadonlyArray<string>, settings: AllSettings) =>
  [
    `### ${title}`,
    "",
    table(
      heads,
      names.map((name) => settingRow(name, all, settings))
    ),
    ""
  ].join("\n")

const parameterTable = (): string =>
  table(
    ["parameter", "type", "written by", "read by", "what it is"],
    Object.entries(parameters).map(([name, { by, optional, secret, what }]) => [
      code(name),
      secret === true ? "SecureString" : "String",
      `${by}${optional === true ? ", if at all" : ""}`,
      readersOfParameter(name).map(code).join(", "),
      what
    ])
  )

const secretTable = (): string =>
  table(
    [`name in ${exampleStage}`, "JSON", "read by", "what it is"],
    Object.entries(secrets).map(([key, { example, name, note, what }]) => [
      code(name),
      code(JSON.stringify(example)),
      key === "clusters"
        ? "CloudFormation"
        : readersOfSecret(key as Exclude<keyof typeof secrets, "clusters">)
            .map(code)
            .join(", "),
      `${what}; ${note}`
    ])
  )

const intro = `# What the functions read

This page and the templates in [infra/environment](../infra/environment) are made by \`npm run environment\`, from the Config definitions that each function's code loads: its entry is started with a recorder in the place of Lambda, and every definition that asks for a variable is noted. What is required, and what an absent setting stands for, is found by loading the definitions. \`npm run environment -- --check\` fails where something here is not what the code says.

The deployment sets what a stage needs ([infra/src/environment.ts](../infra/src/environment.ts)); all else has the code's default. An empty variable counts as absent. On the local platform any of them can be set for \`npm start\`.

## Settings
`

const storesText = (): string => `## Parameters

In Parameter Store below \`/mparticle-api/{stage}/\`, the stage in capitals. The functions read them together, keep them for five minutes, and use what they have for up to an hour while the store cannot be read. The deployment writes what it knows; people write the rest before the first deployment ([deployment.md](deployment.md)).

${parameterTable()}

## Secrets

In Secrets Manager, each as the JSON shown. A star in a name stands for a company and a project. The names in PROD end in \`prod\` where those in CODE end in \`code\` or \`dev\`; those of the DEX archive are alike in both, which are accounts of their own.

${secretTable()}
`

/** Baton's function reads what MParticle's do. */
const groups: Readonly<Record<string, ReadonlyArray<string>>> = {
  "Baton and MParticle": [...services.Baton.functions, ...services.MParticle.functions],
  Staging: services.Staging.functions,
  IdMinter: services.IdMinter.functions,
  DexArchive: services.DexArchive.functions
}

/** The page for people. */
export const page = (settings: AllSettings): string => {
  const everybody = Object.keys(functions)
  const shared = namesOf(everybody, settings).filter((name) => isShared(name, settings))
  const parts = Object.entries(groups).map(([title, own]) =>
    section(
      `${title}: ${own.map(code).join(", ")}`,
      own,
      namesOf(own, settings).filter((name) => !shared.includes(name)),
      settings
    )
  )
  const node = table(
    ["variable", "what it is"],
    Object.entries(processVariables).map(([name, what]) => [code(name), what])
  )
  return [
    intro,
    section("Every function", everybody, shared, settings),
    ...parts,
    `### Node.js\n\nThe code does not read these; Node.js and the C library do.\n\n${node}\n`,
    storesText()
  ].join("\n")
}
