/**
 * Processes that are run one step at a time, in any order, by somebody who decides what becomes of each step. A step is
 * a call that leaves the process. Between two steps everything happens at once, and time stands still unless it is moved.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import type { Scheduler } from "effect/Scheduler"

/** What becomes of a step: it is carried out or not, and the process learns of it, fails with it, waits or dies. */
export const fates = ["ok", "fails", "refused", "answerLost", "hangs", "crashBefore", "crashAfter"] as const
export type Fate = (typeof fates)[number]

/** A process that is alive, or was killed. */
export interface Process {
  alive: boolean
}

interface Step {
  readonly process: Process
  readonly name: string
  readonly take: (fate: Fate) => void
}

interface Timer {
  readonly process: Process
  readonly at: number
  readonly wake: () => void
}

/** The process that a fiber belongs to. */
class Current extends Context.Reference<Current>()("test/Simulation/Current", {
  defaultValue: (): Process => ({ alive: true })
}) {}

/** What a step fails with when it is told to. */
export interface Failures<Transient, Permanent> {
  /** It may work later. */
  readonly transient: Transient
  /** It never will. */
  readonly permanent: Permanent
}

/** The world in which processes run. */
export class Simulation {
  /** Epoch milliseconds. */
  now: number
  /** The steps that wait to be taken. */
  steps: ReadonlyArray<Step> = []
  private timers: ReadonlyArray<Timer> = []
  private readonly ends = new WeakMap<Process, () => void>()
  private readonly tasks: Array<() => void> = []
  private readonly scheduler: Scheduler = {
    scheduleTask: (task) => void this.tasks.push(task),
    shouldYield: () => false
  }

  constructor(start: number) {
    this.now = start
  }

  /** Runs everything that is due now. */
  private settle(): void {
    for (let task = this.tasks.shift(); task !== undefined; task = this.tasks.shift()) task()
  }

  private clockOf(process: Process): Clock.Clock {
    const now = (): number => this.now
    return {
      [Clock.ClockTypeId]: Clock.ClockTypeId,
      unsafeCurrentTimeMillis: now,
      unsafeCurrentTimeNanos: () => BigInt(this.now) * 1_000_000n,
      currentTimeMillis: Effect.sync(now),
      currentTimeNanos: Effect.sync(() => BigInt(this.now) * 1_000_000n),
      sleep: (duration) =>
        Effect.async<void>((resume) => {
          const at = this.now + Duration.toMillis(duration)
          const timer: Timer = { process, at, wake: () => resume(Effect.void) }
          this.timers = [...this.timers, timer]
          return Effect.sync(() => {
            this.timers = this.timers.filter((other) => other !== timer)
          })
        })
    }
  }

  /** Starts a process; `ended` is told its end, or undefined when it was killed. */
  run<A, E>(effect: Effect.Effect<A, E>, ended: (exit: Exit.Exit<A, E> | undefined) => void): void {
    const process: Process = { alive: true }
    this.ends.set(process, () => ended(undefined))
    const fiber = Effect.runFork(
      effect.pipe(
        Effect.provideService(Current, process),
        Effect.withClock(this.clockOf(process)),
        Logger.withMinimumLogLevel(LogLevel.None)
      ),
      { scheduler: this.scheduler }
    )
    fiber.addObserver((exit) => {
      if (process.alive) ended(exit)
      process.alive = false
    })
    this.settle()
  }

  private kill(process: Process): void {
    if (!process.alive) return
    process.alive = false
    this.steps = this.steps.filter((step) => step.process !== process)
    this.timers = this.timers.filter((timer) => timer.process !== process)
    this.ends.get(process)?.()
  }

  /** A step: `carryOut` does it, all of it at one moment; one that is `safe` is carried out whatever fate it is given. */
  step<A, T, P>(name: string, failures: Failures<T, P>, carryOut: () => A, safe = false): Effect.Effect<A, T | P> {
    return Effect.flatMap(Current, (process) =>
      Effect.async<A, T | P>((resume) => {
        const forget = (): void => {
          this.steps = this.steps.filter((other) => other !== step)
        }
        const step: Step = {
          process,
          name,
          take: (given) => {
            const fate = safe ? "ok" : given
            forget()
            if (fate === "hangs") return
            const isDone = fate === "ok" || fate === "answerLost" || fate === "crashAfter"
            const value = isDone ? carryOut() : undefined
            if (fate === "crashBefore" || fate === "crashAfter") this.kill(process)
            else if (fate === "ok") resume(Effect.succeed(value as A))
            else resume(Effect.fail(fate === "refused" ? failures.permanent : failures.transient))
          }
        }
        this.steps = [...this.steps, step]
        return Effect.sync(forget)
      })
    )
  }

  /** Takes one of the steps that wait; nothing happens when there are none. */
  take(choice: number, fate: Fate): void {
    this.steps[choice % Math.max(1, this.steps.length)]?.take(fate)
    this.settle()
  }

  /** Lets time pass; whoever waits for a moment in it goes on then. */
  advance(millis: number): void {
    const end = this.now + millis
    for (;;) {
      const due = this.timers.filter(({ at }) => at <= end).toSorted((one, other) => one.at - other.at)[0]
      if (due === undefined) break
      this.timers = this.timers.filter((timer) => timer !== due)
      this.now = Math.max(this.now, due.at)
      due.wake()
      this.settle()
    }
    this.now = end
  }

  /** Whether a process has anything left that could be taken or waited for. */
  get isIdle(): boolean {
    return this.steps.length === 0 && this.timers.length === 0
  }
}
