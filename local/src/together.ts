/** What is started, waited for and stopped together. */

/** Stops everything it holds at the same time. */
export class Group implements AsyncDisposable {
  private readonly members: Array<AsyncDisposable> = []

  add<A extends AsyncDisposable>(member: A): A {
    this.members.push(member)
    return member
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.members.map((member) => member[Symbol.asyncDispose]()))
  }
}

/** All values; when one fails, its error, but only after every other has ended. */
export const allSettled = async <T extends ReadonlyArray<unknown>>(promises: {
  readonly [K in keyof T]: Promise<T[K]>
}): Promise<T> => {
  await Promise.allSettled(promises)
  return (await Promise.all(promises)) as unknown as T
}
