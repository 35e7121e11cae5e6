/** The functions as Lambda offers them: synchronous and event invocations, with the faults of the `lambda` sandbox. */
import { setTimeout as sleep } from "node:timers/promises"
import type { Fault } from "../sandboxes/Faults.ts"
import type { JournalEntry, Sandbox } from "../sandboxes/Sandbox.ts"
import { PoolClosed } from "./FunctionPool.ts"
import type { FunctionPool, InvokeOptions, InvokeResult } from "./FunctionPool.ts"
import { traceHeader } from "./traceHeader.ts"

/** One call of a function, from the Invoke API, API Gateway or a queue. */
export interface LambdaCall extends Omit<InvokeOptions, "kill"> {
  readonly name: string
  readonly payload: string
  /** The path as called; the plain one of the Invoke API when another trigger calls. */
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** Lambda did not take the call. */
export interface Refusal {
  readonly kind: "refused"
  readonly status: number
  /** The AWS error's name; absent when a rule gave only a status. */
  readonly error?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** How a call ended: `cut` wants the caller's connection reset. */
export type Invocation =
  | { readonly kind: "answered"; readonly result: InvokeResult; readonly truncate?: number }
  | Refusal
  | { readonly kind: "cut" }

/** How an event was received. */
export type Acceptance = { readonly kind: "accepted" } | Refusal | { readonly kind: "cut" }

/** Status codes of the Invoke API's errors; the ones not listed are 400, or 500 when their name says so. */
const errorStatuses: Readonly<Record<string, number>> = {
  ResourceNotFoundException: 404,
  ResourceConflictException: 409,
  RequestTooLargeException: 413,
  UnsupportedMediaTypeException: 415,
  TooManyRequestsException: 429,
  ServiceException: 500,
  EC2ThrottledException: 502,
  ENILimitReachedException: 502,
  InvalidRuntimeException: 502,
  ResourceNotReadyException: 502,
  SubnetIPAddressLimitReachedException: 502
}

const refusal = (fault: Fault): Refusal | undefined => {
  if ("error" in fault) {
    const error = String(fault.error)
    const status = fault.status ?? errorStatuses[error] ?? (/^(Internal|Service)/.test(error) ? 500 : 400)
    return { kind: "refused", status, error }
  }
  if (!("status" in fault)) return undefined
  const body = fault.body === undefined ? "" : typeof fault.body === "string" ? fault.body : JSON.stringify(fault.body)
  return {
    kind: "refused",
    status: fault.status,
    body,
    ...(fault.headers === undefined ? {} : { headers: fault.headers })
  }
}

const killOf = (fault: Fault | undefined): Pick<InvokeOptions, "kill"> => {
  if (fault === undefined) return {}
  if ("kill" in fault) return { kill: { afterMs: fault.afterMs ?? 0 } }
  return "commitThenKill" in fault ? { kill: "whenDone" } : {}
}

/** Every invocation has a trace, and the retries of an event are of the same one. */
const traced = (call: LambdaCall): LambdaCall => ({ ...call, traceId: traceHeader(call.traceId) })

/** Lambda's front: knows the functions by name. */
export class Lambda implements AsyncDisposable {
  private readonly pools: ReadonlyMap<string, FunctionPool>
  private readonly sandbox: Sandbox
  private readonly retryDelaysMs: ReadonlyArray<number>
  private readonly prepare: (name: string) => Promise<void>
  private readonly events = new Set<Promise<void>>()
  private readonly closing = new AbortController()

  /**
   * `retryDelaysMs`: the pauses before an event that failed is tried again (on AWS one minute, then two). `prepare` has
   * what a function stands on started before it is called.
   */
  constructor(
    pools: ReadonlyMap<string, FunctionPool>,
    sandbox: Sandbox,
    retryDelaysMs: ReadonlyArray<number> = [1_000, 2_000],
    prepare: (name: string) => Promise<void> = async () => {}
  ) {
    this.pools = pools
    this.sandbox = sandbox
    this.retryDelaysMs = retryDelaysMs
    this.prepare = prepare
  }

  has(name: string): boolean {
    return this.pools.has(name)
  }

  /** Calls a function and waits for its answer. Rejects for a function that is not there; ask {@link has} first. */
  async invoke(call: LambdaCall): Promise<Invocation> {
    const [entry, fault] = this.receive(call)
    const outcome = await this.perform(traced(call), fault)
    entry.status = outcome.kind === "answered" ? 200 : outcome.kind === "refused" ? outcome.status : null
    return outcome
  }

  /** Takes an event: it is run in the background, and again after a failure, twice at most. */
  invokeEvent(call: LambdaCall): Acceptance {
    const [entry, fault] = this.receive(call)
    const refused = fault === undefined ? undefined : refusal(fault)
    if (refused !== undefined) {
      entry.status = refused.status
      return refused
    }
    if (fault !== undefined && "reset" in fault) return { kind: "cut" }
    const event = this.runEvent(traced(call), fault).finally(() => this.events.delete(event))
    this.events.add(event)
    if (fault !== undefined && "commitThenReset" in fault) return { kind: "cut" }
    entry.status = 202
    return { kind: "accepted" }
  }

  /** Drops what waits to be tried again. Invocations that run end with the pools. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.closing.abort()
    await Promise.all(this.events)
  }

  private receive(call: LambdaCall): [JournalEntry, Fault | undefined] {
    const facts = {
      method: "POST",
      path: call.path ?? `/2015-03-31/functions/${call.name}/invocations`,
      operation: "Invoke",
      function: call.name
    }
    const entry = this.sandbox.record({ ...facts, headers: call.headers ?? {}, body: call.payload })
    return [entry, this.sandbox.faults.take(facts)]
  }

  private async perform(call: LambdaCall, fault: Fault | undefined): Promise<Invocation> {
    const refused = fault === undefined ? undefined : refusal(fault)
    if (refused !== undefined) return refused
    if (fault !== undefined && "reset" in fault) return { kind: "cut" }
    if (fault !== undefined && "delayMs" in fault)
      await sleep(fault.delayMs, undefined, { signal: this.closing.signal })
    const pool = this.pools.get(call.name)
    if (pool === undefined) throw new Error(`there is no function ${call.name}`)
    await this.prepare(call.name)
    const result = await pool.invoke(call.payload, { ...call, ...killOf(fault) })
    if (fault !== undefined && "commitThenReset" in fault) return { kind: "cut" }
    return {
      kind: "answered",
      result,
      ...(fault !== undefined && "truncate" in fault ? { truncate: fault.truncate } : {})
    }
  }

  private async runEvent(call: LambdaCall, firstFault: Fault | undefined): Promise<void> {
    const { signal } = this.closing
    try {
      if (await this.succeeds(call, firstFault)) return
      for (const delay of this.retryDelaysMs) {
        await sleep(delay, undefined, { signal })
        const [entry, fault] = this.receive(call)
        const done = await this.succeeds(call, fault)
        entry.status = 200
        if (done) return
      }
    } catch (error) {
      // The platform is stopping: there is nobody left to run the event for.
      if (!signal.aborted && !(error instanceof PoolClosed)) throw error
    }
  }

  private async succeeds(call: LambdaCall, fault: Fault | undefined): Promise<boolean> {
    const outcome = await this.perform(call, fault)
    return outcome.kind === "answered" && outcome.result.functionError === undefined
  }
}
