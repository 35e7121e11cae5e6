/** The search for the highest rate that is held: up in steps until one is not, or down until one is. */

/** What came of a rate. */
export interface Climbed<A> {
  readonly ratePerMinute: number
  readonly result: A
  /** Why the rate was not held; none where it was. */
  readonly broken: string | undefined
}

/** Where the search begins, and how. */
export interface Climbing {
  /** The rate that was tried before. */
  readonly from: number
  /** Whether it was held: what comes then is faster, else slower. */
  readonly isHeld: boolean
  /** Each rate is so many times the one before, or the one before so many times it. */
  readonly factor: number
  /** How many rates are tried at most. */
  readonly most: number
}

/** Tries one rate after the other, and ends at the first with which it turns. */
export const climb = async <A>(
  { factor, from, isHeld, most }: Climbing,
  attempt: (ratePerMinute: number) => Promise<{ readonly result: A; readonly broken: string | undefined }>
): Promise<ReadonlyArray<Climbed<A>>> => {
  const steps: Array<Climbed<A>> = []
  const next = (rate: number): number => Math.round(isHeld ? rate * factor : rate / factor)
  for (let rate = next(from); steps.length < most; rate = next(rate)) {
    const { broken, result } = await attempt(rate)
    steps.push({ ratePerMinute: rate, result, broken })
    if ((broken === undefined) !== isHeld) break
  }
  return steps
}

/** The highest rate that was held: of the climb, or the one before it; 0 where none was. */
export const highestHeld = (from: number, isHeld: boolean, steps: ReadonlyArray<Climbed<unknown>>): number =>
  Math.max(
    isHeld ? from : 0,
    ...steps.filter(({ broken }) => broken === undefined).map(({ ratePerMinute }) => ratePerMinute)
  )
