/** One process of a function: spawned, initialised, given one invocation at a time, and gone in the end. */
import { spawn } from "node:child_process"
import type { ChildProcess } from "node:child_process"
import { randomBytes } from "node:crypto"
import { readFileSync } from "node:fs"
import { basename, dirname } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { pathToFileURL } from "node:url"
import { region } from "../aws/identity.ts"
import { bootstrapFile } from "./bootstrapFile.ts"
import { eachLine } from "./eachLine.ts"
import { functionArn } from "./functionArn.ts"
import { RuntimeApi } from "./RuntimeApi.ts"
import type { RuntimeInvocation } from "./RuntimeApi.ts"

/** What a function is made of. */
export interface FunctionSpec {
  readonly name: string
  /** Absolute path of the .mjs whose `handler` export is called. */
  readonly bundle: string
  /** The export's name; `handler` when left out. */
  readonly handler?: string
  readonly timeoutSeconds: number
  readonly memoryMb: number
  /** A module that every process loads before the bundle. */
  readonly preload?: string
  /** The settings of one process. */
  readonly environment: (processId: string) => Readonly<Record<string, string>>
}

/** How an invocation ended in its process. */
export type Ending =
  | { readonly kind: "response" | "error" | "tooLarge"; readonly body: string }
  | { readonly kind: "exit"; readonly reason: string }
  | { readonly kind: "timeout" }
  /** The process went away, or stopped asking for work, before it saw the invocation. */
  | { readonly kind: "undelivered" }

/** How an initialisation ended. */
export type Start =
  | { readonly kind: "ready"; readonly initMs: number }
  | { readonly kind: "error"; readonly body: string; readonly initMs: number }
  | { readonly kind: "exit"; readonly reason: string; readonly initMs: number }
  | { readonly kind: "timeout"; readonly initMs: number }

/** A process that was answered for and does not come back for its next invocation within this time is given up. */
const nextGraceMs = 2_000
/** Between SIGTERM and SIGKILL: what Lambda leaves a runtime with an internal extension. */
const terminationGraceMs = 500

const signalNames: Readonly<Record<string, string>> = {
  SIGKILL: "killed",
  SIGTERM: "terminated",
  SIGINT: "interrupt",
  SIGABRT: "aborted",
  SIGSEGV: "segmentation fault"
}

const exitReason = (code: number | null, signal: string | null): string => {
  if (signal !== null) return `Runtime exited with error: signal: ${signalNames[signal] ?? signal}`
  return code === 0 ? "Runtime exited without providing a reason" : `Runtime exited with error: exit status ${code}`
}

const logStream = (id: string): string => `${new Date().toISOString().slice(0, 10).replaceAll("-", "/")}/[$LATEST]${id}`

