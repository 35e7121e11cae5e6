/** A lock with one holder at a time, who gets it in the order of asking. */
export class Lock {
  private held = false
  private readonly waiting = new Set<() => void>()

  /** Whether it was got within the time. It is not when `signal` ends the wait. */
  acquire(timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return Promise.resolve(false)
    if (!this.held) {
      this.held = true
      return Promise.resolve(true)
    }
    return new Promise((resolve) => {
      const settle = (got: boolean): void => {
        clearTimeout(timer)
        signal.removeEventListener("abort", giveUp)
        this.waiting.delete(take)
        resolve(got)
      }
      const take = (): void => settle(true)
      const giveUp = (): void => settle(false)
      const timer = setTimeout(giveUp, timeoutMs).unref()
      signal.addEventListener("abort", giveUp)
      this.waiting.add(take)
    })
  }

  /** Hands it on to who has waited longest. */
  release(): void {
    const [next] = this.waiting
    if (next === undefined) this.held = false
    else next()
  }

  get isHeld(): boolean {
    return this.held
  }
}
