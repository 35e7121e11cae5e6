/** Executes a state machine with `aws-local-stepfunctions`, whose Task states call functions of ours. */
import { randomUUID } from "node:crypto"
import { ExecutionError, StateMachine } from "aws-local-stepfunctions"
import type { RunOptions, StateMachineDefinition } from "aws-local-stepfunctions"
import { account, region } from "../aws/identity.ts"
import { callFunction } from "./callFunction.ts"
import type { InvokeFunction, Json } from "./callFunction.ts"
import { dataLimitExceeded, isTooLarge } from "./dataLimit.ts"
import { statesOf } from "./states.ts"

/** What an execution is given beside its input. */
export interface ExecutionOptions {
  readonly invoke: InvokeFunction
  /** The execution's name; one of its own when left out. */
  readonly executionName?: string
  /** Every wait before a retry; what the definition says when left out. */
  readonly retryWaitMs?: number
  /** Ends the execution: its promise rejects, and no function is called any more. */
  readonly signal?: AbortSignal
}

/** How an execution ended. */
export type ExecutionResult =
  | { readonly status: "SUCCEEDED"; readonly output: Json }
  | { readonly status: "FAILED"; readonly error: string; readonly cause: string }

const functionResource = /^arn:aws:lambda:[a-z0-9-]+:\d{12}:function:([a-zA-Z0-9-_]+)$/

type Overrides = NonNullable<RunOptions["overrides"]>

const overridesOf = (definition: StateMachineDefinition, options: ExecutionOptions): Overrides => {
  const { invoke, retryWaitMs, signal } = options
  const states = statesOf(definition)
  const handlers = states.flatMap(([name, state]) => {
    if (state.Type !== "Task") return []
    const functionName = functionResource.exec(state.Resource)?.[1]
    if (functionName === undefined) throw new Error(`the state ${name} calls no function: ${state.Resource}`)
    const handler = async (input: Json): Promise<Json> => {
      // An execution that is ended while it waits for a retry still makes the retry.
      signal?.throwIfAborted()
      return callFunction(invoke, functionName, name, input)
    }
    return [[name, handler] as const]
  })
  return {
    taskResourceLocalHandlers: Object.fromEntries(handlers),
    retryIntervalOverrides:
      retryWaitMs === undefined ? {} : Object.fromEntries(states.map(([name]) => [name, retryWaitMs]))
  }
}

const contextOf = (machineName: string, executionName: string): NonNullable<RunOptions["context"]> => ({
  Execution: {
    Id: `arn:aws:states:${region}:${account}:execution:${machineName}:${executionName}`,
    Name: executionName
  },
  StateMachine: { Id: `arn:aws:states:${region}:${account}:stateMachine:${machineName}`, Name: machineName }
})

const failed = ({ name, message }: Error): ExecutionResult => ({ status: "FAILED", error: name, cause: message })

/** Executes a definition, in which nothing is left to substitute. */
export const runDefinition = async (
  machineName: string,
  definition: StateMachineDefinition,
  input: unknown,
  options: ExecutionOptions
): Promise<ExecutionResult> => {
  const { executionName = randomUUID(), signal } = options
  signal?.throwIfAborted()
  const execution = new StateMachine(definition, { validationOptions: { noValidate: true } }).run(
    // As text, which is how Step Functions takes it; so what is given stays as it is.
    JSON.parse(JSON.stringify(input)) as Json,
    { overrides: overridesOf(definition, options), context: contextOf(machineName, executionName) }
  )
  signal?.addEventListener("abort", execution.abort, { once: true })
  try {
    const output = await execution.result
    if (isTooLarge(JSON.stringify(output))) return failed(dataLimitExceeded("The execution"))
    return { status: "SUCCEEDED", output }
  } catch (error) {
    if (error instanceof ExecutionError && error.cause instanceof Error) return failed(error.cause)
    throw error
  } finally {
    signal?.removeEventListener("abort", execution.abort)
  }
}
