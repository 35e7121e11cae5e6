/** The parts that serve functions, put together as the platform does, over functions of a test's own. */
import { FunctionPool } from "../../local/src/functions/FunctionPool.ts"
import { Lambda } from "../../local/src/functions/Lambda.ts"
import { startGateway } from "../../local/src/gateway/Gateway.ts"
import { Traces } from "../../local/src/observability/Traces.ts"
import { Sandbox } from "../../local/src/sandboxes/Sandbox.ts"
import { functionFolder } from "./fixtures.ts"

export interface PartsOptions {
  readonly functions: Readonly<Record<string, string>>
  readonly routes?: ReadonlyArray<{ readonly prefix: string; readonly function: string }>
  readonly timeoutSeconds?: number
  readonly apiTimeoutMs?: number
  readonly retryDelaysMs?: ReadonlyArray<number>
  readonly maxProcesses?: number
}

/** Functions with the front door before them. */
export const startParts = async (options: PartsOptions) => {
  await using started = new AsyncDisposableStack()
  const folder = started.use(await functionFolder(options.functions))
  const gateway = started.use(await startGateway(0))
  const log: Array<string> = []
  const traces = new Traces()
  const onLog = (name: string, line: string): void => {
    log.push(line)
    traces.addLine(name, line)
  }
  const pools = new Map(
    Object.keys(options.functions).map((name) => [
      name,
      started.use(
        new FunctionPool(
          {
            name,
            bundle: folder.file(name),
            timeoutSeconds: options.timeoutSeconds ?? 10,
            memoryMb: 128,
            environment: () => ({ FOLDER: folder.path })
          },
          { maxProcesses: options.maxProcesses ?? 4, idleMs: 60_000, onLog }
        )
      )
    ])
  )
  const sandbox = new Sandbox("lambda")
  const lambda = started.use(new Lambda(pools, sandbox, options.retryDelaysMs ?? [20, 40]))
  gateway.serve({
    lambda,
    routes: options.routes ?? [],
    timeoutMs: options.apiTimeoutMs ?? 29_000,
    sandboxes: new Map([["lambda", { sandbox }]]),
    traces,
    describe: () => ({})
  })
  const running = started.move()
  return { url: gateway.url, sandbox, pools, folder, log, lambda, [Symbol.asyncDispose]: () => running.disposeAsync() }
}
