/** What may be said of an error: never a value that it carries. */
import * as ParseResult from "effect/ParseResult"
import * as Issue from "../../schemas/Issue.ts"
import { redactText } from "./redact.ts"

interface TaggedFailure {
  readonly _tag: string
  readonly code?: unknown
  readonly message?: unknown
}

const isTagged = (error: unknown): error is TaggedFailure =>
  typeof error === "object" && error !== null && "_tag" in error && typeof error._tag === "string"

/** What may be shown of an error. */
export interface Description {
  readonly error: string
  readonly errorType: string
  readonly code?: string
}

/** Our own errors have messages made of safe facts; any other error shows its name only. */
export const describe = (error: unknown): Description => {
  if (ParseResult.isParseError(error)) {
    return { error: Issue.render(Issue.fromParseError(error)), errorType: "ParseError" }
  }
  if (isTagged(error)) {
    return {
      error: typeof error.message === "string" ? redactText(error.message) : error._tag,
      errorType: error._tag,
      ...(typeof error.code === "string" ? { code: error.code } : {})
    }
  }
  if (error instanceof Error) return { error: error.name, errorType: error.name }
  return {
    error: typeof error === "string" ? redactText(error) : "a failure that is not an Error",
    errorType: typeof error
  }
}
