/** What a breaker must do, told as plainly as possible: the reference for the property test. */

export type Outcome = "ok" | "outage" | "badRequest" | "defect" | "interrupted" | { readonly retryAfterMillis: number }

export interface ModelSettings {
  readonly rate: boolean
  readonly failures: number
  readonly failureRate: number
  readonly window: number
  readonly minimumCalls: number
  readonly resetMillis: number
  readonly timeoutMillis: number
  readonly maxPauseMillis: number
}

interface Ticket {
  readonly role: "call" | "probe" | "guest"
  readonly generation: number
}

interface Caller {
  ticket?: Ticket
  pass?: { readonly pause: number; readonly until: number }
}

/** One breaker and its callers. */
export class BreakerModel {
  kind: "Closed" | "Open" | "HalfOpen" = "Closed"
  generation = 0
  until = 0
  pause: number | undefined
  readonly callers = new Map<number, Caller>()
  private failed: Array<boolean> = []
  private readonly settings: ModelSettings

  constructor(settings: ModelSettings) {
    this.settings = settings
  }

  caller(id: number): Caller {
    const caller = this.callers.get(id) ?? {}
    this.callers.set(id, caller)
    return caller
  }

  get failures(): number {
    return this.settings.rate
      ? this.failed.filter(Boolean).length
      : this.failed.length - (this.failed.lastIndexOf(false) + 1)
  }

  /** "run", or the milliseconds that the rejection carries. */
  start(id: number, now: number): "run" | number {
    const caller = this.caller(id)
    const role = this.admit(caller, now)
    if (typeof role === "number") return role
    if (role === "probe") {
      const { pause } = this
      this.become("HalfOpen", now + this.settings.timeoutMillis, pause)
    }
    if (role !== "call") delete caller.pass
    caller.ticket = { role, generation: this.generation }
    return "run"
  }

  private admit(caller: Caller, now: number): Ticket["role"] | number {
    if (this.kind === "Closed") return "call"
    if (now > this.until) return "probe"
    const waited = caller.pass !== undefined && caller.pass.pause === this.pause && now >= caller.pass.until - 5
    if (waited) return this.kind === "Open" ? "probe" : "guest"
    return this.until - now + 1
  }

  finish(id: number, outcome: Outcome, now: number): void {
    const caller = this.caller(id)
    const ticket = caller.ticket
    delete caller.ticket
    if (outcome === "interrupted") delete caller.pass
    if (ticket === undefined) return
    if (ticket.generation === this.generation) this.count(ticket.role, outcome, now)
    if (typeof outcome === "object" && this.kind !== "Closed" && this.pause !== undefined) {
      caller.pass = { pause: this.pause, until: now + this.capped(outcome.retryAfterMillis) }
    }
  }

  private capped(millis: number): number {
    return Math.min(millis, this.settings.maxPauseMillis)
  }

  private count(role: Ticket["role"], outcome: Outcome, now: number): void {
    if (typeof outcome === "object") {
      this.become("Open", now + this.capped(outcome.retryAfterMillis), this.generation + 1)
      return
    }
    if (role === "guest") return
    if (role === "probe") {
      const { pause } = this
      if (outcome === "ok") this.become("Closed", 0)
      else if (outcome === "outage") this.become("Open", now + this.settings.resetMillis)
      else this.become("Open", now - 1, pause)
      return
    }
    if (outcome === "ok") this.failed.push(false)
    if (outcome === "outage") this.failed.push(true)
    this.failed = this.failed.slice(this.settings.rate ? -this.settings.window : 0)
    if (outcome === "outage" && this.isTooMany()) this.become("Open", now + this.settings.resetMillis)
  }

  private isTooMany(): boolean {
    const { failureRate, failures, minimumCalls, rate } = this.settings
    if (!rate) return this.failures >= failures
    return this.failed.length >= minimumCalls && this.failures / this.failed.length >= failureRate
  }

  private become(kind: BreakerModel["kind"], until: number, pause?: number): void {
    this.kind = kind
    this.generation += 1
    this.until = until
    this.pause = pause
    this.failed = []
  }
}
