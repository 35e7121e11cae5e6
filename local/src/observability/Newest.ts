/** Keeps the newest items up to a limit. */
export class Newest<A> {
  private readonly items: Array<A> = []
  private readonly limit: number
  private next = 0

  constructor(limit: number) {
    this.limit = limit
  }

  /** Takes the place of the oldest item once the limit is reached. */
  add(item: A): void {
    this.items[this.next] = item
    this.next = (this.next + 1) % this.limit
  }

  /** From the oldest to the newest. */
  all(): ReadonlyArray<A> {
    return [...this.items.slice(this.next), ...this.items.slice(0, this.next)]
  }
}
