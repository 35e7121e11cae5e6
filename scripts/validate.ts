/**
 * What can be known before a deployment: `node scripts/validate.ts` needs nothing but the checkout. `--stage CODE` or
 * `--stage PROD` is for a deployment of that stage: what is left of the examples in its configuration is an error then.
 * `--aws` also asks the stage's account, with whatever credentials there are.
 */
import { realpathSync } from "node:fs"
import { parseArgs } from "node:util"
import { loadConfig } from "../infra/src/Config.ts"
import type { Stage } from "../infra/src/resources.ts"
import * as environment from "./environment.ts"
import { accountOf, inAccount } from "./validate/aws.ts"
import { type Check, check, shown, summary } from "./validate/Check.ts"
import * as offline from "./validate/offline.ts"

/** What is asked for. */
export interface Options {
  readonly stage: Stage | undefined
  readonly aws: boolean
}

/** The options in arguments; throws where they will not do. */
export const optionsOf = (args: ReadonlyArray<string>): Options => {
  const { values } = parseArgs({
    args: [...args],
    options: { stage: { type: "string" }, aws: { type: "boolean", default: false } }
  })
  const { aws, stage } = values
  if (stage !== undefined && stage !== "CODE" && stage !== "PROD") throw new Error("--stage is CODE or PROD")
  if (aws && stage === undefined) throw new Error("--aws needs --stage CODE or --stage PROD: whose account it is")
  return { stage, aws }
}

const templates = async (): Promise<ReadonlyArray<Check>> => {
  try {
    const stacks = await offline.synthesize()
    return await offline.templates(stacks, (await environment.find()).settings)
  } catch (error) {
    return [check("stacks are synthesized", [error instanceof Error ? error.message : String(error)])]
  }
}

const all = async function* ({ aws, stage }: Options): AsyncGenerator<Check> {
  yield offline.nodeVersion(process.versions.node)
  yield await offline.bundles()
  // It takes the longest, in a process of its own.
  const ofTemplates = templates()
  yield await offline.publicContracts()
  yield await offline.environmentTemplates()
  yield* await ofTemplates
  for (const one of ["CODE", "PROD"] as const) yield await offline.configuration(one, one === stage)
  if (aws && stage !== undefined) {
    const config = loadConfig(stage)
    yield* await inAccount(config, accountOf(config.region))
  }
}

const main = async (options: Options): Promise<void> => {
  const checks: Array<Check> = []
  for await (const one of all(options)) {
    checks.push(one)
    process.stdout.write(`${shown(one)}\n`)
  }
  const { line, ok } = summary(checks)
  process.stdout.write(`${line}\n`)
  if (!ok) process.exitCode = 1
}

const script = process.argv[1]
if (script !== undefined && realpathSync(script) === import.meta.filename) await main(optionsOf(process.argv.slice(2)))
