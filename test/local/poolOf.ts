/** A pool over one function of a test's folder. */
import { FunctionPool } from "../../local/src/functions/FunctionPool.ts"
import type { InvokeResult, PoolOptions } from "../../local/src/functions/FunctionPool.ts"

export interface TestPoolOptions extends Partial<PoolOptions> {
  readonly timeoutSeconds?: number
  readonly environment?: Readonly<Record<string, string>>
}

/** A pool with the limits that most tests want. */
export const poolOf = (bundle: string, name: string, options: TestPoolOptions = {}): FunctionPool => {
  const { environment, timeoutSeconds = 10, ...limits } = options
  return new FunctionPool(
    { name, bundle, timeoutSeconds, memoryMb: 256, environment: (id) => ({ PROCESS_ID: id, ...environment }) },
    { maxProcesses: 8, idleMs: 60_000, onLog: () => {}, ...limits }
  )
}

/** The answer of an invocation. */
export const json = ({ payload }: InvokeResult): unknown => JSON.parse(payload)

/** Invokes with an event. */
export const send = (functions: FunctionPool, event: unknown): Promise<InvokeResult> =>
  functions.invoke(JSON.stringify(event))
