/** Lets many in together, or one alone; who wants to be alone is next. */
export class Gate {
  private inside = 0
  private closed: Promise<void> | undefined
  private left: () => void = () => {}

  /** Runs work beside other shared work. */
  async shared(work: () => Promise<void>): Promise<void> {
    while (this.closed !== undefined) await this.closed
    this.inside += 1
    try {
      await work()
    } finally {
      this.inside -= 1
      if (this.inside === 0) this.left()
    }
  }

  /** Runs work when nobody else is inside, and lets nobody in meanwhile. */
  async alone(work: () => Promise<void>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.closed = promise
    try {
      while (this.inside > 0) await new Promise<void>((gone) => (this.left = gone))
      await work()
    } finally {
      this.closed = undefined
      resolve()
    }
  }
}
