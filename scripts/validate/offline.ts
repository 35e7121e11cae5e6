/** The checks that need neither AWS nor a network. */
import { execFile } from "node:child_process"
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { exampleValues, loadConfig } from "../../infra/src/Config.ts"
import { unbound } from "../../infra/src/policies.ts"
import type { Stage } from "../../infra/src/resources.ts"
import { functions } from "../../src/handlers/Functions.ts"
import { buildStale, bundlePath } from "../build.ts"
import { checkBudget, type Size, sizeOf } from "../build/budget.ts"
import { root } from "../build/bundle.ts"
import * as contracts from "../contracts.ts"
import * as environment from "../environment.ts"
import { processVariables } from "../environment/documentation.ts"
import { attempted, type Check, check, warning } from "./Check.ts"
import { definitionFindings } from "./stateMachine.ts"
import { isRecord, limits, resourcesOf, settingFindings, sizeFindings, type Stack, type Template } from "./Template.ts"
import { wildcardFindings } from "./wildcards.ts"

const run = promisify(execFile)

const stages: ReadonlyArray<Stage> = ["CODE", "PROD"]

/** The Node.js that this runs on is the one of the functions. */
export const nodeVersion = (version: string): Check =>
  check(
    `Node.js ${version}, as Lambda runs`,
    version.startsWith("24.") ? [] : ["the functions run on Node.js 24: npm run validate brings it along after npm ci"]
  )

/** Builds what is stale, and weighs it. */
export const bundles = (): Promise<Check> =>
  attempted("bundles are built, and within size-budget.json", async () => {
    await buildStale()
    const names = Object.keys(functions)
    const sizes = await Promise.all(names.map(async (name) => [name, await sizeOf(bundlePath(name))] as const))
    const budgets = JSON.parse(await readFile(join(root, "size-budget.json"), "utf8")) as Record<string, Size>
    const { over } = checkBudget(Object.fromEntries(sizes), budgets)
    return check(
      "bundles are built, and within size-budget.json",
      over.map((name) => `${name} is over its budget, or has none: npm run budget says by how much`)
    )
  })

/** The public contracts are what the code says. */
export const publicContracts = (): Promise<Check> =>
  attempted("contracts are up to date", async () => check("contracts are up to date", await contracts.problems()))

/** The templates of environments are what the code says. */
export const environmentTemplates = (): Promise<Check> =>
  attempted("environment templates are up to date", async () =>
    check("environment templates are up to date", await environment.problems())
  )

/** Nothing of an example is left in a stage's configuration; for a deployment of the stage that is an error. */
export const configuration = (stage: Stage, isDeployed: boolean): Promise<Check> =>
  attempted(`infra/config/${stage}.json is valid`, async () => {
    const { stage: _, ...config } = loadConfig(stage)
    const fields = exampleValues(config)
    return (isDeployed ? check : warning)(
      `infra/config/${stage}.json has the values of a real account`,
      fields.length === 0 ? [] : [`to be filled in before ${stage} is deployed: ${fields.join(", ")}`]
    )
  })

const readStacks = async (folder: string): Promise<ReadonlyArray<Stack>> => {
  const files = (await readdir(folder)).filter((name) => name.endsWith(".template.json")).toSorted()
  return Promise.all(
    files.map(async (file) => {
      const text = await readFile(join(folder, file), "utf8")
      return { name: file.replace(/\.template\.json$/, ""), text, template: JSON.parse(text) as Template }
    })
  )
}

/** The templates of all stacks; fails with what the CDK app said. */
export const synthesize = async (): Promise<ReadonlyArray<Stack>> => {
  const folder = await mkdtemp(join(tmpdir(), "validate-"))
  try {
    await run(process.execPath, ["infra/src/app.ts"], { cwd: root, env: { ...process.env, CDK_OUTDIR: folder } })
    return await readStacks(folder)
  } catch (error) {
    const said = isRecord(error) && typeof error["stderr"] === "string" ? error["stderr"].trim() : ""
    throw new Error(said === "" ? String(error) : said.split("\n").slice(0, 20).join("\n"), { cause: error })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const stackFindings = (stacks: ReadonlyArray<Stack>): ReadonlyArray<string> =>
  stages.flatMap((stage) =>
    stacks.some(({ name }) => name.endsWith(`-${stage}`)) ? [] : [`no stack of ${stage} was made: infra/src/app.ts`]
  )

const machineFindings = ({ name, template }: Stack): ReadonlyArray<string> =>
  resourcesOf(template, "AWS::StepFunctions::StateMachine").flatMap(([id, { Properties = {} }]) => {
    const { DefinitionString, DefinitionSubstitutions } = Properties
    if (typeof DefinitionString !== "string") return [`${name}.${id} has no definition`]
    const told = isRecord(DefinitionSubstitutions) ? Object.keys(DefinitionSubstitutions) : []
    return definitionFindings(`${name}.${id}`, DefinitionString, told)
  })

/** The checks of the templates. */
export const templates = async (
  stacks: ReadonlyArray<Stack>,
  settings: environment.Found["settings"]
): Promise<ReadonlyArray<Check>> => {
  const allowed = new Set<string>(Object.values(unbound).flat())
  const others = new Set(Object.keys(processVariables))
  return [
    check(`${stacks.length} stacks are synthesized, for ${stages.join(" and ")}`, stackFindings(stacks)),
    check(`stacks are below ${limits.bytes / 1_000_000} MB and ${limits.resources} resources`, sizeFindings(stacks)),
    check(
      "every function has the settings that it requires",
      stages.flatMap((stage) =>
        settingFindings(
          stage,
          stacks.filter(({ name }) => name.endsWith(`-${stage}`)),
          settings,
          others
        )
      )
    ),
    check(
      "no role may do more than is listed on everything",
      stacks.flatMap((stack) => wildcardFindings(stack, allowed))
    ),
    check("state machines hold together", stacks.flatMap(machineFindings))
  ]
}
