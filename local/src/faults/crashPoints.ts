/**
 * Crash points: every call that an operation makes, and the process killed before the first and after each.
 *
 * The list of calls is not written down anywhere: the operation runs once in a new process and once in a warm one, and the
 * sandboxes' journals say what it called. So the list follows the code.
 */
import type { JournalEntry } from "../sandboxes/Sandbox.ts"
import type { Planted, World } from "./World.ts"

/** One run of an operation, on a subject of its own. */
export interface Attempt {
  /** Triggers it, once; what a dead process leaves unanswered is no failure of this. */
  readonly begin: () => Promise<unknown>
  /**
   * Tries again as the real trigger would, waits, and checks that nothing was lost or done twice. What takes minutes is
   * answered as a function, for which nothing else has to wait.
   */
  readonly settle: () => Promise<void | (() => Promise<void>)>
}

/** An operation of a service. */
export interface Operation {
  readonly service: string
  readonly name: string
  /** The function whose calls are the crash points. */
  readonly function: string
  /** Whether its trigger does not wait for it: a queue. */
  readonly isQueued?: boolean
  readonly prepare: () => Promise<Attempt>
}

/** What came of an operation's crash points. */
export interface CrashOutcome {
  readonly service: string
  readonly name: string
  /** How many calls it makes, in a new process. */
  readonly calls: number
  readonly kills: number
  /** Calls that did not come again, so that nobody was killed there. */
  readonly missed: number
  readonly wrong: ReadonlyArray<string>
}

/** A call, as a rule finds it again: the nth of its kind. */
interface Point {
  readonly sandbox: string
  readonly match: Readonly<Record<string, string>>
  readonly nth: number
  readonly isColdOnly: boolean
}

const before = ["before", { kill: true }] as const
const after = ["after", { commitThenKill: true }] as const

const sandboxes = ["aws", "mparticle", "elasticsearch", "mysql", "sqlserver", "dex"] as const
const mostOfAKind = 2

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g

/** What a rule matches of a call: its operation, or its method and its path with any id. */
const matchOf = (sandbox: string, { method, operation, path }: JournalEntry): Readonly<Record<string, string>> => {
  if (sandbox === "mysql" && operation !== undefined)
    return { operation, ...(operation === "query" ? { path: escaped(path) } : {}) }
  if (operation !== undefined) return { operation }
  return { method, path: escaped(path).replaceAll(uuid, "[^/]+") }
}

const kindOf = (sandbox: string, match: object): string => `${sandbox} ${Object.values(match).join(" ")}`

/** The calls of one run. */
const callsOf = async (
  world: World,
  { function: name, isQueued = false, prepare }: Operation
): Promise<ReadonlyArray<Omit<Point, "isColdOnly">>> => {
  const attempt = await prepare()
  const before = new Map(sandboxes.map((sandbox) => [sandbox, world.journal(sandbox).length]))
  await attempt.begin()
  // What follows is another invocation's, unless a queue does not tell when its function is done.
  if (isQueued) await attempt.settle()
  const after = new Map(sandboxes.map((sandbox) => [sandbox, world.journal(sandbox).length]))
  if (!isQueued) await attempt.settle()
  const seen = new Map<string, number>()
  const points: Array<Omit<Point, "isColdOnly">> = []
  for (const sandbox of sandboxes) {
    for (const entry of world.journal(sandbox).slice(before.get(sandbox), after.get(sandbox))) {
      // The next invocation's wait for work is no call of the operation's, and SQL's drivers say things of their own.
      if (entry.function !== name) continue
      const match = matchOf(sandbox, entry)
      const kind = kindOf(sandbox, match)
      const nth = (seen.get(kind) ?? 0) + 1
      seen.set(kind, nth)
      if (nth <= mostOfAKind) points.push({ sandbox, match, nth })
    }
  }
  return points
}

/** Rules that let the first calls of a kind pass, and do this to the nth. */
const plantAt = (world: World, { match, nth, sandbox }: Point, name: string, fault: object): ReadonlyArray<Planted> => {
  const whose = { ...match, function: name }
  const passing = nth === 1 ? [] : [world.plant(sandbox, { match: whose, times: nth - 1, fault: { delayMs: 0 } })]
  return [...passing, world.plant(sandbox, { match: whose, fault })]
}

/** Finds an operation's calls, and kills its process before the first and after each; `quiet` hears when all is killed. */
export const crash = async (world: World, operation: Operation, quiet: () => void): Promise<CrashOutcome> => {
  const { function: name, prepare } = operation
  const outcome = { service: operation.service, name: operation.name }
  const wrong: Array<string> = []
  const waiting: Array<Promise<void>> = []
  let [kills, missed] = [0, 0]
  try {
    await world.cold(name)
    const cold = await callsOf(world, operation)
    const warm = new Set(
      (await callsOf(world, operation)).map((call) => `${kindOf(call.sandbox, call.match)} ${call.nth}`)
    )
    const points = cold.map((call) => ({
      ...call,
      isColdOnly: !warm.has(`${kindOf(call.sandbox, call.match)} ${call.nth}`)
    }))
    for (const [index, point] of points.entries()) {
      // Before a call is after the one ahead of it: only the first has a before of its own.
      for (const [when, fault] of index === 0 ? [before, after] : [after]) {
        const attempt = await prepare()
        if (point.isColdOnly) await world.cold(name)
        const planted = plantAt(world, point, name, fault)
        const note = (error: unknown): void => {
          const reason = error instanceof Error ? error.message : String(error)
          wrong.push(`killed ${when} ${kindOf(point.sandbox, point.match)} (${point.nth}): ${reason}`)
        }
        try {
          await attempt.begin().catch(() => undefined)
          const rest = await attempt.settle()
          if (rest !== undefined) waiting.push(rest().catch(note))
        } catch (error) {
          note(error)
        }
        if (planted.map((one) => one.take()).every(Boolean)) kills += 1
        else missed += 1
      }
    }
    quiet()
    await Promise.all(waiting)
    if (cold.length === 0) wrong.push("it makes no calls")
    return { ...outcome, calls: cold.length, kills, missed, wrong }
  } catch (error) {
    quiet()
    return { ...outcome, calls: 0, kills, missed, wrong: [error instanceof Error ? error.message : String(error)] }
  }
}
