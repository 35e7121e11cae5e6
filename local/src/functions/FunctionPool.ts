/** The processes of one function: started on the first call, one invocation at a time each, reaped when idle. */
import { randomUUID } from "node:crypto"
import { setImmediate as turn } from "node:timers/promises"
import { FunctionProcess } from "./FunctionProcess.ts"
import type { Ending, FunctionSpec, Start } from "./FunctionProcess.ts"
import { endLines, initReport, reportLine } from "./logLines.ts"
import { traceHeader } from "./traceHeader.ts"

export type { FunctionSpec } from "./FunctionProcess.ts"

/** What came of an invocation, as the Invoke API shows it. */
export interface InvokeResult {
  readonly payload: string
  readonly functionError?: "Unhandled"
  /** The log lines of this invocation. */
  readonly logs: string
  readonly requestId: string
}

/** Facts of one call, and what is to happen to the process that serves it. */
export interface InvokeOptions {
  readonly clientContext?: string
  readonly traceId?: string
  readonly requestId?: string
  readonly qualifier?: string
  /** Kills the process that long after it got the invocation, or when it has answered: the answer is dropped then. */
  readonly kill?: { readonly afterMs: number } | "whenDone"
}

export interface PoolOptions {
  readonly maxProcesses: number
  readonly idleMs: number
  readonly onLog: (functionName: string, line: string) => void
  /** Longest initialisation; Lambda's own limit when left out. */
  readonly maxInitMs?: number
}

/** The pool's numbers as `/_platform` shows them. */
export interface PoolState {
  readonly processes: number
  readonly busy: number
  readonly waiting: number
  readonly spawned: number
  readonly invocations: number
}

/** A call to a pool that has been shut down. */
export class PoolClosed extends Error {
  override readonly name = "PoolClosed"
}

interface Member {
  readonly process: FunctionProcess
  /** Where the lines of the running invocation are collected. */
  lines: Array<string>
  idleTimer: NodeJS.Timeout | undefined
  fresh: boolean
}

const killed = "Runtime exited with error: signal: killed"

const failure = (errorType: string, errorMessage: string): { payload: string; functionError: "Unhandled" } => ({
  payload: JSON.stringify({ errorType, errorMessage }),
  functionError: "Unhandled"
})

const errorTypeOf = (body: string): string => {
  const { errorType } = JSON.parse(body) as { errorType?: unknown }
  return typeof errorType === "string" ? errorType : "Unhandled"
}

/** Runs one function. */
export class FunctionPool implements AsyncDisposable {
  readonly spec: FunctionSpec
  private readonly options: PoolOptions
  private readonly maxInitMs: number
  private readonly members = new Map<string, Member>()
  private readonly idle: Array<Member> = []
  private readonly waiters: Array<{ resolve: (member: Member) => void; reject: (error: Error) => void }> = []
  private readonly leaving = new Set<Promise<void>>()
  private closed = false
  private spawned = 0
  private invocations = 0

  constructor(spec: FunctionSpec, options: PoolOptions) {
    this.spec = spec
    this.options = options
    this.maxInitMs = options.maxInitMs ?? 10_000
  }

  /** Runs one invocation and answers as Lambda would; rejects with {@link PoolClosed}, or when a header cannot carry it. */
  async invoke(payload: string, options: InvokeOptions = {}): Promise<InvokeResult> {
    const requestId = options.requestId ?? randomUUID()
    this.invocations += 1
    for (;;) {
      const member = await this.acquire()
      const result = await this.runOn(member, payload, requestId, options).catch((error: unknown) => {
        // Nobody knows what state it is in; as long as it lives unreleased, it would take one of the pool's places.
        member.process.kill()
        throw error
      })
      if (result !== undefined) return { ...result, requestId }
    }
  }

  /** Whether this pool has, or is just ending, the process. */
  owns(processId: string): boolean {
    return this.members.has(processId)
  }

  /** SIGKILL for that process, if it is this pool's. */
  kill(processId: string): void {
    this.members.get(processId)?.process.kill()
  }

  killAll(): void {
    for (const { process } of this.members.values()) process.kill()
  }

  /** The numbers of the processes that are running. */
  pids(): ReadonlyArray<number> {
    return [...this.members.values()].flatMap(({ process }) => (process.leaving ? [] : (process.pid ?? [])))
  }

