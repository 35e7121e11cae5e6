/** Executions as they are started from outside: `POST /_sandbox/idminter/executions`. */
import { isRecord } from "../isRecord.ts"
import { SandboxRefusal } from "../sandboxes/SandboxRefusal.ts"
import type { InvokeFunction } from "./callFunction.ts"
import { isTooLarge } from "./dataLimit.ts"
import type { ExecutionResult } from "./runDefinition.ts"
import { runStateMachine, stateMachineNames } from "./StateMachines.ts"
import type { StateMachineName } from "./StateMachines.ts"

interface Asked {
  readonly stateMachine: StateMachineName
  readonly input: Readonly<Record<string, unknown>>
  readonly name: string | undefined
}

/** The names that Step Functions takes, less the ones that it advises against. */
const executionNames = /^[A-Za-z0-9_-]{1,80}$/

const refuse = (field: string, problem: string): never => {
  throw new SandboxRefusal(400, `${field} ${problem}`)
}

const read = (body: unknown): Asked => {
  if (!isRecord(body)) return refuse("the body", "must be an object")
  const { input, name, stateMachine: asked } = body
  const stateMachine = stateMachineNames.find((known) => known === asked)
  if (stateMachine === undefined) return refuse("stateMachine", `must be one of ${stateMachineNames.join(", ")}`)
  if (!isRecord(input)) return refuse("input", "must be an object")
  if (isTooLarge(JSON.stringify(input))) return refuse("input", "must have 256 KiB at most")
  if (name !== undefined && !(typeof name === "string" && executionNames.test(name))) {
    return refuse("name", "must be 1 to 80 letters, digits, - and _")
  }
  return { stateMachine, input, name }
}

/** Starts executions and waits for their end. */
export class Executions implements AsyncDisposable {
  private readonly invoke: InvokeFunction
  private readonly retryWaitMs: number | undefined
  private readonly closing = new AbortController()

  /** `retryWaitMs`: every wait before a retry; what the definitions say when left out. */
  constructor(invoke: InvokeFunction, retryWaitMs?: number) {
    this.invoke = invoke
    this.retryWaitMs = retryWaitMs
  }

  /** `{stateMachine, input, name?}` to how the execution ended. Refuses what cannot be started. */
  readonly start = async (body: unknown): Promise<ExecutionResult> => {
    const { stateMachine, input, name } = read(body)
    try {
      return await runStateMachine(stateMachine, input, {
        invoke: this.invoke,
        signal: this.closing.signal,
        ...(name === undefined ? {} : { executionName: name }),
        ...(this.retryWaitMs === undefined ? {} : { retryWaitMs: this.retryWaitMs })
      })
    } catch (error) {
      if (this.closing.signal.aborted) throw new SandboxRefusal(503, "the platform is stopping")
      throw error
    }
  }

  /** Ends every execution, also one that waits for a retry. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.closing.abort()
  }
}
