/** State machines with functions that are faked. */
import type { FunctionAnswer, InvokeFunction } from "../../local/src/stepfunctions/callFunction.ts"
import { runStateMachine } from "../../local/src/stepfunctions/StateMachines.ts"
import type { StateMachineName } from "../../local/src/stepfunctions/StateMachines.ts"
import type { ExecutionOptions } from "../../local/src/stepfunctions/runDefinition.ts"

/** A request as the fakes get it. */
export interface Sent {
  readonly sourceIdentifiers: ReadonlyArray<string>
  readonly jobId?: unknown
}

/** What a fake does with a request: `call` counts from one. */
export type Behaviour = (sent: Sent, call: number) => FunctionAnswer | Promise<FunctionAnswer>

/** A fake that knows what it was sent. */
export const fake = (behaviour: Behaviour) => {
  const sent: Array<unknown> = []
  const names = new Set<string>()
  const invoke: InvokeFunction = async (functionName, payload) => {
    const request = JSON.parse(payload) as Sent
    names.add(functionName)
    return behaviour(request, sent.push(request))
  }
  return { sent, names, invoke }
}

/** The function's answer when these failed. */
export const minted = ({ jobId, sourceIdentifiers }: Sent, failing: ReadonlyArray<string> = []) => ({
  successes: sourceIdentifiers.filter((id) => !failing.includes(id)),
  failures: failing.map((id) => ({ sourceIdentifier: id, error: `Failed to mint ID for ${id}` })),
  ...(typeof jobId === "string" ? { jobId } : {})
})

/** An answer of the function. */
export const answer = (value: unknown): FunctionAnswer => ({ payload: JSON.stringify(value) })

/** The function throws an error with this tag. */
export const thrown = (errorType: string): FunctionAnswer => ({
  payload: JSON.stringify({ errorType, errorMessage: `a ${errorType}`, trace: [] }),
  functionError: "Unhandled"
})

/** The Invoke API does not take the call. */
export const notTaken = (name: string): never => {
  throw Object.assign(new Error("Rate Exceeded."), { name })
}

/** An execution that waits for nothing. */
export const execute = (
  name: StateMachineName,
  input: unknown,
  options: Partial<ExecutionOptions> & Pick<ExecutionOptions, "invoke">
) => runStateMachine(name, input, { retryWaitMs: 0, ...options })

/** Two identifiers. */
export const ids = ["Work[sierra-system-number/b1161044x]", "Work[miro-image-number/V0044178ER]"]

/** A request for them. */
export const request = { sourceIdentifiers: ids, jobId: "job-1" }

/** Mints whatever it is sent. */
export const mintsAll: Behaviour = (sent) => answer(minted(sent))
