/**
 * Baton, simulated: drives privacy requests from initiation to completion as the orchestrator does. It asks for the
 * status with growing pauses, repeats what may succeed later and nothing else, and calls for a person when a request is
 * stuck or fails for good.
 */
import { setTimeout as wait } from "node:timers/promises"
import { type BatonEvent, type Invoke, InvokeRefused, type Workflow } from "./Invoke.ts"
import { ranks, type Status, type Verdict, verdictOf } from "./verdict.ts"

/** Pauses that grow: the first, by what each next one is longer, and the longest. */
export interface Backoff {
  readonly firstMs: number
  readonly factor: number
  readonly maxMs: number
}

export interface BatonOptions {
  readonly invoke: Invoke
  /** Between two status queries. */
  readonly poll?: Backoff
  /** Between the attempts of one call, and how many there are. */
  readonly retry?: Backoff & { readonly attempts: number }
  /** A request without progress for so long is stuck: a day, unless given. */
  readonly stuckAfterMs?: number
  /** A request without progress for so long is not followed any more: two days, unless given. */
  readonly giveUpAfterMs?: number
  /** Workflows that are driven at the same time. */
  readonly concurrency?: number
  readonly clock?: { readonly now: () => number; readonly sleep: (ms: number) => Promise<void> }
}

/** One attempt of a call; times are milliseconds since the epoch. */
export interface Attempt {
  readonly action: BatonEvent["action"]
  /** 1 for the first of a call. */
  readonly number: number
  readonly at: number
  readonly durationMs: number
  /** What the function answered; absent when Lambda did not take the call. */
  readonly answer?: unknown
  readonly verdict: Verdict
}

/** How a workflow ended: `refused` for good, `unreachable` after every attempt, `stuck` without progress. */
export type Outcome = "completed" | "failed" | "refused" | "unreachable" | "stuck"

/** A call for a person. */
export interface Escalation {
  readonly at: number
  readonly why: Exclude<Outcome, "completed">
  readonly detail: string
}

/** Everything that came of one workflow. */
export interface WorkflowReport {
  readonly workflow: Workflow
  readonly requestId?: string
  readonly outcome: Outcome
  /** Each status when it was first seen, in order. */
  readonly statuses: ReadonlyArray<{ readonly status: Status; readonly at: number }>
  readonly attempts: ReadonlyArray<Attempt>
  readonly escalations: ReadonlyArray<Escalation>
  readonly startedAt: number
  readonly endedAt: number
}

type Success = Extract<Verdict, { kind: "success" }>

const dayMs = 86_400_000

const defaults = {
  poll: { firstMs: 1_000, factor: 2, maxMs: 300_000 },
  retry: { firstMs: 200, factor: 2, maxMs: 10_000, attempts: 5 },
  stuckAfterMs: dayMs,
  giveUpAfterMs: 2 * dayMs,
  concurrency: 10,
  clock: { now: () => Date.now(), sleep: async (ms: number): Promise<void> => void (await wait(ms)) }
}

const pauseOf = ({ factor, firstMs, maxMs }: Backoff, index: number): number =>
  Math.min(firstMs * factor ** index, maxMs)

/** What is known of a workflow while it runs. */
class Course {
  readonly attempts: Array<Attempt> = []
  readonly escalations: Array<Escalation> = []
  readonly statuses: Array<{ readonly status: Status; readonly at: number }> = []
  requestId: string | undefined
  progressAt: number
  stuck = false
  private rank = -1

  constructor(now: number) {
    this.progressAt = now
  }

  see({ requestId, status }: Success, at: number): void {
    this.requestId = requestId
    if (this.statuses.at(-1)?.status !== status) this.statuses.push({ status, at })
    // A status that goes back and forth is no progress.
    if (ranks[status] <= this.rank) return
    this.rank = ranks[status]
    this.progressAt = at
    this.stuck = false
  }
}

/** The orchestrator. */
export class BatonSimulator {
  private readonly options: Required<BatonOptions>

  constructor(options: BatonOptions) {
    this.options = { ...defaults, ...options }
  }

  /** Drives all workflows to their ends; the reports come in the workflows' order. */
  async run(workflows: ReadonlyArray<Workflow>): Promise<ReadonlyArray<WorkflowReport>> {
    const reports: Array<WorkflowReport> = []
    const rest = workflows.entries()
    const work = async (): Promise<void> => {
      for (const [index, workflow] of rest) reports[index] = await this.drive(workflow)
    }
    await Promise.all(Array.from({ length: this.options.concurrency }, work))
    return reports
  }

  private async drive(workflow: Workflow): Promise<WorkflowReport> {
    const { clock } = this.options
    const startedAt = clock.now()
    const course = new Course(startedAt)
    const outcome = await this.follow(workflow, course)
    const { attempts, escalations, requestId, statuses } = course
    return {
      workflow,
      ...(requestId === undefined ? {} : { requestId }),
      outcome,
      statuses,
      attempts,
      escalations,
      startedAt,
      endedAt: clock.now()
    }
  }

  private async follow(workflow: Workflow, course: Course): Promise<Outcome> {
    const { clock, giveUpAfterMs, poll, stuckAfterMs } = this.options
    let event: BatonEvent = { action: "initiate", payload: workflow }
    for (let polls = 0; ; polls += 1) {
      const state = await this.call(event, course)
      if (typeof state === "string") return state
      const now = clock.now()
      course.see(state, now)
      if (state.status === "completed") return "completed"
      if (state.status === "failed") return this.escalate(course, "failed", "the request failed")
      const idleMs = now - course.progressAt
      if (idleMs >= Math.min(stuckAfterMs, giveUpAfterMs) && !course.stuck) {
        course.stuck = true
        this.escalate(course, "stuck", `${state.status} for ${idleMs} ms`)
      }
      if (idleMs >= giveUpAfterMs) return "stuck"
      await clock.sleep(pauseOf(poll, polls))
      const { correlationId } = workflow
      event = { action: "status", payload: { mparticleRequestId: state.requestId, correlationId } }
    }
  }

  /** One call with its repetitions: where the request stands, or how the workflow ends. */
  private async call(event: BatonEvent, course: Course): Promise<Success | Outcome> {
    const { clock, retry } = this.options
    for (let number = 1; ; number += 1) {
      const at = clock.now()
      const ending = await this.attempt(event)
      course.attempts.push({ action: event.action, number, at, durationMs: clock.now() - at, ...ending })
      const { verdict } = ending
      if (verdict.kind === "success") return verdict
      if (verdict.kind === "never") return this.escalate(course, "refused", verdict.reason)
      if (number >= retry.attempts) return this.escalate(course, "unreachable", verdict.reason)
      await clock.sleep(Math.max(pauseOf(retry, number - 1), verdict.afterMs ?? 0))
    }
  }

  private async attempt(event: BatonEvent): Promise<Pick<Attempt, "answer" | "verdict">> {
    try {
      const invoked = await this.options.invoke(event)
      return { answer: invoked.payload, verdict: verdictOf(event, invoked) }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      return { verdict: { kind: error instanceof InvokeRefused ? "never" : "again", reason } }
    }
  }

  private escalate(course: Course, why: Escalation["why"], detail: string): Outcome {
    course.escalations.push({ at: this.options.clock.now(), why, detail })
    return why
  }
}
