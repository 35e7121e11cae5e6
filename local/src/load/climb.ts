/** The search for the highest rate that is held: up in steps, until one is not. */

/** What came of a rate. */
export interface Climbed<A> {
  readonly ratePerMinute: number
  readonly result: A
  /** Why the rate was not held; none where it was. */
  readonly broken: string | undefined
}

/** Tries one rate after the other, each so many times the one before, and ends at the first that is not held. */
export const climb = async <A>(
  from: number,
  factor: number,
  most: number,
  attempt: (ratePerMinute: number) => Promise<{ readonly result: A; readonly broken: string | undefined }>
): Promise<ReadonlyArray<Climbed<A>>> => {
  const steps: Array<Climbed<A>> = []
  for (let rate = Math.round(from * factor); steps.length < most; rate = Math.round(rate * factor)) {
    const { broken, result } = await attempt(rate)
    steps.push({ ratePerMinute: rate, result, broken })
    if (broken !== undefined) break
  }
  return steps
}

/** The highest rate that was held; the one before the climb, where no step was. */
export const highestHeld = (from: number, steps: ReadonlyArray<Climbed<unknown>>): number =>
  steps.findLast(({ broken }) => broken === undefined)?.ratePerMinute ?? from
