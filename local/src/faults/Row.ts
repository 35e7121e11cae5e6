/** A row of the table of faults: what is done wrong, what has to come of it, and what came. */
import type { Item } from "./World.ts"

/** A fault, and how it is tried. */
export interface Row {
  readonly fault: string
  readonly expected: string
  /**
   * Does it, and says what was seen; rejects when that is not as it has to be. What can be seen only after a while is
   * answered as a function: it waits beside the rows that follow.
   */
  readonly run: () => Promise<string | (() => Promise<string>)>
}

/** What came of a row. */
export interface Outcome {
  readonly service: string
  readonly fault: string
  readonly expected: string
  readonly seen: string
  readonly isRight: boolean
}

/** Fails a row unless the condition holds. */
export const expect: (condition: boolean, otherwise: string) => asserts condition = (condition, otherwise) => {
  if (!condition) throw new Error(otherwise)
}

/** The same of a value and the one that it has to be. */
export const expectSame = (seen: unknown, wanted: unknown, what: string): void => {
  const [a, b] = [JSON.stringify(seen), JSON.stringify(wanted)]
  expect(a === b, `${what}: ${a} instead of ${b}`)
}

/** A field of an answer as a text. */
export const textOf = (body: Item, field: string): string => String(body[field])

const longestRowMs = 60_000

const within = async <A>(work: Promise<A>): Promise<A> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing after ${longestRowMs / 1000} s`)), longestRowMs)
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}

/** Runs rows one after the other, and takes back after each what it has planted. */
export const runRows = async (
  service: string,
  rows: ReadonlyArray<Row>,
  lane: { readonly clear: () => void },
  done: (outcome: Outcome) => void
): Promise<void> => {
  const waiting: Array<Promise<void>> = []
  for (const { expected, fault, run } of rows) {
    const settle = async (seeing: Promise<string>): Promise<void> => {
      const outcome = { service, fault, expected }
      try {
        done({ ...outcome, seen: await within(seeing), isRight: true })
      } catch (error) {
        done({ ...outcome, seen: error instanceof Error ? error.message : String(error), isRight: false })
      }
    }
    const begun = await within(run()).catch((error: unknown) => (): Promise<string> => Promise.reject(error))
    lane.clear()
    if (typeof begun === "function") waiting.push(settle(begun()))
    else await settle(Promise.resolve(begun))
  }
  await Promise.all(waiting)
}