const childEnvironment = (spec: FunctionSpec, id: string, address: string): Record<string, string> => ({
  LANG: "en_US.UTF-8",
  TZ: ":UTC",
  AWS_REGION: region,
  AWS_DEFAULT_REGION: region,
  ...spec.environment(id),
  _HANDLER: `${basename(spec.bundle).replace(/\.[^.]*$/, "")}.${spec.handler ?? "handler"}`,
  AWS_EXECUTION_ENV: "AWS_Lambda_nodejs24.x",
  AWS_LAMBDA_FUNCTION_NAME: spec.name,
  AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
  AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(spec.memoryMb),
  AWS_LAMBDA_INITIALIZATION_TYPE: "on-demand",
  AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${spec.name}`,
  AWS_LAMBDA_LOG_STREAM_NAME: logStream(id),
  AWS_LAMBDA_RUNTIME_API: address,
  LAMBDA_TASK_ROOT: dirname(spec.bundle)
})

interface Waiter {
  readonly timeoutMs: number
  readonly onDelivered: () => void
  readonly settle: (ending: Ending) => void
}

/** An invocation for a process, and the moment it gets there. */
export interface Work extends Omit<RuntimeInvocation, "functionArn" | "timeoutMs"> {
  readonly qualifier?: string
  readonly onDelivered: () => void
}

/** One child process of a function. */
export class FunctionProcess {
  readonly id: string = randomBytes(8).toString("hex")
  /** Settles once, when the initialisation has ended; it never rejects. */
  readonly started: Promise<Start>
  /** Resolves when the process is gone and its connections are closed. */
  readonly gone: Promise<void>
  /** True from the moment the process is stopping, stopped or broken. */
  leaving = false
  private readonly spec: FunctionSpec
  private readonly onLine: (line: string) => void
  private readonly maxInitMs: number
  private api: RuntimeApi | undefined
  private child: ChildProcess | undefined
  private exit: { readonly reason: string } | undefined
  private waiter: Waiter | undefined
  private timer: NodeJS.Timeout | undefined
  private settleStart: (start: Start) => void = () => {}
  private settleGone: () => void = () => {}
  private readonly startedAt = performance.now()

  constructor(spec: FunctionSpec, options: { maxInitMs: number; onLine: (line: string) => void }) {
    this.spec = spec
    this.onLine = options.onLine
    this.maxInitMs = options.maxInitMs
    this.started = new Promise((resolve) => (this.settleStart = resolve))
    this.gone = new Promise((resolve) => (this.settleGone = resolve))
    this.spawn().catch((error: unknown) => this.ended(`Runtime could not be started: ${String(error)}`))
  }

  private get initMs(): number {
    return performance.now() - this.startedAt
  }

  private async spawn(): Promise<void> {
    const api = await RuntimeApi.start({
      onNext: () => this.settleStart({ kind: "ready", initMs: this.initMs }),
      onDelivered: () => this.delivered(),
      onAnswer: (answer) => this.settle(answer),
      onInitError: (body) => this.settleStart({ kind: "error", body, initMs: this.initMs })
    })
    this.api = api
    if (this.leaving) return this.ended("Runtime was stopped")
    const { spec } = this
    const child = spawn(
      process.execPath,
      [
        // As Lambda's own runtime starts Node.
        `--max-old-space-size=${Math.floor(spec.memoryMb * 0.9)}`,
        `--max-semi-space-size=${Math.max(1, Math.floor(spec.memoryMb * 0.05))}`,
        ...(spec.preload === undefined ? [] : ["--import", pathToFileURL(spec.preload).href]),
        bootstrapFile(),
        spec.bundle,
        spec.handler ?? "handler"
      ],
      {
        cwd: dirname(spec.bundle),
        env: childEnvironment(spec, this.id, api.address),
        stdio: ["ignore", "pipe", "pipe"]
      }
    )
    this.child = child
    const closed = [child.stdout, child.stderr].map((stream) => eachLine(stream, this.onLine))
    const initTimer = setTimeout(() => {
      this.settleStart({ kind: "timeout", initMs: this.initMs })
      this.kill()
    }, this.maxInitMs)
    void this.started.then(() => clearTimeout(initTimer))
    child.once("error", (error) => this.ended(`Runtime could not be started: ${error.message}`))
    child.once("exit", (code, signal) => {
      this.leaving = true
      // What it sent and wrote before it died counts: read it all before the exit is reported.
      const drained = Promise.all([api.drained(), ...closed])
      void Promise.race([drained, sleep(250)]).then(() => this.ended(exitReason(code, signal)))
    })
  }

  private ended(reason: string): void {
    if (this.exit !== undefined) return
    this.exit = { reason }
    this.leaving = true
    this.settleStart({ kind: "exit", reason, initMs: this.initMs })
    this.settle(this.api?.withdraw() === true ? { kind: "undelivered" } : { kind: "exit", reason })
    void Promise.resolve(this.api?.[Symbol.asyncDispose]()).then(this.settleGone)
  }

  private settle(ending: Ending): void {
    clearTimeout(this.timer)
    const { waiter } = this
    this.waiter = undefined
    waiter?.settle(ending)
  }

  private delivered(): void {
    clearTimeout(this.timer)
    this.waiter?.onDelivered()
    this.timer = setTimeout(() => {
      this.settle({ kind: "timeout" })
      this.kill()
    }, this.waiter?.timeoutMs)
  }

  /** Runs one invocation; the time limit counts from the moment the process has it. Rejects when it cannot be sent. */
  run({ onDelivered, qualifier, ...invocation }: Work): Promise<Ending> {
    const { api } = this
    if (api === undefined || this.leaving) return Promise.resolve({ kind: "undelivered" })
    const timeoutMs = this.spec.timeoutSeconds * 1000
    return new Promise((settle) => {
      this.waiter = { timeoutMs, onDelivered, settle }
      this.timer = setTimeout(() => {
        if (!api.withdraw()) return
        this.settle({ kind: "undelivered" })
        this.kill()
      }, nextGraceMs)
      api.dispatch({ ...invocation, timeoutMs, functionArn: functionArn(this.spec.name, qualifier) })
    })
  }

  /** The most memory the process has used, in MB, where the system tells it. */
  maxMemoryMb(): number | undefined {
    try {
      const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.child?.pid}/status`, "utf8"))
      return peak?.[1] === undefined ? undefined : Math.ceil(Number(peak[1]) / 1024)
    } catch {
      return undefined
    }
  }

  /** The process's number; undefined before it is there. */
  get pid(): number | undefined {
    return this.child?.pid
  }

  kill(): void {
    this.leaving = true
    this.child?.kill("SIGKILL")
  }

  /** SIGTERM, then SIGKILL; resolves when the process is gone. */
  async stop(): Promise<void> {
    this.leaving = true
    if (this.child !== undefined) {
      this.child.kill("SIGTERM")
      const timer = setTimeout(() => this.kill(), terminationGraceMs)
      void this.gone.then(() => clearTimeout(timer))
    }
    await this.gone
  }
}
