/** One cold start: from the moment a process is spawned to its first answer at the Runtime API. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { dirname } from "node:path"
import { bootstrapFile } from "../../../local/src/functions/bootstrapFile.ts"
import { functionArn } from "../../../local/src/functions/functionArn.ts"
import { RuntimeApi } from "../../../local/src/functions/RuntimeApi.ts"

/** What a process is started with. */
export interface ColdStart {
  readonly name: string
  readonly bundle: string
  readonly memoryMb: number
  readonly timeoutSeconds: number
  readonly settings: Readonly<Record<string, string>>
  readonly event: unknown
  /** Further options of Node, for profiles. */
  readonly options?: ReadonlyArray<string>
}

/** A first answer, and how long it took. */
export interface Answered {
  readonly nanoseconds: number
  /** Nanoseconds that the main thread had a processor until then, where the system tells; others' load is not in them. */
  readonly processorNanoseconds: number
  readonly kind: string
  readonly body: string
}

const limitMillis = 60_000

const processorNanosecondsOf = (pid: number | undefined): number => {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ")[0])
  } catch {
    return Number.NaN
  }
}

/** Starts a process as the local platform does, waits for its answer to the event, and ends it. */
export const coldStart = async (options: ColdStart): Promise<Answered> => {
  const { bundle, event, memoryMb, name, settings, timeoutSeconds } = options
  const answer = Promise.withResolvers<Answered>()
  let spawnedAt = 0n
  let pid: number | undefined
  const settle = (kind: string, body: string): void => {
    const nanoseconds = Number(process.hrtime.bigint() - spawnedAt)
    answer.resolve({ nanoseconds, processorNanoseconds: processorNanosecondsOf(pid), kind, body })
  }
  await using api = await RuntimeApi.start({
    onNext: () => undefined,
    onDelivered: () => undefined,
    onAnswer: ({ body, kind }) => settle(kind, body),
    onInitError: (body) => settle("init", body)
  })
  api.dispatch({
    requestId: "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
    payload: JSON.stringify(event),
    timeoutMs: timeoutSeconds * 1000,
    functionArn: functionArn(name),
    traceId: "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0"
  })
  const limits = [
    `--max-old-space-size=${Math.floor(memoryMb * 0.9)}`,
    `--max-semi-space-size=${Math.max(1, Math.floor(memoryMb * 0.05))}`
  ]
  spawnedAt = process.hrtime.bigint()
  const child = spawn(process.execPath, [...limits, ...(options.options ?? []), bootstrapFile(), bundle, "handler"], {
    cwd: dirname(bundle),
    env: {
      LANG: "en_US.UTF-8",
      TZ: ":UTC",
      ...settings,
      _HANDLER: "index.handler",
      AWS_EXECUTION_ENV: "AWS_Lambda_nodejs24.x",
      AWS_LAMBDA_FUNCTION_NAME: name,
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memoryMb),
      AWS_LAMBDA_INITIALIZATION_TYPE: "on-demand",
      AWS_LAMBDA_RUNTIME_API: api.address
    },
    stdio: ["ignore", "pipe", "pipe"]
  })
  pid = child.pid
  for (const stream of [child.stdout, child.stderr]) stream.resume()
  child.once("exit", (code) => answer.reject(new Error(`${bundle} ended with ${code} before it answered`)))
  const timer = setTimeout(() => answer.reject(new Error(`${bundle} did not answer`)), limitMillis)
  try {
    return await answer.promise
  } finally {
    clearTimeout(timer)
    const gone = child.exitCode === null && child.signalCode === null ? once(child, "exit") : undefined
    // A profile is written at a clean exit only.
    child.kill(options.options === undefined ? "SIGKILL" : "SIGTERM")
    await gone
  }
}
