/**
 * Fault rules: what a sandbox does wrong on purpose, and to which calls.
 * The rule format is fixed by the platform's interface (README, "Breaking things on purpose").
 */
import { randomUUID } from "node:crypto"

/** The facts of one call that a rule can match on. */
export interface CallFacts {
  readonly method?: string
  /** Several when it has a query: a rule matches the path alone, or the path with it. */
  readonly path?: string | ReadonlyArray<string>
  /** Several when the call goes by more than one name: a rule matches any of them. */
  readonly operation?: string | ReadonlyArray<string>
  readonly function?: string
}

/** What goes wrong: exactly one of these per rule. */
export type Fault =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: unknown }
  | { readonly error: string | number; readonly status?: number }
  /** `midway`: the answer of `sqlserver` begins at once and stands still after half of its rows. */
  | { readonly delayMs: number; readonly midway?: true }
  | { readonly reset: true }
  | { readonly commitThenReset: true }
  | { readonly truncate: number }
  | { readonly kill: true; readonly afterMs?: number }
  | { readonly commitThenKill: true }

interface Rule {
  readonly id: string
  readonly match: ReadonlyArray<readonly [keyof CallFacts, RegExp]>
  readonly fault: Fault
  remaining: number
}

const matchers = ["method", "path", "operation", "function"] as const

/** A rule that cannot be read; the message names the field and never repeats the value. */
export class InvalidRule extends Error {
  override readonly name = "InvalidRule"
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const parseMatch = (value: unknown): Rule["match"] => {
  if (value === undefined) return []
  if (!isRecord(value)) throw new InvalidRule("match must be an object")
  return Object.entries(value).map(([key, pattern]) => {
    const name = matchers.find((candidate) => candidate === key)
    if (name === undefined) throw new InvalidRule(`match.${key} is not one of ${matchers.join(", ")}`)
    if (typeof pattern !== "string") throw new InvalidRule(`match.${key} must be a regular expression as a string`)
    try {
      return [name, new RegExp(`^(?:${pattern})$`, "s")] as const
    } catch {
      throw new InvalidRule(`match.${key} is not a valid regular expression`)
    }
  })
}

const natural = (value: unknown): value is number => typeof value === "number" && Number.isInteger(value) && value >= 0

const faultShapes: Record<string, (fault: Record<string, unknown>) => boolean> = {
  status: (f) => natural(f["status"]) && (f["headers"] === undefined || isRecord(f["headers"])),
  error: (f) =>
    (typeof f["error"] === "string" || natural(f["error"])) && (f["status"] === undefined || natural(f["status"])),
  delayMs: (f) => natural(f["delayMs"]) && (f["midway"] === undefined || f["midway"] === true),
  reset: (f) => f["reset"] === true,
  commitThenReset: (f) => f["commitThenReset"] === true,
  truncate: (f) => natural(f["truncate"]),
  kill: (f) => f["kill"] === true && (f["afterMs"] === undefined || natural(f["afterMs"])),
  commitThenKill: (f) => f["commitThenKill"] === true
}

const parseFault = (value: unknown): Fault => {
  if (!isRecord(value)) throw new InvalidRule("fault must be an object")
  // `error` may carry a `status`, so it is looked for first.
  const kind = ["error", ...Object.keys(faultShapes)].find((name) => name in value)
  if (kind === undefined) throw new InvalidRule(`fault must have one of ${Object.keys(faultShapes).join(", ")}`)
  if (faultShapes[kind]?.(value) !== true) throw new InvalidRule(`fault.${kind} has a value of the wrong form`)
  return value as unknown as Fault
}

/** The active rules of one sandbox, in the order they were added. */
export class Faults {
  private rules: Array<Rule> = []

  /** Adds a rule as it came in over HTTP and answers its id. Throws {@link InvalidRule}. */
  add(input: unknown): string {
    if (!isRecord(input)) throw new InvalidRule("a rule must be an object")
    const times = input["times"] ?? 1
    if (!natural(times) || times === 0) throw new InvalidRule("times must be a positive integer")
    const rule = {
      id: randomUUID(),
      match: parseMatch(input["match"]),
      fault: parseFault(input["fault"]),
      remaining: times
    }
    this.rules.push(rule)
    return rule.id
  }

  /** The fault for this call, if a rule matches; uses up one of the rule's times. */
  take(call: CallFacts): Fault | undefined {
    const rule = this.rules.find((candidate) =>
      candidate.match.every(([name, pattern]) => [call[name] ?? []].flat().some((value) => pattern.test(value)))
    )
    if (rule === undefined) return undefined
    rule.remaining -= 1
    if (rule.remaining === 0) this.rules = this.rules.filter((other) => other !== rule)
    return rule.fault
  }

  /** Takes a rule back; whether it was still waiting for a call. */
  remove(id: string): boolean {
    const before = this.rules.length
    this.rules = this.rules.filter((rule) => rule.id !== id)
    return this.rules.length < before
  }

  clear(): void {
    this.rules = []
  }
}
