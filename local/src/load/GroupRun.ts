/** What came of the load on a function. */
import type { FunctionName } from "../../../src/handlers/Functions.ts"
import type { Alive } from "./alive.ts"
import type { Climbed } from "./climb.ts"
import type { Calls } from "./Collector.ts"
import type { Memory } from "./memory.ts"
import type { Finding, Group } from "./Path.ts"
import type { PathResult } from "./phase.ts"

/** A group's run: the start, the sustained rate, then the climb. */
export interface GroupRun {
  readonly name: string
  readonly function: FunctionName
  readonly about: string
  readonly ratePerMinute: number
  readonly minutes: number
  /** Before the run, at its rate: while processes start. */
  readonly start: ReadonlyArray<PathResult>
  readonly paths: ReadonlyArray<PathResult>
  readonly kinds: Group["kinds"]
  readonly calls: Calls
  readonly memory: Memory
  /** What was alive in each process before the sustained rate and after it. */
  readonly alive: { readonly before: Alive; readonly after: Alive }
  /** Why the sustained rate was not held; none where it was. */
  readonly broken: string | undefined
  readonly steps: ReadonlyArray<Climbed<ReadonlyArray<PathResult>>>
  /** The highest rate that was held, of a path. */
  readonly held: number
  readonly findings: ReadonlyArray<Finding>
}
