/** A strict reading of JSON input: every flaw is collected with the path of its field, never with its value. */
import type { Flaw } from "./answers.ts"

/** Any JSON object. */
export type Fields = Readonly<Record<string, unknown>>

export const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** Collects flaws. */
export class Check {
  readonly flaws: Array<Flaw> = []

  fail(field: string, problem: string): void {
    this.flaws.push({ reason: "invalid", message: `${field} ${problem}` })
  }

  that(holds: boolean, field: string, problem: string): boolean {
    if (!holds) this.fail(field, problem)
    return holds
  }

  object(value: unknown, field: string): value is Fields {
    return this.that(isFields(value), field, "must be an object")
  }

  /** One of a set of texts. */
  oneOf(value: unknown, allowed: ReadonlyArray<string>, field: string): boolean {
    return this.that(
      typeof value === "string" && allowed.includes(value),
      field,
      `must be one of ${allowed.join(", ")}`
    )
  }

  /** Refuses fields that are not known: the vendor would drop a misspelt one in silence. */
  only(value: Fields, known: ReadonlyArray<string>, field: string): void {
    for (const name of Object.keys(value)) {
      if (!known.includes(name)) this.fail(field === "" ? name : `${field}.${name}`, "is not a field of this API")
    }
  }
}
