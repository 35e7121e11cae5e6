/** One stretch of load at one rate, and what came of it. */
import { setTimeout as sleep } from "node:timers/promises"
import { arrivalsOf, sendWhenDue } from "./arrivals.ts"
import type { Path } from "./Path.ts"

/** What came of the requests of a path. */
export interface PathResult {
  readonly name: string
  /** How often each answer came. */
  readonly answers: Readonly<Record<string, number>>
  /** How many answers are not among those that are documented for this load. */
  readonly errors: number
  /** Milliseconds from when a request was due to its answer. */
  readonly latenciesMs: ReadonlyArray<number>
  /** How many requests waited for an answer when the last one was sent. */
  readonly waitingAtEnd: number
}

/** After the last request was due, answers are waited for this long. */
const graceMs = 30_000
/** Then they are waited for once more, but no longer counted: they must not meet what comes next. */
const drainMs = 120_000
const longestAnswer = 80

/** No answer at all: what the client says of it. */
const failed = (error: unknown): string =>
  `no answer: ${(error instanceof Error ? error.message : String(error)).slice(0, longestAnswer)}`

/** Collects what comes of a path's requests. */
class Tally {
  readonly path: Path
  private readonly answers = new Map<string, number>()
  private readonly latencies: Array<number> = []
  private waiting = 0
  private waitingAtEnd = 0

  constructor(path: Path) {
    this.path = path
  }

  async send(dueAt: number): Promise<void> {
    this.waiting += 1
    const answer = await this.path.send().catch(failed)
    this.waiting -= 1
    this.latencies.push(performance.now() - dueAt)
    this.answers.set(answer, (this.answers.get(answer) ?? 0) + 1)
  }

  /** The last request was sent. */
  ends(): void {
    this.waitingAtEnd = this.waiting
  }

  /** What is known by now; requests that still wait are without an answer. */
  result(): PathResult {
    const { name, expected } = this.path
    const answers = new Map(this.answers)
    if (this.waiting > 0) answers.set("no answer in time", this.waiting)
    const late = Array<number>(this.waiting).fill(graceMs)
    const counted = [...answers].filter(([answer]) => !Object.hasOwn(expected, answer))
    return {
      name,
      answers: Object.fromEntries(answers),
      errors: counted.reduce((sum, [, count]) => sum + count, 0),
      latenciesMs: [...this.latencies, ...late],
      waitingAtEnd: this.waitingAtEnd
    }
  }
}

const within = async (work: Promise<unknown>, limitMs: number): Promise<void> => {
  const end = new AbortController()
  await Promise.race([work, sleep(limitMs, undefined, { signal: end.signal }).catch(() => {})])
  end.abort()
}

/** Puts there what the requests of a phase need. */
export const prepare = async (paths: ReadonlyArray<Path>, ratePerMinute: number, seconds: number): Promise<void> => {
  for (const path of paths) await path.prepare?.(arrivalsOf(1, ratePerMinute, seconds).length)
}

/** Sends requests to all of the paths at this rate each, and waits for their answers. */
export const runPhase = async (
  paths: ReadonlyArray<Path>,
  ratePerMinute: number,
  seconds: number
): Promise<ReadonlyArray<PathResult>> => {
  const arrivals = arrivalsOf(paths.length, ratePerMinute, seconds)
  const tallies = paths.map((path) => new Tally(path))
  const sent: Array<Promise<void>> = []
  const send = ({ path }: { readonly path: number }, dueAt: number): void => {
    const tally = tallies[path]
    if (tally !== undefined) sent.push(tally.send(dueAt))
  }
  await sendWhenDue(arrivals, send, { now: () => performance.now(), sleep: (ms) => sleep(ms) })
  for (const tally of tallies) tally.ends()
  const answered = Promise.all(sent)
  await within(answered, graceMs)
  const results = tallies.map((tally) => tally.result())
  await within(answered, drainMs)
  return results
}