  state(): PoolState {
    const { members, waiters, spawned, invocations } = this
    return {
      processes: members.size,
      busy: members.size - this.idle.length,
      waiting: waiters.length,
      spawned,
      invocations
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.closed = true
    for (const { reject } of this.waiters.splice(0)) reject(new PoolClosed(`${this.spec.name} is shutting down`))
    for (const member of this.members.values()) clearTimeout(member.idleTimer)
    await Promise.all([...this.members.values()].map(({ process }) => process.stop()))
    await Promise.all(this.leaving)
  }

  private async runOn(
    member: Member,
    payload: string,
    requestId: string,
    options: InvokeOptions
  ): Promise<Omit<InvokeResult, "requestId"> | undefined> {
    const { process } = member
    const start = member.fresh ? await process.started : undefined
    if (start !== undefined && start.kind !== "ready") return this.failedStart(member, start, requestId)
    const { kill, clientContext, qualifier } = options
    let began = 0
    let killTimer: NodeJS.Timeout | undefined
    let ending = await process.run({
      requestId,
      payload,
      traceId: options.traceId ?? traceHeader(),
      ...(clientContext === undefined ? {} : { clientContext }),
      ...(qualifier === undefined ? {} : { qualifier }),
      onDelivered: () => {
        began = performance.now()
        this.log(member, `START RequestId: ${requestId} Version: $LATEST`)
        if (typeof kill === "object") killTimer = setTimeout(() => process.kill(), kill.afterMs)
      }
    })
    clearTimeout(killTimer)
    if (ending.kind === "undelivered") return undefined
    if (kill === "whenDone") {
      process.kill()
      ending = { kind: "exit", reason: killed }
    }
    const durationMs = performance.now() - began
    const maxMemoryMb = process.maxMemoryMb()
    // The output that the process wrote before its answer is in the pipes already: one turn of the loop reads it.
    await turn()
    await turn()
    const { errorType, ...result } = this.resultOf(ending, requestId)
    for (const line of endLines(ending, requestId, this.spec.timeoutSeconds)) this.log(member, line)
    this.log(member, `END RequestId: ${requestId}`)
    this.log(
      member,
      reportLine({
        requestId,
        durationMs,
        memoryMb: this.spec.memoryMb,
        maxMemoryMb,
        initMs: start?.initMs,
        status: errorType === undefined ? undefined : ending.kind === "timeout" ? "timeout" : "error",
        errorType
      })
    )
    const logs = `${member.lines.join("\n")}\n`
    this.release(member)
    return { ...result, logs }
  }

  private resultOf(
    ending: Ending,
    requestId: string
  ): { payload: string; functionError?: "Unhandled"; errorType?: string } {
    if (ending.kind === "response") return { payload: ending.body }
    if (ending.kind === "error") return { payload: ending.body, functionError: "Unhandled" }
    if (ending.kind === "tooLarge") {
      return { payload: ending.body, functionError: "Unhandled", errorType: "Function.ResponseSizeTooLarge" }
    }
    const [errorType, reason] =
      ending.kind === "timeout"
        ? ["Sandbox.Timedout", `Task timed out after ${this.spec.timeoutSeconds.toFixed(2)} seconds`]
        : ["Runtime.ExitError", ending.kind === "exit" ? ending.reason : killed]
    return { ...failure(errorType, `RequestId: ${requestId} Error: ${reason}`), errorType }
  }

  private failedStart(
    member: Member,
    start: Exclude<Start, { kind: "ready" }>,
    requestId: string
  ): Omit<InvokeResult, "requestId"> {
    member.process.kill()
    const [result, errorType] = ((): [{ payload: string; functionError: "Unhandled" }, string] => {
      if (start.kind === "error") return [{ payload: start.body, functionError: "Unhandled" }, errorTypeOf(start.body)]
      const [type, reason] =
        start.kind === "timeout"
          ? ["Sandbox.Timedout", `Task timed out after ${(this.maxInitMs / 1000).toFixed(2)} seconds`]
          : ["Runtime.ExitError", start.reason]
      return [failure(type, `RequestId: ${requestId} Error: ${reason}`), type]
    })()
    this.log(member, initReport(start.initMs, start.kind === "timeout" ? "timeout" : "error", errorType))
    return { ...result, logs: `${member.lines.join("\n")}\n` }
  }

  private log(member: Member, line: string): void {
    member.lines.push(line)
    this.options.onLog(this.spec.name, line)
  }

  private async acquire(): Promise<Member> {
    if (this.closed) throw new PoolClosed(`${this.spec.name} is shutting down`)
    const idle = this.idle.pop()
    if (idle !== undefined) {
      clearTimeout(idle.idleTimer)
      idle.lines = []
      return idle
    }
    if (this.members.size < this.options.maxProcesses) return this.spawn()
    return new Promise((resolve, reject) => this.waiters.push({ resolve, reject }))
  }

  private spawn(): Member {
    this.spawned += 1
    const process = new FunctionProcess(this.spec, {
      maxInitMs: this.maxInitMs,
      onLine: (line) => this.log(member, line)
    })
    const member: Member = { process, lines: [], idleTimer: undefined, fresh: true }
    this.members.set(process.id, member)
    const gone = process.gone.then(() => {
      this.leaving.delete(gone)
      this.remove(member)
    })
    this.leaving.add(gone)
    return member
  }

  private release(member: Member): void {
    member.fresh = false
    member.lines = []
    if (member.process.leaving || this.closed) return
    const waiter = this.waiters.shift()
    if (waiter !== undefined) return waiter.resolve(member)
    this.idle.push(member)
    member.idleTimer = setTimeout(() => {
      this.take(member)
      void member.process.stop()
    }, this.options.idleMs)
    member.idleTimer.unref()
  }

  private take(member: Member): void {
    const at = this.idle.indexOf(member)
    if (at >= 0) this.idle.splice(at, 1)
  }

  private remove(member: Member): void {
    clearTimeout(member.idleTimer)
    this.take(member)
    this.members.delete(member.process.id)
    if (this.closed) return
    const waiter = this.waiters.shift()
    if (waiter !== undefined) waiter.resolve(this.spawn())
  }
}
