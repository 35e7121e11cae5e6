/** The deployed state machines, from the definitions that the deployment reads too. */
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import type { StateMachineDefinition } from "aws-local-stepfunctions"
import { functionArn } from "../functions/functionArn.ts"
import { runDefinition } from "./runDefinition.ts"
import type { ExecutionOptions, ExecutionResult } from "./runDefinition.ts"

/** Their names: `infra/stateMachines/{name}.asl.json`. */
export const stateMachineNames = ["idMinter", "idMinterBatches"] as const

/** The name of a deployed state machine. */
export type StateMachineName = (typeof stateMachineNames)[number]

const folder = join(import.meta.dirname, "../../../infra/stateMachines")

/** What the deployment puts in the place of `${name}`. */
const substitutions: Readonly<Record<string, string>> = { MintFunctionArn: functionArn("id-minter-stepfunction") }

/** The text of a definition as it is deployed, placeholders included. */
export const definitionText = (name: StateMachineName): Promise<string> =>
  readFile(join(folder, `${name}.asl.json`), "utf8")

/** A definition for this platform. */
export const loadDefinition = async (name: StateMachineName): Promise<StateMachineDefinition> => {
  const text = (await definitionText(name)).replaceAll(/\$\{([^}]*)\}/g, (_, placeholder: string) => {
    const value = substitutions[placeholder]
    if (value === undefined) throw new Error(`nothing is known to put in the place of ${placeholder} in ${name}`)
    return value
  })
  return JSON.parse(text) as StateMachineDefinition
}

/** Executes a state machine. */
export const runStateMachine = async (
  name: StateMachineName,
  input: unknown,
  options: ExecutionOptions
): Promise<ExecutionResult> => runDefinition(name, await loadDefinition(name), input, options)
