/** What the load test asks of the system: paths, in groups that run side by side. */
import type { FunctionName } from "../../../src/handlers/Functions.ts"

/** Something that has to hold, and whether it does; what is only told has no `met`. */
export interface Finding {
  readonly text: string
  readonly met?: boolean
}

/** One way into the system. */
export interface Path {
  /** Its method and route, or the function and what it is asked. */
  readonly name: string
  /** Every answer that is as documented, with what it says; any other is an error. */
  readonly expected: Readonly<Record<string, string>>
  /** Puts there what so many requests need, before they are due. */
  readonly prepare?: (count: number) => Promise<void>
  /** Makes one request, and says in a word or two what was answered. */
  readonly send: () => Promise<string>
}

/** What a function calls, as far as there is a target for it. */
export type TargetKind = "database" | "certificate" | "integration"

/** Paths of a function. */
export interface Group {
  readonly name: string
  readonly function: FunctionName
  /** What the requests are. */
  readonly about: string
  readonly paths: ReadonlyArray<Path>
  /** The calls that requests make and that have a target: none of a kind would be wrong. */
  readonly kinds: ReadonlyArray<TargetKind>
  /** Called about once a second while requests are under way: takes down what the sandboxes cannot keep for so long. */
  readonly watch: () => void
  /** Looks, when all is over, whether everything that was accepted is there. */
  readonly settle: () => Promise<ReadonlyArray<Finding>>
}
